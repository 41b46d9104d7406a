"""The integer arithmetic of quantized graphs, bit by bit, as every C kernel computes it.

16-bit values carry a power-of-two scale (`frac` fraction bits), so that moving between scales is
a rounding shift. Rounding is half up: `(v + 2**(k-1)) >> k`. Results saturate.
"""

from __future__ import annotations

import math

import numpy as np

from edgernn.backend import Array
from edgernn.graph.integer_weights import CHUNK

SIGMOID_FRAC = 12  # table input: Q3.12, so +-8
UNIT_FRAC = 15  # sigmoid and tanh give Q0.15
# -128 is left out, so that two 8-bit values differ by twice 127 at most
LIMITS = {"int8": (-127, 127), "int16": (-32768, 32767)}
TABLE_STEPS = 256
TABLE_SHIFT = 16 - 8  # bits of the input below the table index


def sigmoid_table() -> Array:
    """Sigmoid at 257 points over [-8, 8] in Q0.15, saturated to int16."""
    points = (np.arange(TABLE_STEPS + 1) - TABLE_STEPS // 2) / (TABLE_STEPS // 16)
    values = np.rint((1 << UNIT_FRAC) / (1.0 + np.exp(-points)))
    return np.minimum(values, 32767).astype(np.int16)


TABLE = sigmoid_table()


def shift_right(value: Array, bits: int) -> Array:
    """Rounding shift right (half up); a negative count shifts left."""
    value = np.asarray(value, np.int64)
    if bits > 0:
        return (value + (1 << (bits - 1))) >> bits
    return value << -bits


def saturate(value: Array, dtype: str) -> Array:
    """Clamp to the range of an integer type."""
    return np.asarray(np.clip(value, *LIMITS[dtype]), dtype)


def quantize(x: Array, scale: float, zero_point: int, dtype: str) -> Array:
    """float32 to integer: round half away from zero, add the zero point, saturate."""
    scaled = x.astype(np.float32) * np.float32(1.0 / scale)
    bounded = np.clip(scaled, np.float32(-65536.0), np.float32(65536.0))
    half = np.where(bounded >= 0, np.float32(0.5), np.float32(-0.5))
    whole = np.trunc(bounded + half).astype(np.int64) + zero_point
    return saturate(whole, dtype)


def dequantize(q: Array, scale: float, zero_point: int) -> Array:
    """Integer to float32."""
    return np.asarray((q.astype(np.int32) - zero_point).astype(np.float32) * np.float32(scale))


def requantize(
    q: Array, mult: int, shift: int, zero_point: int, dtype: str, *, from_zero: int = 0
) -> Array:
    """Integer to another scale: `(q - from_zero) * mult >> shift` plus the zero point."""
    wide = (q.astype(np.int64) - from_zero) * mult
    return saturate(shift_right(wide, shift) + zero_point, dtype)


def multiplier(real: float, bits: int) -> tuple[int, int]:
    """An integer below 2**bits and a shift with `real ~= mult / 2**shift`."""
    shift = bits - 1 - math.floor(math.log2(real))
    mult = round(real * 2.0**shift)
    return (mult, shift) if mult < 1 << bits else (mult >> 1, shift - 1)


def row_multipliers(real: Array, reach: int) -> tuple[Array, int, int]:
    """Integers, lead and shift for `rescale`, with `real ~= mult * 2**(lead - 32 - shift)`.

    real: one factor a row. reach: the greatest accumulator that can occur; it bounds `lead`.
    Raises: OverflowError if the factors are too large to leave any rounding shift.
    """
    lead = max(0, 30 - int(reach).bit_length())
    shift = lead - 2 - math.floor(math.log2(float(real.max())))
    shift = min(shift, 31)  # no shift is longer than its word; tiny factors get fewer bits
    mult = np.rint(real.astype(np.float64) * 2.0 ** (32 + shift - lead))
    if mult.max() >= 1 << 31:
        shift -= 1
        mult = np.rint(real.astype(np.float64) * 2.0 ** (32 + shift - lead))
    if shift < 1:
        raise OverflowError("its products exceed the range seen in calibration by far")
    return mult.astype(np.int32), lead, shift


def sigmoid(q: Array, frac: int) -> Array:
    """Sigmoid of a 16-bit value by table and linear interpolation; gives Q0.15."""
    x = saturate(shift_right(q, frac - SIGMOID_FRAC), "int16").astype(np.int64) + 32768
    index, part = x >> TABLE_SHIFT, x & ((1 << TABLE_SHIFT) - 1)
    low, high = TABLE[index].astype(np.int64), TABLE[index + 1].astype(np.int64)
    return np.asarray(low + shift_right((high - low) * part, TABLE_SHIFT), np.int16)


def tanh(q: Array, frac: int) -> Array:
    """Hyperbolic tangent, 2 sigmoid(2x) - 1 from the same table; gives Q0.15."""
    return saturate(2 * sigmoid(q, frac - 1).astype(np.int64) - 32768, "int16")


def whole(op: str, q: Array, frac: int, out: int) -> Array:
    """`round` (half to even) or `floor` of a 16-bit value to a whole number; fracs of both."""
    wide = q.astype(np.int64)
    if frac > 0:
        if op == "round":
            wide = wide + (1 << (frac - 1)) - 1 + ((wide >> frac) & 1)
        wide = wide >> frac << frac
    return saturate(shift_right(wide, frac - out), "int16")


def binary(op: str, a: Array, b: Array, fracs: tuple[int, int, int]) -> Array:
    """add, sub, mul, maximum, minimum of 16-bit values; fracs of a, b and the result."""
    fa, fb, fo = fracs
    if op == "mul":
        return saturate(shift_right(a.astype(np.int64) * b, fa + fb - fo), "int16")
    top = max(fa, fb)
    wide_a, wide_b = shift_right(a, fa - top), shift_right(b, fb - top)
    if op == "add":
        wide = wide_a + wide_b
    elif op == "sub":
        wide = wide_a - wide_b
    else:
        wide = np.maximum(wide_a, wide_b) if op == "maximum" else np.minimum(wide_a, wide_b)
    return saturate(shift_right(wide, top - fo), "int16")


def accumulate(weight: Array, bias: Array | int, x: Array, gain: Array | None = None) -> Array:
    """Integer products summed onto an int32 bias; x (..., cols), weight (rows, cols).

    gain: (rows, chunks) whole numbers by which chunks of 32 columns of a row are multiplied.
    """
    wide = weight.astype(np.int64)
    if gain is not None:
        wide = wide * np.repeat(gain.astype(np.int64), CHUNK, axis=1)[:, : wide.shape[1]]
    acc = x.astype(np.int64) @ wide.T + bias
    if np.max(np.abs(acc), initial=0) >= 1 << 31:
        raise OverflowError("int32 accumulator overflows")
    return acc


def rows(table: Array, index: Array, gain: Array | None = None) -> Array:
    """Rows of a table of integers, (..., cols), each chunk of columns times its gain."""
    picked = table[index].astype(np.int64)
    if gain is not None:
        picked *= np.repeat(gain[index].astype(np.int64), CHUNK, axis=-1)[..., : table.shape[1]]
    return picked


def hold(x: Array, held: Array, limit: int, block: int, last: int = 0) -> Array:
    """What is held next: x where it has moved beyond the limit, else what was held.

    limit: of |x - held| for single elements, of the sum of its squares for blocks of 4 in a row;
    last: of a last block that is shorter. The least 16-bit x is held as its neighbour, as no 8-bit
    one is -128: two values then differ by twice the greatest at most.
    """
    x = np.maximum(x, x.dtype.type(-np.iinfo(x.dtype).max))
    moved = x.astype(np.int64) - held.astype(np.int64)
    if block == 1:
        return np.where(np.abs(moved) > limit, x, held)
    squares = np.pad(moved.reshape(-1) ** 2, (0, -x.size % block)).reshape(-1, block).sum(axis=1)
    limits = np.full(len(squares), limit)
    if x.size % block:
        limits[-1] = last
    far = np.repeat(squares > limits, block)[: x.size].reshape(x.shape)
    return np.where(far, x, held)


def rescale(acc: Array, mult: Array, lead: int, shift: int) -> Array:
    """int32 accumulators to 16 bits: the high word of (acc << lead) * mult, shifted right."""
    high = ((acc << lead) * mult.astype(np.int64)) >> 32
    return saturate(shift_right(high, shift), "int16")
