"""SymSpell: the nearest known words by edit distance, the likeliest of them by counts.

`Words` mends one word at a time and looks at the one before it; `Compound` is SymSpell's own way
through a line, which also splits and joins. Both leave signs, numbers and capitals where they are.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from benchmarks.peers.keyboard import Library, is_word
from edgernn.errors import MissingExtra
from edgernn.keyboard.words import cased_like, parted


@dataclass(frozen=True, slots=True)
class Settings:
    """What to take for an error, and for its mending.

    distance: edits at most. short: words of so many letters are mended by one edit at most. least:
    occurrences in the training text that make a word right. ours: of a word's probability, the
    share that the training text tells; the rest is that of English at large.
    """

    distance: int = 2
    short: int = 4
    least: int = 5
    ours: float = 0.5

    def most(self, word: str) -> int:
        """Edits of this word."""
        return min(1, self.distance) if len(word) <= self.short else self.distance


def dictionary(library: Library, settings: Settings) -> Any:
    """A SymSpell with words and pairs of words in its own unit. Raises: MissingExtra."""
    try:
        made: Any = importlib.import_module("symspellpy").SymSpell(settings.distance)
    except ImportError as cause:
        raise MissingExtra("symspellpy", "bench") from cause
    ours = {w: n for w, n in library.lower_counts.items() if n >= settings.least and is_word(w)}
    total, at_large = sum(ours.values()) or 1, sum(library.frequencies.values()) or 1
    for word in ours.keys() | library.frequencies.keys():
        here, there = ours.get(word, 0) / total, library.frequencies.get(word, 0) / at_large
        part = settings.ours * here + (1 - settings.ours) * there
        made.create_dictionary_entry(word, max(1, round(part * made.N)))
    pairs: Counter[tuple[str, str]] = Counter()
    for line in library.tokens:
        low = [word.lower() for word in line]
        pairs.update(pairwise(low))
    often = {" ".join(pair): round(n / total * made.N) for pair, n in pairs.items() if n > 1}
    made.bigrams.update(often)
    made.bigram_count_min = min(often.values(), default=made.bigram_count_min)
    return made


class Words:
    """Each unknown word becomes the nearest known one; of equally near, the likeliest here."""

    def __init__(self, dictionary: Any, settings: Settings) -> None:
        self.dictionary, self.settings = dictionary, settings

    @classmethod
    def of(cls, library: Library, settings: Settings | None = None) -> Self:
        """Made of what the library has. Raises: MissingExtra."""
        settings = settings or Settings()
        return cls(dictionary(library, settings), settings)

    def correct(self, line: str) -> str:
        made: list[str] = []
        for word in line.split(" "):
            head, core, tail = parted(word)
            context = [parted(made[-1])[1]] if made else []
            (best,) = self.best(core, context, 1) if is_word(core) else (core,)
            made.append(f"{head}{best}{tail}")
        return " ".join(made)

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        low = word.lower()
        if n == 1 and low in self.dictionary.words:
            return [word]
        from symspellpy import Verbosity

        how = Verbosity.CLOSEST if n == 1 else Verbosity.ALL
        found = self.dictionary.lookup(low, how, self.settings.most(low))
        before = context[-1].lower() if context else ""
        pairs = self.dictionary.bigrams
        found.sort(
            key=lambda one: (one.distance, -pairs.get(f"{before} {one.term}", 0), -one.count)
        )
        return [cased_like(one.term, word) for one in found[:n]] or [word]


class Compound(Words):
    """Lines by `lookup_compound`, from one sign or number to the next."""

    def correct(self, line: str) -> str:
        made: list[str] = []
        run: list[str] = []
        for word in line.split(" "):
            head, core, tail = parted(word)
            if head or not is_word(core):
                made += self._mended(run)
                run = []
            if not is_word(core):
                made.append(word)
                continue
            run.append(core)
            if head or tail:
                mended = " ".join(self._mended(run))
                made.append(f"{head}{mended}{tail}")
                run = []
        return " ".join([*made, *self._mended(run)])

    def _mended(self, run: Sequence[str]) -> list[str]:
        if not run:
            return []
        line, most = " ".join(run), self.settings.distance
        (found,) = self.dictionary.lookup_compound(line, most, split_by_space=True)
        mended: list[str] = found.term.split()
        if len(mended) == len(run):
            return [cased_like(new, old) for new, old in zip(mended, run, strict=True)]
        return [cased_like(mended[0], run[0]), *mended[1:]]
