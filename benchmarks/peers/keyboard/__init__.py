"""Keyboards without a network, one file each: what a neural one has to beat.

Each is made of a `Library`, all that it may learn from, and of settings whose defaults were chosen
on validation dialogues by `python -m benchmarks.keyboard_tuning`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from edgernn.keyboard.words import parted


@dataclass(frozen=True)
class Library:
    """Lines of training text, and how often words (lower case) occur in English at large."""

    lines: Sequence[str]
    frequencies: Mapping[str, int]

    @cached_property
    def tokens(self) -> list[list[str]]:
        """Of each line."""
        return [tokens(line) for line in self.lines]

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word and sign is in the lines, as it is written there."""
        return Counter(chain.from_iterable(self.tokens))

    @cached_property
    def lower_counts(self) -> Counter[str]:
        """The same without capitals."""
        found: Counter[str] = Counter()
        for word, count in self.counts.items():
            found[word.lower()] += count
        return found


def tokens(line: str) -> list[str]:
    """Words and the signs before and behind them, each by itself."""
    return [part for word in line.split() for part in parted(word) if part]


def is_word(core: str) -> bool:
    """Whether an English dictionary may hold it: letters, with apostrophes within."""
    letters = core.replace("'", "")
    return letters.isascii() and letters.isalpha()


class AsTyped:
    """Corrects nothing."""

    def correct(self, line: str) -> str:
        return line

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        return [word][:n]
