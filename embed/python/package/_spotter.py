"""Keywords in a stream of samples."""

from __future__ import annotations

from typing import NamedTuple

from numpy.typing import ArrayLike

from . import _native
from ._closing import Closing
from ._errors import InputError
from ._model import Model
from ._sound import Blocks


class Detection(NamedTuple):
    """A keyword that was heard. time_ms: from the first sample on; score: in (0, 1]."""

    label: str
    time_ms: float
    score: float


class Spotter(Closing):
    """One live stream of sound, in which keywords are spotted.

    model: the package's own if none. threshold: the score from which on a word is detected; the
    model's own if none. Each thread needs a spotter of its own.

        spotter = Spotter()
        for samples in microphone:  # float32 in [-1, 1), as many as there are
            for word in spotter.push(samples):
                print(word.label, word.time_ms, word.score)

    Raises: ModelError for a model that is no spotter, InputError for a threshold not in (0, 1].
    """

    def __init__(self, model: Model | None = None, *, threshold: float | None = None) -> None:
        self.model = Model() if model is None else model
        self._loop = _native.Spotter(self.model.library())
        self._blocks = Blocks(self._loop.block())
        if threshold is not None:
            self.threshold = threshold

    @property
    def threshold(self) -> float:
        """The score from which on a word is detected; it may be set at any time."""
        return self._loop.threshold()

    @threshold.setter
    def threshold(self, value: float) -> None:
        if not 0 < value <= 1:
            raise InputError(f"threshold {value}; need one above 0 and at most 1")
        self._loop.threshold(value)

    def push(self, samples: ArrayLike) -> list[Detection]:
        """Take mono samples, any number; gives the words that are heard by now.

        Raises: InputError for another type, several channels, or a NaN: then nothing was heard.
        """
        return [Detection(*word) for word in self._blocks.push(samples, self._loop.push)]

    def reset(self) -> None:
        """Before the first sample."""
        with self._blocks.alone():
            self._loop.reset()
            self._blocks.clear()

    def save(self) -> bytes:
        """All that was heard so far as bytes, from which any package goes on, in any language."""
        return self._blocks.save(self._loop.save)

    def restore(self, saved: bytes) -> None:
        """Go on from there, by a threshold of its own.

        Raises: StateError for bytes that are damaged, or of another model, loop or version;
            then all is as it was.
        """
        self._blocks.restore(saved, self._loop.restore)

    def close(self) -> None:
        """What comes after it raises ClosedError."""
        self._loop.close()
