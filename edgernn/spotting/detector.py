"""From a stream of logits to detections: smooth, threshold, and then stay quiet for a while.

Needs numpy only, so that it runs beside a bundle where there is no torch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Detection:
    """A keyword heard. time_ms: end of the frame that decided; score: smoothed posterior."""

    label: str
    time_ms: float
    score: float


def is_keyword(label: str) -> bool:
    """Whether a label is a word to detect; labels in underscores (`_silence_`) never are."""
    return not label.startswith("_")


class WordDetector:
    """Say when a keyword was spoken.

    A keyword is detected in the frame where its posterior, averaged over `window_ms`, is the
    largest of the keywords and reaches `threshold`. Afterwards nothing is for `refractory_ms`,
    and the same word not again before its averaged posterior has fallen below half the
    threshold. Labels in underscores (`_silence_`, `_unknown_`) are never detected.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        threshold: float,
        window_ms: float,
        refractory_ms: float,
        frame_ms: float,
    ) -> None:
        self.labels, self.threshold, self.frame_ms = tuple(labels), threshold, frame_ms
        self.window = max(1, round(window_ms / frame_ms))
        self.refractory = round(refractory_ms / frame_ms)
        self.keywords = np.flatnonzero([is_keyword(label) for label in self.labels])
        self.reset()

    def reset(self) -> None:
        """Back to the start of a stream."""
        self.frames, self.quiet = 0, 0
        self.recent: deque[NDArray[np.float64]] = deque(maxlen=self.window)
        self.held: int | None = None

    def push(self, logits: NDArray[Any]) -> list[Detection]:
        """Take the logits of one or more frames (..., labels); give what they complete."""
        found = []
        for row in np.asarray(logits, np.float64).reshape(-1, len(self.labels)):
            one = self._frame(row)
            if one is not None:
                found.append(one)
        return found

    def _frame(self, row: NDArray[np.float64]) -> Detection | None:
        self.frames += 1
        shifted = np.exp(row - row.max())
        self.recent.append(shifted / shifted.sum())
        mean = np.sum(self.recent, axis=0) / self.window
        if self.held is not None and mean[self.held] < self.threshold / 2:
            self.held = None
        if self.quiet:
            self.quiet -= 1
            return None
        best = int(self.keywords[mean[self.keywords].argmax()])
        if mean[best] < self.threshold or best == self.held:
            return None
        self.quiet, self.held = self.refractory, best
        return Detection(self.labels[best], self.frames * self.frame_ms, float(mean[best]))
