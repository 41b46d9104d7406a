"""Prices of kinds of work from counted steps: non-negative least squares of the relative error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS = 12  # of reweighting, after which outliers weigh little
RIDGE, TOLERANCE = 1e-6, 1e-9  # of two kinds that always go together, both get some
LEAST = 0.01  # share of error below which all weigh the same


def fitted(amounts: Sequence[Mapping[str, float]], counts: Sequence[float]) -> dict[str, float]:
    """A price of at least 0 for each kind, so that their sums are near the counts.

    What is made small is the sum of |sum / count - 1|, by least squares that are reweighted.
    """
    kinds = sorted({kind for row in amounts for kind in row})
    column = {kind: at for at, kind in enumerate(kinds)}
    matrix = np.zeros((len(counts), len(kinds)))
    for at, (row, count) in enumerate(zip(amounts, counts, strict=True)):
        for kind, amount in row.items():
            matrix[at, column[kind]] = amount / count
    prices, weights = np.zeros(len(kinds)), np.ones(len(counts))
    for _ in range(ROUNDS):
        prices = _least_squares(matrix * weights[:, None], weights)
        weights = np.maximum(np.abs(matrix @ prices - 1), LEAST) ** -0.5
    return {kind: float(price) for kind, price in zip(kinds, prices, strict=True)}


def _least_squares(matrix: Floats, wanted: Floats) -> Floats:
    """The x >= 0 with the least |matrix x - wanted|.

    Source: Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23: the active set.
    """
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1
    gram = (matrix / scale).T @ (matrix / scale)
    gram[np.diag_indices_from(gram)] += RIDGE
    aim, x = (matrix / scale).T @ wanted, np.zeros(len(scale))
    free = np.zeros(len(scale), bool)
    for _ in range(3 * len(scale)):
        slope = np.where(free, -np.inf, aim - gram @ x)
        if slope.max() < TOLERANCE:
            break
        free[np.argmax(slope)] = True
        while True:
            best = np.zeros_like(x)
            best[free] = np.linalg.solve(gram[np.ix_(free, free)], aim[free])
            below = free & (best <= 0)
            if not below.any():
                break
            step = np.min(x[below] / (x[below] - best[below]))
            x += step * (best - x)
            free &= x > TOLERANCE
            x[~free] = 0
        x = best
    found: Floats = x / scale
    return found
