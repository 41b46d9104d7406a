"""Fair timing on a noisy machine: contenders in turn, in random order, compared round by round.

A round runs every contender once, some steps each. What disturbs the machine for longer than a
round disturbs all of them, so ratios are taken within a round, and their spread is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Measure = Callable[[int], Array]  # steps -> nanoseconds of each


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds a step over all rounds; p99 is None where steps were not timed singly."""

    median_us: float
    p99_us: float | None


@dataclass(frozen=True, slots=True)
class Ratio:
    """Paired ratio of medians over the rounds; `low`, `high`: its quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


WARM_STEPS = 10


def interleaved(
    contenders: Mapping[str, Measure],
    rounds: int,
    steps: int,
    *,
    seed: int = 0,
    warm: Mapping[str, int] | None = None,
) -> dict[str, list[Array]]:
    """Nanoseconds by contender, one array a round.

    Each warms up again before its steps, or the others' memory would be in the caches in the
    place of its own: WARM_STEPS, or as many as `warm` says for it.
    """
    wanted = warm or {}
    order, rng = list(contenders), np.random.default_rng(seed)
    found: dict[str, list[Array]] = {name: [] for name in contenders}
    for _ in range(rounds):
        rng.shuffle(order)
        for name in order:
            measure = contenders[name]
            measure(wanted.get(name, WARM_STEPS))
            found[name].append(measure(steps))
    return found


def times(rounds: list[Array]) -> Times:
    """Median and 99th percentile of the single steps of all rounds."""
    every = np.concatenate(rounds) / 1e3
    single = all(len(one) > 1 for one in rounds)
    return Times(float(np.median(every)), float(np.percentile(every, 99)) if single else None)


def ratio(theirs: list[Array], ours: list[Array]) -> Ratio:
    """Theirs over ours, paired by round: above 1, ours is the faster one."""
    pairs = [np.median(a) / np.median(b) for a, b in zip(theirs, ours, strict=True)]
    low, median, high = np.percentile(pairs, [25, 50, 75])
    return Ratio(float(median), float(low), float(high))


def fastest(found: Mapping[str, list[Array]]) -> str:
    """The contender with the least median over the rounds' medians."""
    return min(found, key=lambda name: float(np.median([np.median(one) for one in found[name]])))
