"""exp and log in float32 as firmware_stubs/kernels/portable/math_f32.h computes them, to the bit.

So a search has the same numbers in Python as in C, on every CPU.
"""

from __future__ import annotations

import numpy as np

from edgernn.backend import Array

F32 = np.float32
LEAST = F32(-87.33654)  # exp is 0 below it
LANES = 16  # in which many numbers are added
LOG2_E, ROOT_HALF = F32(1.44269504), F32(0.707106781)
LN2_HIGH, LN2_LOW = F32(0.693359375), F32(-2.12194440e-4)  # their sum is ln 2
EXP = np.array(
    [
        1.9875691500e-4,
        1.3981999507e-3,
        8.3334519073e-3,
        4.1665795894e-2,
        1.6666665459e-1,
        5.0000001201e-1,
    ],
    F32,
)
LOG = np.array(
    [
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    ],
    F32,
)


def exp(x: Array | np.float32) -> Array:
    """The exponential of each x, all at most 0."""
    a = np.maximum(np.asarray(x, F32), LEAST)
    n = np.trunc(a * LOG2_E - F32(0.5)).astype(np.int32)
    m = n.astype(F32)
    r = (a - m * LN2_HIGH) - m * LN2_LOW
    p = EXP[0]
    for coefficient in EXP[1:]:
        p = p * r + coefficient
    p = p * (r * r) + r + F32(1)
    return np.asarray(np.where(np.asarray(x) < LEAST, F32(0), np.ldexp(p, n)))


def log(x: np.float32) -> np.float32:
    """The natural logarithm of a number of at least 1."""
    m, e = np.frexp(x)
    if m < ROOT_HALF:
        m, e = m + m, e - 1
    m, k = m - F32(1), F32(e)
    z = m * m
    p = LOG[0]
    for coefficient in LOG[1:]:
        p = p * m + coefficient
    p = p * m * z + LN2_LOW * k - F32(0.5) * z
    return F32((m + p) + LN2_HIGH * k)


def add_logs(a: np.float32, b: np.float32) -> np.float32:
    """log(exp a + exp b)."""
    low, high = (a, b) if a < b else (b, a)
    return F32(high + log(F32(F32(1) + exp(F32(low - high)))))


def log_softmax(logits: Array) -> Array:
    """Shapes: (classes,) -> (classes,). The sum is that of LANES sums, the first to the last."""
    single = logits.astype(F32)
    above = single - single.max()
    shares = np.pad(exp(above), (0, -len(above) % LANES)).reshape(-1, LANES)
    return np.asarray(above - log(np.cumsum(np.cumsum(shares, 0, F32)[-1], dtype=F32)[-1]))


def log_sigmoid(x: np.float32) -> np.float32:
    """log(1 / (1 + e^-x))."""
    return F32(min(x, F32(0)) - log(F32(F32(1) + exp(-abs(x)))))


def likeliest(scores: Array, count: int) -> Array:
    """The places of the highest scores, the highest first, of equals the first: int64 (count,)."""
    low = -scores
    count = min(count, len(low))
    worst = np.partition(low, count - 1)[count - 1]
    places = np.flatnonzero(~(low > worst))  # what is no number sorts last
    return places[np.argsort(low[places], kind="stable")][:count]
