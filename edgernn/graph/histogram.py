"""How often each size of number occurs, in bounded memory, and the 8-bit range that suits it best.

Bins are a power of two wide and lie symmetrically around zero. When a number falls outside they
become twice as wide, two neighbours one: so the first frames need not know the widest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgernn.backend import Array

HALF = 2048  # bins on either side of zero, 32 KB in all; our choice
STEPS = 254  # of 8 bits, between -127 and 127
TRIED = 64  # ends tried on either side of zero; our choice
LEAST = -40  # log2 of the narrowest bins


class Histogram:
    """Counts of finite numbers; zeros apart, for 8 bits always hold zero exactly."""

    def __init__(self) -> None:
        self.exponent = LEAST  # a bin is 2**exponent wide
        self.counts = np.zeros(2 * HALF, np.int64)

    def add(self, numbers: Array) -> None:
        """Count numbers of any shape."""
        flat = numbers.reshape(-1).astype(np.float64)
        flat = flat[flat != 0]
        if not flat.size:
            return
        self._reach(float(np.abs(flat).max()))
        place = np.floor(np.ldexp(flat, -self.exponent)).astype(np.int64) + HALF
        self.counts += np.bincount(place, minlength=2 * HALF)

    def _reach(self, size: float) -> None:
        """Widen the bins until a number of this size falls into one."""
        exponent = int(np.frexp(size)[1]) - int(np.log2(HALF))
        if exponent > self.exponent:
            self._widen(exponent - self.exponent)

    def _widen(self, doublings: int) -> None:
        """Join neighbours so many times; all is in the two bins beside zero in the end."""
        for _ in range(min(doublings, int(np.log2(HALF)))):
            pairs = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.zeros_like(self.counts)
            self.counts[HALF // 2 : 3 * HALF // 2] = pairs
        self.exponent += doublings

    def widened(self, exponent: int) -> Array:
        """Counts in bins of another width, at least as wide."""
        other = Histogram()
        other.exponent, other.counts = self.exponent, self.counts
        other._widen(exponent - self.exponent)
        return other.counts


def least_squares(found: Sequence[Histogram]) -> tuple[float, float]:
    """The range, zero included, in which 8 bits have the least squared error of all numbers.

    Within the range a number is off by a step / sqrt(12), beyond it by its distance.
    """
    exponent = max(one.exponent for one in found)
    counts = np.sum([one.widened(exponent) for one in found], axis=0)
    if not counts.any():
        return 0.0, 0.0
    middles = np.ldexp(np.arange(-HALF, HALF) + 0.5, exponent)
    used = np.flatnonzero(counts)
    lowest = min(0.0, float(np.ldexp(float(used[0] - HALF), exponent)))
    highest = max(0.0, float(np.ldexp(float(used[-1] + 1 - HALF), exponent)))
    lows, below = _ends(lowest, -middles[:HALF], counts[:HALF])
    highs, above = _ends(highest, middles[HALF:], counts[HALF:])
    step = (highs[None] - lows[:, None]) / STEPS
    error = below[:, None] + above[None] + counts.sum() * step**2 / 12
    low, high = np.unravel_index(np.argmin(error), error.shape)
    return float(lows[low]), float(highs[high])


def _ends(widest: float, sizes: Array, counts: Array) -> tuple[Array, Array]:
    """Ends of a range to be tried on one side of zero, and the squared error of what they cut."""
    if widest == 0:
        return np.zeros(1), np.zeros(1)
    ends = widest * np.arange(1, TRIED + 1) / TRIED
    beyond = np.maximum(sizes[None] - np.abs(ends)[:, None], 0)
    return ends, np.asarray((beyond**2 * counts).sum(axis=1))
