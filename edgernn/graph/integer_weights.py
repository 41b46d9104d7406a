"""Float weights as integers of few bits: one scale a row, and a gain for each chunk of a row.

The scale of a chunk is searched for the least squared error; gains are whole numbers, so that a
row's sum stays an exact integer: w ~= scale[row] * gain[row, chunk] * integer. Weights that lie on
such a grid already, because they were trained on it, are found on it again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgernn.backend import Array

CHUNK = 32  # columns that share a gain
LEVELS = {8: (-127, 127), 4: (-7, 7), 2: (-2, 1)}
GAIN_TOP = 63  # the greatest gain of a row; our choice: finer gains no longer lessen the error
EXACT = 1e-3  # of a row's greatest weight: what float16, in which they may lie, leaves
FEW = 16  # rows that mostly tell what all will
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


def _best_scale(weight: Array, bits: int, levels: tuple[int, int]) -> Array:
    """The scale of each row (R, C) -> (R,) with the least squared error.

    Below 8 bits, of those that make an extreme a whole number, the coarsest first, and of shares
    of the widest scale.
    """
    low, high = levels
    ends = weight.max(axis=1), weight.min(axis=1)
    top = np.maximum(ends[0] / high, ends[1] / low)
    top = np.where(top > 0, top, 1.0)
    if bits == 8:
        return np.asarray(top)
    tried = [
        end / (k * sign)
        for k in range(1, -low + 1)
        for end, sign in zip(ends, (1, -1), strict=True)
    ]
    tried += [top * share for share in SHRINK]
    best, error = top, np.full(len(weight), np.inf)
    nothing = EXACT**2 * (weight**2).sum(axis=1)
    for candidate in tried:
        scale = np.where(candidate > 0, candidate, top)[:, None]
        made = np.clip(np.rint(weight / scale), low, high) * scale
        now = ((made - weight) ** 2).sum(axis=1)
        now = np.where(candidate > 0, np.where(now <= nothing, 0.0, now), np.inf)
        best, error = np.where(now < error, scale[:, 0], best), np.minimum(now, error)
    return np.asarray(best)


def _alike(scale: Array, weight: Array) -> Array:
    """Scales, with that of the greatest row for rows of zeros, where any would do."""
    full = weight.any(axis=1)
    return np.where(full, scale, scale[full].max(initial=0.0) or 1.0)


def integer_weights(
    weight: Array,
    bits: int,
    chunk: int = 0,
    least: Array | float = 0.0,
    *,
    levels: tuple[int, int] | None = None,
) -> IntegerWeights:
    """A float matrix (R, C) in integers; chunk: columns that share a gain, 0 for none.

    least: the finest scale of each row that its bias still fits beside.
    levels: the least and the greatest integer, where not all that the bits have may be used.
    """
    levels = levels or LEVELS[bits]
    low, high = levels
    if not chunk:
        scale = np.maximum(_alike(_best_scale(weight, bits, levels), weight), least)
        rows = np.clip(np.rint(weight / scale[:, None]), low, high)
        return IntegerWeights(rows.astype(np.int8), scale)
    assert chunk == CHUNK, chunk
    count, cols = weight.shape
    chunks = -(-cols // chunk)
    padded = np.pad(weight, ((0, 0), (0, chunks * chunk - cols))).reshape(count, chunks, chunk)
    wanted = _best_scale(padded.reshape(-1, chunk), bits, levels).reshape(count, chunks)
    wanted[~padded.any(axis=2)] = 0.0  # any gain does
    scale = np.maximum(_alike(wanted.max(axis=1) / GAIN_TOP, weight), least)
    gain, rows = _rounded(padded, wanted, scale, levels)
    for at in np.flatnonzero(~_exact(rows, gain, scale, padded)):
        found = _trained(padded[at : at + 1], wanted[at], levels)
        if found is not None and found[0] >= np.broadcast_to(least, count)[at]:
            scale[at], gain[at], rows[at] = found
    return IntegerWeights(
        rows.reshape(count, -1)[:, :cols].astype(np.int8), scale, gain.astype(np.uint8)
    )


def _trained(
    weight: Array, wanted: Array, levels: tuple[int, int]
) -> tuple[float, Array, Array] | None:
    """The scale, gains and integers that a row (1, chunks, CHUNK) was trained with, if it was.

    Of a chunk whose integers have a common factor a coarser scale is wanted than it was trained
    with; so the row's is looked for below each chunk's.
    """
    full = wanted > 0
    alone = np.clip(np.rint(weight[0, full] / wanted[full, None]), *levels) * wanted[full, None]
    if (np.abs(alone - weight[0, full]).max(axis=1) > EXACT * np.abs(weight).max()).any():
        return None
    factors = range(1, max(-levels[0], levels[1]) + 1)
    for scale in (one / (GAIN_TOP * factor) for factor in factors for one in wanted[full]):
        left = [_rounded(weight, wanted[None] / f, np.array([scale]), levels) for f in factors]
        error = [np.abs(r * (scale * g)[:, :, None] - weight)[0].max(axis=1) for g, r in left]
        best, chunks = np.argmin(error, axis=0), np.arange(weight.shape[1])
        gain = np.stack([g[0] for g, _ in left])[best, chunks]
        rows = np.stack([r[0] for _, r in left])[best, chunks]
        if _exact(rows[None], gain[None], np.array([scale]), weight)[0]:
            return scale, gain, rows
    return None


def _rounded(
    weight: Array, wanted: Array, scale: Array, levels: tuple[int, int]
) -> tuple[Array, Array]:
    """Gains (R, chunks) nearest to the wanted scales, and the integers that go with them."""
    gain = np.clip(np.rint(wanted / scale[:, None]), 1, GAIN_TOP)
    return gain, np.clip(np.rint(weight / (scale[:, None] * gain)[:, :, None]), *levels)


def _exact(rows: Array, gain: Array, scale: Array, weight: Array) -> Array:
    """Whether integers stand for a row's weights up to the rounding of float32: (R,)."""
    error = np.abs(rows * (scale[:, None] * gain)[:, :, None] - weight).max(axis=(1, 2))
    return np.asarray(error <= EXACT * np.abs(weight).max(axis=(1, 2)))


def row_bytes(columns: int, bits: int, chunk: int = 0) -> int:
    """Bytes of a row's integers and gains, without the padding of tiles."""
    return -(-columns * bits // 8) + (-(-columns // chunk) if chunk else 0)


def fewest_bits(weight: Array) -> tuple[int, int]:
    """Bits and chunk of the smallest form that holds a matrix (R, C) exactly, else (8, 0)."""
    for bits, chunk in ((2, 0), (2, CHUNK), (4, 0), (4, CHUNK)):
        if all(_holds(some, bits, chunk) for some in (weight[:FEW], weight)):
            return bits, chunk
    return 8, 0


def _holds(weight: Array, bits: int, chunk: int) -> bool:
    made = integer_weights(weight, bits, chunk)
    error = np.abs(made.rows * made.gains_by_column() * made.scale[:, None] - weight)
    return bool((error.max(axis=1) <= EXACT * np.abs(weight).max(axis=1)).all())
