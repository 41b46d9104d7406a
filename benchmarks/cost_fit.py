"""Prices of kinds of work from counted steps: non-negative least squares of the relative error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS = 12  # of reweighting, after which outliers weigh little
SWEEPS = 4000  # over all prices; each step is exact for one of them
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
        prices = _least_squares(matrix * weights[:, None], weights, prices)
        weights = np.maximum(np.abs(matrix @ prices - 1), LEAST) ** -0.5
    return {kind: float(price) for kind, price in zip(kinds, prices, strict=True)}


def _least_squares(matrix: Floats, wanted: Floats, start: Floats) -> Floats:
    """The x >= 0 with the least |matrix x - wanted|, by coordinate descent from `start`."""
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1
    gram = (matrix / scale).T @ (matrix / scale)
    gram[np.diag_indices_from(gram)] += 1e-6  # of two kinds that always go together, both get some
    aim, x = (matrix / scale).T @ wanted, start * scale
    slope = gram @ x - aim
    for _ in range(SWEEPS):
        largest = 0.0
        for k in range(len(x)):
            moved = max(x[k] - slope[k] / gram[k, k], 0.0) - x[k]
            if moved:
                x[k] += moved
                slope += gram[:, k] * moved
                largest = max(largest, abs(moved))
        if largest < 1e-7:
            break
    result: Floats = x / scale
    return result
