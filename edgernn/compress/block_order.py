"""The order of units in which the large weights of their matrices gather into blocks.

A search by swaps: for each unit the gains of trading places with every other one are computed at
once, against the threshold that now parts kept blocks from zero ones; the best trade is made if
what a mask keeps truly rises by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from edgernn.backend import Array

SWEEPS, LEAST_RISE = 20, 2e-4  # at most; a sweep that gains less is the last. Our choice


class _Side(NamedTuple):
    """A matrix seen along the lines that trade: its rows, or with all transposed its columns.

    height: lines of a block. parts (lines, blocks across): of each line. spare (blocks along,
    blocks across): how far each block lies above the threshold, or below. over (blocks along,):
    the sum of what lies above.
    """

    height: int
    parts: Array
    spare: Array
    over: Array

    def gains(self, first: int, place: int, units: int) -> Array:
        """What `over` rises by if the unit of a place trades with each other's; of one gate."""
        here = (first + place) // self.height
        there = (first + np.arange(units)) // self.height
        change = self.parts[first : first + units] - self.parts[first + place]
        goes = self.spare[there]
        goes -= change
        change += self.spare[here]
        rises = np.maximum(change, 0, out=change).sum(1) + np.maximum(goes, 0, out=goes).sum(1)
        gains: Array = np.where(there == here, 0.0, rises - self.over[here] - self.over[there])
        return gains


def _side(height: int, parts: Array, spare: Array) -> _Side:
    spare = np.ascontiguousarray(spare)
    return _Side(height, np.ascontiguousarray(parts), spare, np.maximum(spare, 0).sum(1))


class Blocks:
    """A matrix of magnitudes (R, C) cut into blocks, its units in a certain order.

    rows, cols: how many gates have the units along the rows, along the columns; 0 for none.
    kept: what a mask of this sparsity leaves of the magnitudes.
    """

    def __init__(
        self, magnitudes: Array, rows: int, cols: int, block: tuple[int, int], sparsity: float
    ) -> None:
        self.rows, self.cols, self.block = rows, cols, block
        self.values = magnitudes.astype(np.float64)
        high, wide = self.values.shape
        self.units = high // rows if rows else wide // cols
        self._edges = np.arange(0, high, block[0]), np.arange(0, wide, block[1])
        heights = np.diff(np.append(self._edges[0], high))
        self._sizes = np.outer(heights, np.diff(np.append(self._edges[1], wide))).astype(float)
        self._left = max(1, self._sizes.size - round(sparsity * self._sizes.size))
        self._refresh()

    def _refresh(self) -> None:
        by_row = np.add.reduceat(self.values, self._edges[1], axis=1)
        by_col = np.add.reduceat(self.values, self._edges[0], axis=0)
        sums = np.add.reduceat(by_col, self._edges[1], axis=1)
        means = (sums / self._sizes).ravel()
        best = np.argpartition(-means, self._left - 1)[: self._left]
        self.kept = float(sums.ravel()[best].sum())
        spare = sums - means[best].min() * self._sizes
        self._along_rows = _side(self.block[0], by_row, spare)
        self._along_cols = _side(self.block[1], by_col.T, spare.T)

    def _places(self, gates: int, order: Array) -> Array:
        return np.asarray((np.arange(gates)[:, None] * self.units + order).ravel())

    def take(self, order: Array) -> None:
        """Put the units of these numbers in this order."""
        if self.rows:
            self.values = self.values[self._places(self.rows, order)]
        if self.cols:
            self.values = self.values[:, self._places(self.cols, order)]
        self._refresh()

    def swap(self, a: int, b: int) -> None:
        """Let two places trade their units."""
        there, here = np.array([a, b]), np.array([b, a])
        for gate in range(self.rows):
            self.values[there + gate * self.units] = self.values[here + gate * self.units]
        for gate in range(self.cols):
            at, of = there + gate * self.units, here + gate * self.units
            self.values[:, at] = self.values[:, of]
        self._refresh()

    def gains(self, place: int) -> Array:
        """What trading with each other place would raise above the threshold: (units,).

        A mask chosen anew keeps at most that more. Exact but for blocks in which a row and a
        column trade.
        """
        total = np.zeros(self.units)
        for gates, side in ((self.rows, self._along_rows), (self.cols, self._along_cols)):
            for gate in range(gates):
                total += side.gains(gate * self.units, place, self.units)
        return total


def gathered(matrices: Sequence[Blocks]) -> Array:
    """The order that keeps the most, from the order as it is and from that by magnitude."""
    units = matrices[0].units
    starts = [np.arange(units), by_magnitude(matrices)]
    found = [_searched(matrices, start) for start in starts]
    return max(found, key=lambda one: one[0])[1]


def by_magnitude(matrices: Sequence[Blocks]) -> Array:
    """The units with the largest weights first."""
    total = np.zeros(matrices[0].units)
    for one in matrices:
        for gates, axis in ((one.rows, 1), (one.cols, 0)):
            if gates:
                total += one.values.sum(axis).reshape(gates, -1).sum(0)
    return np.argsort(-total, kind="stable")


def _searched(matrices: Sequence[Blocks], start: Array) -> tuple[float, Array]:
    """What is kept in the end, and the order; the matrices are left as they were."""
    for one in matrices:
        one.take(start)
    order, best = start.copy(), sum(one.kept for one in matrices)
    random = np.random.default_rng(0)
    for _ in range(SWEEPS):
        before = best
        for place in random.permutation(len(order)):
            gains = sum(one.gains(place) for one in matrices)
            other = int(np.argmax(gains))
            if not np.max(gains) > 1e-9 * best:
                continue
            for one in matrices:
                one.swap(place, other)
            kept = sum(one.kept for one in matrices)
            if kept > best:
                best = kept
                order[[place, other]] = order[[other, place]]
            else:
                for one in matrices:
                    one.swap(place, other)
        if best < before * (1 + LEAST_RISE):
            break
    for one in matrices:
        one.take(np.argsort(order))
    return best, order
