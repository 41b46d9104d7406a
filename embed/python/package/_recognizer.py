"""Words that are said in a stream of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from numpy.typing import ArrayLike

from . import _native
from ._closing import Closing
from ._errors import InputError
from ._model import Model
from ._sound import Blocks

MOST_WORTH = 1000.0


class Word(NamedTuple):
    """A word that was heard.

    time_ms: from the first sample on. score: its probability there. utterance: how many had ended
    before it.
    """

    text: str
    time_ms: float
    score: float
    utterance: int


class Reading(NamedTuple):
    """What may have been said since the last certain word, and its probability in the beam."""

    words: tuple[Word, ...]
    score: float


class Recognizer(Closing):
    """One live stream of sound, in which words are recognised.

    model: the package's own if none. beam: hypotheses that are followed; 1 is greedy. end_ms:
    without a word for so long an utterance ends; never if none. hot_words: phrases that are
    expected, with what each word of them is worth in nats. Each thread needs one of its own.

        recognizer = Recognizer(end_ms=800)
        for samples in microphone:  # float32 in [-1, 1), as many as there are
            for word in recognizer.push(samples):
                print(word.text, word.time_ms)

    Raises: ModelError for a model that is no recogniser, InputError for another option.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        beam: int = 4,
        end_ms: float | None = None,
        hot_words: Mapping[str, float] | None = None,
    ) -> None:
        self.model = Model() if model is None else model
        if not 1 <= beam <= 32:
            raise InputError(f"beam {beam}; need 1 to 32")
        if end_ms is not None and not end_ms > 0:
            raise InputError(f"end_ms {end_ms}; need a time above 0")
        phrases = _phrases(hot_words or {}, self.model.labels)
        self._loop = _native.Recognizer(self.model.library(), beam, end_ms or 0.0, phrases)
        self._blocks = Blocks(self._loop.block())

    def push(self, samples: ArrayLike) -> list[Word]:
        """Take mono samples, any number; gives the words that have become certain.

        Raises: InputError for another type, several channels, or a NaN: then nothing was heard.
        """
        return [Word(*word) for word in self._blocks.push(samples, self._loop.push)]

    def finish(self) -> list[Word]:
        """The rest of the utterance; the next word begins another, and the stream may go on."""
        with self._blocks.alone():
            return [Word(*word) for word in self._loop.finish()]

    def readings(self) -> list[Reading]:
        """What may have been said since the last certain word, the likeliest first."""
        with self._blocks.alone():
            found = self._loop.readings()
        return [Reading(tuple(Word(*word) for word in words), score) for words, score in found]

    def reset(self) -> None:
        """Before the first sample."""
        with self._blocks.alone():
            self._loop.reset()
            self._blocks.clear()

    def save(self) -> bytes:
        """All that was heard so far as bytes, from which any package goes on, in any language."""
        return self._blocks.save(self._loop.save)

    def restore(self, saved: bytes) -> None:
        """Go on from there, by an end_ms of its own.

        Raises: StateError for bytes that are damaged, or of another model, loop or version, or of
            another beam or other hot words; then all is as it was.
        """
        self._blocks.restore(saved, self._loop.restore)

    def close(self) -> None:
        """What comes after it raises ClosedError."""
        self._loop.close()


def _phrases(
    hot_words: Mapping[str, float], labels: Sequence[str]
) -> tuple[tuple[tuple[int, ...], float], ...]:
    """Labels and worth of each phrase. Raises: InputError."""
    known = {word: label for label, word in enumerate(labels) if label}
    for phrase, worth in hot_words.items():
        if unknown := [word for word in phrase.split() if word not in known]:
            raise InputError(f"hot words {phrase!r}: {unknown[0]} is not in the vocabulary")
        if not phrase.split() or not 0 < worth <= MOST_WORTH:
            raise InputError(
                f"hot words {phrase!r}, worth {worth:g}: need words, worth above 0 and at most "
                f"{MOST_WORTH:g}"
            )
    return tuple(
        (tuple(known[word] for word in phrase.split()), float(worth))
        for phrase, worth in hot_words.items()
    )
