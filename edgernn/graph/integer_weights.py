"""Float weights as integers of few bits: one scale a row, and a gain for each chunk of a row.

The scale of a chunk is searched for the least squared error; gains are whole numbers, so that a
row's sum stays an exact integer: w ~= scale[row] * gain[row, chunk] * integer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgernn.backend import Array

CHUNK = 32  # columns that share a gain
LEVELS = {8: (-127, 127), 4: (-7, 7), 2: (-2, 1)}
GAIN_TOP = 63  # the greatest gain of a row; our choice: finer gains no longer lessen the error
SHRINK = np.linspace(1.0, 0.5, 11)  # tried shares of the widest weight, below 8 bits; our choice


@dataclass(frozen=True, slots=True)
class IntegerWeights:
    """`rows` int8 (R, C), `scale` (R,), `gain` uint8 (R, chunks) or None."""

    rows: Array
    scale: Array
    gain: Array | None = None

    def sums(self, absolute: bool = False) -> Array:
        """Sum of each row's integers, or of their magnitudes, each times its gain: int64."""
        wide = self.rows.astype(np.int64)
        wide = np.abs(wide) if absolute else wide
        return np.asarray((wide * self.gains_by_column()).sum(axis=1))

    def gains_by_column(self) -> Array:
        """Gains (R, C) or ones, int64."""
        if self.gain is None:
            return np.ones((1, 1), np.int64)
        wide = np.repeat(self.gain.astype(np.int64), CHUNK, axis=1)
        return np.asarray(wide[:, : self.rows.shape[1]])


def _best_scale(weight: Array, bits: int) -> Array:
    """The scale of each row (R, C) -> (R,) with the least squared error."""
    low, high = LEVELS[bits]
    top = np.maximum(weight.max(axis=1) / high, weight.min(axis=1) / low)
    top = np.where(top > 0, top, 1.0)
    if bits == 8:
        return np.asarray(top)
    best, error = top, np.full(len(weight), np.inf)
    for share in SHRINK:
        scale = (top * share)[:, None]
        made = np.clip(np.rint(weight / scale), low, high) * scale
        now = ((made - weight) ** 2).sum(axis=1)
        best, error = np.where(now < error, scale[:, 0], best), np.minimum(now, error)
    return np.asarray(best)


def _alike(scale: Array, weight: Array) -> Array:
    """Scales, with that of the greatest row for rows of zeros, where any would do."""
    full = weight.any(axis=1)
    return np.where(full, scale, scale[full].max(initial=0.0) or 1.0)


def integer_weights(
    weight: Array, bits: int, chunk: int = 0, least: Array | float = 0.0
) -> IntegerWeights:
    """A float matrix (R, C) in integers; chunk: columns that share a gain, 0 for none.

    least: the finest scale of each row that its bias still fits beside.
    """
    low, high = LEVELS[bits]
    if not chunk:
        scale = np.maximum(_alike(_best_scale(weight, bits), weight), least)
        rows = np.clip(np.rint(weight / scale[:, None]), low, high)
        return IntegerWeights(rows.astype(np.int8), scale)
    assert chunk == CHUNK, chunk
    count, cols = weight.shape
    chunks = -(-cols // chunk)
    padded = np.pad(weight, ((0, 0), (0, chunks * chunk - cols)))
    parts = padded.reshape(count * chunks, chunk)
    wanted = _best_scale(parts, bits).reshape(count, chunks)
    wanted[~padded.reshape(count, chunks, chunk).any(axis=2)] = 0.0  # any gain does
    scale = np.maximum(_alike(wanted.max(axis=1) / GAIN_TOP, weight), least)
    gain = np.clip(np.rint(wanted / scale[:, None]), 1, GAIN_TOP).astype(np.uint8)
    step = (scale[:, None] * gain)[:, :, None]
    rows = np.clip(np.rint(padded.reshape(count, chunks, chunk) / step), low, high)
    return IntegerWeights(rows.reshape(count, -1)[:, :cols].astype(np.int8), scale, gain)
