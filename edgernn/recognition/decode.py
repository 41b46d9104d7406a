"""Recognise a live stream by the steps of a bundle, a word as soon as it is certain.

Needs numpy alone. Steps: `features` (samples to cepstra), `encoder`, `predictor`, `joiner`.

    recognizer = Recognizer(open_steps("asr.edgernn"), beam=4)
    for block in blocks:  # (160,) float32
        words = recognizer.push(block)
    words = recognizer.finish()
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.backend import Array, need_steps
from edgernn.errors import DataError
from edgernn.recognition.hot_words import HotWords
from edgernn.recognition.search import BeamSearch, Emitted
from edgernn.single import exp

STEPS = ("features", "encoder", "predictor", "joiner")
MOST_FRAMES = 2**32 - 1  # that can be counted in C


def check_steps(names: Iterable[str]) -> None:
    """Raises: DataError if these are not the steps of a recogniser."""
    need_steps(names, STEPS, "recogniser")


def end_frames(end_ms: float | None, word_ms: float) -> int:
    """The encoder's frames without a word that end an utterance; 0: none do. Raises: DataError."""
    if end_ms is None:
        return 0
    if not end_ms > 0:
        raise DataError(f"end_ms {end_ms:g}; need a time above 0")
    return math.ceil(min(end_ms / word_ms, MOST_FRAMES))


@dataclass(frozen=True, slots=True)
class Word:
    """A word that was heard.

    time_ms: where in the stream its frame ends; an encoder that looks ahead has heard on until it
    tells. score: its probability there, in (0, 1]. utterance: how many had ended before it.
    """

    label: str
    time_ms: float
    score: float
    utterance: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the n best: words that are not certain yet; score: its probability among the beam."""

    words: tuple[Word, ...]
    score: float


class Recognizer:
    """One live stream through a recogniser's steps.

    sessions: of `edgernn.runtime.open_steps`. beam: hypotheses that are followed; 1 is greedy.
    hot_words: expected phrases, with what each word of them is worth in nats. end_ms: without a
    word for so long after one, the utterance has ended; None: it never does.

    Raises: DataError if the sessions are no recogniser's, for a beam below 1, no time, or hot words
        that are not in the vocabulary.
    """

    def __init__(
        self,
        sessions: Mapping[str, Any],
        *,
        beam: int = 1,
        hot_words: Mapping[str, float] | None = None,
        end_ms: float | None = None,
    ) -> None:
        check_steps(sessions)
        self.sessions = sessions
        first, encoder = sessions["features"], sessions["encoder"]
        self.labels, self.block, self.hop = first.labels, first.timing.block, encoder.timing.block
        self.word_ms, self.delay = self.hop * first.frame_ms, encoder.timing.delay
        self._end_frames = end_frames(end_ms, self.word_ms)
        hot = HotWords(hot_words or {}, self.labels)
        sessions["predictor"].reset()
        self._start = sessions["predictor"].state
        self._search = BeamSearch(self._predict, self._join, beam, hot)
        self.reset()

    def reset(self) -> None:
        """Back to the state before the first sample."""
        for session in self.sessions.values():
            session.reset()
        self._search.begin()
        self._waiting: list[Array] = []
        self._last: Array | None = None  # of the frames that the encoder was given
        self._early = self.delay  # vectors to come that tell nothing, or what was told already
        self._frames, self.utterance = 0, 0

    def push(self, samples: Array) -> list[Word]:
        """The words that one block of samples makes certain. Shapes: (block,)."""
        features = self.sessions["features"].step(samples)
        return self.push_features(features.reshape(-1, features.shape[-1]))

    def push_features(self, features: Array) -> list[Word]:
        """The words that frames of features make certain. Shapes: (n, channels)."""
        words: list[Word] = []
        for frame in features:
            self._waiting.append(frame)
            if len(self._waiting) == self.hop:
                words += self._encoded(np.stack(self._waiting))
                self._waiting.clear()
        return words

    def finish(self) -> list[Word]:
        """The rest of the utterance; the next word begins another.

        What an encoder that looks ahead still holds back is heard as if the last frame went on.
        The stream may go on behind.
        """
        return self._held_back() + self._ended()

    def readings(self) -> list[Reading]:
        """What may have been said since the last certain word, the likeliest first."""
        return [
            Reading(tuple(self._named(one.words)), float(exp(one.score)))
            for one in self._search.ranked()
        ]

    def _held_back(self) -> list[Word]:
        """Words of the frames that the encoder still waits for the future of; it stays so."""
        if self._last is None or self._early == self.delay:
            return []
        encoder, block = self.sessions["encoder"], np.stack([self._last] * self.hop)
        before = encoder.state
        words = [word for _ in range(self.delay) for word in self._encoded(block)]
        encoder.load_state(before)
        self._early = self.delay
        return words

    def _ended(self) -> list[Word]:
        words = self._named(self._search.end())
        self.utterance += 1
        return words

    def _encoded(self, block: Array) -> list[Word]:
        """Take the frames of one vector of the encoder."""
        encoded, self._last = self.sessions["encoder"].step(block).ravel(), block[-1]
        if self._early:
            self._early -= 1
            return []
        return self._advanced(encoded)

    def _advanced(self, encoded: Array) -> list[Word]:
        """Take one vector of the encoder."""
        words = self._named(self._search.push(encoded, self._frames))
        last = self._search.last
        if self._end_frames and last is not None and self._frames - last >= self._end_frames:
            words += self._ended()
        self._frames += 1
        return words

    def _named(self, emitted: Iterable[Emitted]) -> list[Word]:
        return [
            Word(self.labels[w.label], (w.frame + 1) * self.word_ms, w.score, self.utterance)
            for w in emitted
        ]

    def _predict(self, label: int, state: Any) -> tuple[Array, Any]:
        predictor = self.sessions["predictor"]
        predictor.load_state(self._start if state is None else state)
        vector = predictor.step(np.array([label])).ravel()
        return vector, predictor.state

    def _join(self, encoded: Array, predicted: Array) -> Array:
        logits: Array = self.sessions["joiner"].step(np.concatenate([encoded, predicted])).ravel()
        return logits
