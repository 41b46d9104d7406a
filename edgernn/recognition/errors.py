"""Word errors: how many, of which kind, and whether one recogniser makes fewer than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgernn.errors import DataError

AT_ONCE = 1 << 22  # utterances drawn in one go; bounds the memory


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Errors of one or more utterances beside the words that were spoken."""

    words: int
    substituted: int = 0
    deleted: int = 0
    inserted: int = 0

    @property
    def errors(self) -> int:
        return self.substituted + self.deleted + self.inserted

    @property
    def rate(self) -> float:
        """The word error rate; above 1 where more is inserted than was said. 0 of no words."""
        return self.errors / self.words if self.words else float(self.errors > 0)

    def __add__(self, other: WordErrors) -> WordErrors:
        return WordErrors(
            self.words + other.words,
            self.substituted + other.substituted,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
        )


def word_errors(spoken: Sequence[object], heard: Sequence[object]) -> WordErrors:
    """The fewest substitutions, deletions and insertions that make `heard` of `spoken`.

    Of alignments with equally many errors, one with the most substitutions counts.
    """
    words = len(spoken)
    spoken, heard = _unlike(spoken, heard)
    # (errors, deleted, inserted) of each prefix of `heard`; the rest of the errors substitute.
    row = [(j, 0, j) for j in range(len(heard) + 1)]
    for i, word in enumerate(spoken, 1):
        above, row = row, [(i, i, 0)]
        for j, said in enumerate(heard, 1):
            errors, deleted, inserted = above[j - 1]
            change = (errors + (word != said), deleted, inserted)
            errors, deleted, inserted = above[j]
            gone = (errors + 1, deleted + 1, inserted)
            errors, deleted, inserted = row[j - 1]
            more = (errors + 1, deleted, inserted + 1)
            row.append(min(change, gone, more, key=lambda one: (one[0], one[1] + one[2])))
    errors, deleted, inserted = row[-1]
    return WordErrors(words, errors - deleted - inserted, deleted, inserted)


def _unlike(
    one: Sequence[object], other: Sequence[object]
) -> tuple[Sequence[object], Sequence[object]]:
    """Both without what they begin and end with alike, which some best alignment pairs."""
    shortest = min(len(one), len(other))
    head = next((i for i in range(shortest) if one[i] != other[i]), shortest)
    rest = range(1, shortest - head + 1)
    tail = next((i - 1 for i in rest if one[-i] != other[-i]), shortest - head)
    return one[head : len(one) - tail], other[head : len(other) - tail]


def resampled_rates(
    parts: ArrayLike, wholes: ArrayLike, *, draws: int = 10_000, seed: int = 0
) -> NDArray[np.float64]:
    """`sum(parts) / sum(wholes)` over as many utterances drawn with replacement, for each draw."""
    part, whole = np.asarray(parts), np.asarray(wholes)
    rng = np.random.default_rng(seed)
    rates = np.empty(draws)
    most = max(1, AT_ONCE // len(whole))
    for first in range(0, draws, most):
        drawn = rng.integers(0, len(whole), (min(most, draws - first), len(whole)))
        rates[first : first + most] = part[drawn].sum(1) / np.maximum(1, whole[drawn].sum(1))
    return rates


@dataclass(frozen=True, slots=True)
class Comparison:
    """The word error rate of one recogniser less another's, on the same utterances.

    low, high: the 95 % interval of the difference. better: the share of resamples in which the
    first makes fewer errors, ties counted half.
    """

    difference: float
    low: float
    high: float
    better: float


def paired_bootstrap(
    first: Sequence[WordErrors], second: Sequence[WordErrors], *, draws: int = 10_000, seed: int = 0
) -> Comparison:
    """Whether the first recogniser is better than chance over utterances tells.

    Raises: DataError unless both were given the same utterances.
    Source: Bisani and Ney 2004, "Bootstrap estimates for confidence intervals in ASR".
    """
    words = np.array([one.words for one in first])
    if not len(words) or words.tolist() != [one.words for one in second]:
        raise DataError(
            f"paired_bootstrap: {len(first)} and {len(second)} utterances; need the same ones"
        )
    apart = np.array([a.errors - b.errors for a, b in zip(first, second, strict=True)])
    rates = resampled_rates(apart, words, draws=draws, seed=seed)
    low, high = np.quantile(rates, [0.025, 0.975])
    better = float((rates < 0).mean() + 0.5 * (rates == 0).mean())
    return Comparison(float(apart.sum() / max(1, words.sum())), float(low), float(high), better)
