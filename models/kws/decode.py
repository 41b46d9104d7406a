"""The decode loop of the keyword spotter, with the settings chosen on validation data."""

from __future__ import annotations

from collections.abc import Sequence

from edgernn.models.kws import FRAME_MS, INFO, LABELS
from edgernn.spotting.detector import Detection, WordDetector

__all__ = ["Detection", "Detector"]

THRESHOLD, WINDOW_MS, REFRACTORY_MS = (
    INFO.spotting[name] for name in ("threshold", "window_ms", "refractory_ms")
)


class Detector(WordDetector):
    """Say when a keyword was spoken."""

    def __init__(
        self,
        labels: Sequence[str] = LABELS,
        *,
        threshold: float = THRESHOLD,
        window_ms: float = WINDOW_MS,
        refractory_ms: float = REFRACTORY_MS,
        frame_ms: float = FRAME_MS,
    ) -> None:
        super().__init__(
            labels,
            threshold=threshold,
            window_ms=window_ms,
            refractory_ms=refractory_ms,
            frame_ms=frame_ms,
        )
