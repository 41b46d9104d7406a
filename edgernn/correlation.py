"""Correlation of two series, by value and by rank, and how large it may be by chance."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NORMAL_95 = 1.96  # standard deviations that hold 95 % of a normal distribution


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Linear correlation; nan when either series does not vary."""
    a, b = np.asarray(x, float) - np.mean(x), np.asarray(y, float) - np.mean(y)
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / scale if scale > 1e-12 else math.nan


def ranks(x: Sequence[float]) -> Floats:
    """Ranks from 0; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(np.asarray(x, float), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Floats = ends - (counts + 1) / 2
    return means[inverse]


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Correlation of the ranks."""
    return pearson([*ranks(x)], [*ranks(y)])


def without_group_means(x: Sequence[float], groups: Sequence[Hashable]) -> list[float]:
    """Each value less the mean of its group, so that only differences within groups are left."""
    totals: dict[Hashable, list[float]] = {}
    for value, group in zip(x, groups, strict=True):
        totals.setdefault(group, []).append(value)
    return [v - float(np.mean(totals[g])) for v, g in zip(x, groups, strict=True)]


def by_chance(count: int) -> float:
    """What 95 % of Pearson correlations of `count` unrelated pairs stay below (Fisher's z)."""
    return math.tanh(NORMAL_95 / math.sqrt(count - 3)) if count > 3 else 1.0
