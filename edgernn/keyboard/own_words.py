"""A user's own words, which no training knows: names, contacts, what is spelled so on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgernn.errors import DataError
from edgernn.keyboard.letters import in_words, lower

WORTH = 1.0  # nats that an own word has above a word of the vocabulary's that is as likely
LONGEST = 32  # characters
NEAREST = 8  # own words that a typed one may be


@dataclass(slots=True)
class OwnWords:
    """Words with what each is worth, and words that are never corrected.

    Raises: DataError for a word that is empty, too long, or holds anything but letters, digits and
        apostrophes, and for one that comes twice.
    """

    worth: dict[str, float] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> OwnWords:
        """Of a file with a word a line. Raises: DataError naming the file and the line."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as cause:
            raise DataError(f"{path}: cannot be read as text: {cause}") from cause
        own = cls()
        for number, line in enumerate(lines, 1):
            if word := line.strip():
                try:
                    own.add(word)
                except DataError as cause:
                    raise DataError(f"{path}, line {number}: {cause}") from cause
        return own

    @classmethod
    def of(cls, words: Iterable[str] | Mapping[str, float]) -> OwnWords:
        """Of words, each worth WORTH, or with what each is worth."""
        own = cls()
        for word in words:
            own.add(word, words[word] if isinstance(words, Mapping) else WORTH)
        return own

    def add(self, word: str, worth: float = WORTH) -> None:
        """One word more."""
        if not word or not all(c == "'" or in_words(c) for c in word) or len(word) > LONGEST:
            raise DataError(
                f"own word {word!r}: need 1 to {LONGEST} letters, digits and apostrophes"
            )
        if word in self.worth:
            raise DataError(f"own word {word!r}: is there already")
        self.worth[word] = worth

    def keep(self, word: str) -> None:
        """Never correct what is typed so, whatever its case."""
        self.kept.add(lower(word))

    def near(self, typed: str) -> list[tuple[str, float]]:
        """Words that this may be, those of few enough edits, with what each is worth.

        The nearest first, at most NEAREST.
        """
        return [(word, self.worth[word]) for word in nearest(typed, self.worth)]

    def begun(self, typed: str) -> list[str]:
        """Words that begin so."""
        return [word for word in self.worth if lower(word).startswith(lower(typed))]


def nearest(typed: str, words: Iterable[str]) -> list[str]:
    """Those of one edit, long ones of two, the nearest first, at most NEAREST; case is nothing."""
    found, low = [], lower(typed)
    for word in words:
        most = 1 if len(word) < 6 else 2
        away = distance(low, lower(word), most)
        if away <= most:
            found.append((away, word))
    found.sort(key=lambda one: one[0])
    return [word for _, word in found[:NEAREST]]


def distance(one: str, other: str, most: int) -> int:
    """Edits between them; most + 1 if more."""
    return min(edits(one, other)[-1] if abs(len(one) - len(other)) <= most else most + 1, most + 1)


def edits(word: str, typed: str) -> list[int]:
    """Edits between a word and each beginning of what was typed, from none to all of it.

    Insertions, deletions, substitutions and swaps of neighbours: optimal string alignment, in which
    no part is changed twice.
    """
    before: list[int] = []
    row = list(range(len(typed) + 1))
    for i, a in enumerate(word, 1):
        last, before, row = before, row, [i]
        for j, b in enumerate(typed, 1):
            least = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == typed[j - 2] and word[i - 2] == b:
                least = min(least, last[j - 2] + 1)
            row.append(least)
    return row
