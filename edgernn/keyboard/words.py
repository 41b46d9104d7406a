"""Words of a text and back, to the character; and the vocabulary of the most frequent ones.

A word is what stands between spaces: a core in lower case, how that is cased, and the punctuation
around it. Words in which there is no letter or digit have an empty core.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from edgernn.errors import DataError
from edgernn.keyboard.letters import begins_words, in_words, is_upper, lower, upper

ENDS = (".", "!", "?")  # of sentences
UNKNOWN = 0  # the label of a core that is not in the vocabulary


class Casing(IntEnum):
    """How a core is cased; of one that is mixed, its letters are kept as they are."""

    LOWER = 0
    CAPITALISED = 1
    UPPER = 2
    MIXED = 3


class Word(NamedTuple):
    """core: in lower case. lead, trail: punctuation. literal: the core as it is, if it is mixed."""

    core: str
    casing: Casing = Casing.LOWER
    lead: str = ""
    trail: str = ""
    literal: str = ""

    @property
    def surface(self) -> str:
        """As it stands in a text."""
        return f"{self.lead}{self._cased()}{self.trail}"

    def _cased(self) -> str:
        if self.casing is Casing.CAPITALISED:
            return _capitalised(self.core)
        if self.casing is Casing.UPPER:
            return upper(self.core)
        return self.literal if self.casing is Casing.MIXED else self.core


@lru_cache(1 << 16)
def parted(word: str) -> tuple[str, str, str]:
    """The signs before a word, the word itself, those after it; see `edgernn.keyboard.letters`."""
    start, stop = 0, len(word)
    while start < stop and not begins_words(word[start]):
        start += 1
    while stop > start and not in_words(word[stop - 1]):
        stop -= 1
    return word[:start], word[start:stop], word[stop:]


def split(text: str) -> list[Word]:
    """The words of a text; `join` gives it back with single spaces."""
    return [word_of(surface) for surface in text.split()]


def join(words: Iterable[Word]) -> str:
    """The text of some words."""
    return " ".join(word.surface for word in words)


def word_of(surface: str) -> Word:
    """One word, which has no space in it."""
    lead, own, trail = parted(surface)
    return cased(own)._replace(lead=lead, trail=trail)


def cased(own: str) -> Word:
    """One without punctuation around it."""
    core = lower(own)
    if own == core:
        return Word(core, Casing.LOWER)
    if own == _capitalised(core):
        return Word(core, Casing.CAPITALISED)
    if own == upper(core):
        return Word(core, Casing.UPPER)
    return Word(core, Casing.MIXED, literal=own)


def cased_like(form: str, other: str) -> str:
    """A form with the casing of another word; of a mixed one, with that of its first letter.

    Capitals of its own stay: it is English, even where english was typed.
    """
    model = word_of(other)
    if model.casing is Casing.UPPER:
        return upper(form)
    begins = model.casing is Casing.CAPITALISED or any(map(is_upper, model.literal[:1]))
    return capital(form) if begins else form


def ends_sentence(surface: str) -> bool:
    """Whether a sentence ends with this word; an ellipsis ends none, and U.S. has signs within."""
    core, text = parted(surface)[1], surface.rstrip('")]}')
    return text[-1:] in ENDS and not text.endswith("..") and "." not in core


def shift_slipped(word: Word) -> bool:
    """Whether shift was held a letter too long, as in THe; TVs and TV's are meant so."""
    first, rest = word.literal[:2], word.literal[2:]
    return all(map(is_upper, first)) and rest == lower(rest) and rest not in ("", "s", "'s")


def capital(form: str) -> str:
    """A form as it begins a sentence: with a capital, if it has none."""
    return _capitalised(form) if form == lower(form) else form


def _capitalised(core: str) -> str:
    """With its first letter in upper case; of 3d it is the D."""
    for i, char in enumerate(core):
        if upper(char) != char:
            return core[:i] + upper(char) + core[i + 1 :]
    return core


def counted(texts: Iterable[str]) -> Counter[str]:
    """How often each core occurs; words without one are not counted."""
    counts = Counter(word.core for text in texts for word in split(text))
    del counts[""]
    return counts


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words in the order of their labels 1, 2, ..., the most frequent first.

    Each is a core with the capitals that it always has: I, English, iPhone.

    Raises: DataError if there is none, or one is no word, or is there twice.
    """

    words: tuple[str, ...]
    labels: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.words:
            raise DataError("vocabulary: no words; need at least one")
        labels: dict[str, int] = {}
        for label, word in enumerate(self.words, 1):
            core = lower(word)
            if not word or word.split() != [word] or parted(word)[1] != word:
                raise DataError(
                    f"vocabulary: word {label} is {word!r}; need one without spaces, its first and "
                    "last characters letters or digits"
                )
            if labels.setdefault(core, label) != label:
                raise DataError(f"vocabulary: {word!r} is word {labels[core]} and word {label}")
        object.__setattr__(self, "labels", labels)

    @classmethod
    def of(
        cls, counts: Mapping[str, float], size: int, forms: Mapping[str, str] | None = None
    ) -> Vocabulary:
        """The most frequent cores that have a letter in them; of equals the first by spelling.

        forms: of the cores that have capitals of their own.
        """
        able = (word for word in counts if any(char.isalpha() for char in word))
        most = sorted(able, key=lambda word: (-counts[word], word))[:size]
        return cls(tuple((forms or {}).get(word, word) for word in most))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """From a text file of a word a line. Raises: DataError naming the file."""
        try:
            return cls(tuple(path.read_text(encoding="utf-8").splitlines()))
        except (OSError, UnicodeDecodeError, DataError) as cause:
            raise DataError(f"{path}: {cause}") from cause

    def save(self, path: Path) -> None:
        """As a text file of a word a line."""
        path.write_text("".join(f"{word}\n" for word in self.words), encoding="utf-8")

    def __len__(self) -> int:
        """How many labels there are, that of what is not here among them."""
        return len(self.words) + 1

    def label(self, core: str) -> int:
        """That of a core, UNKNOWN if it is not here."""
        return self.labels.get(core, UNKNOWN)

    def coverage(self, counts: Mapping[str, int]) -> float:
        """The share of counted cores that are here."""
        known = sum(count for core, count in counts.items() if core in self.labels)
        return known / max(1, sum(counts.values()))
