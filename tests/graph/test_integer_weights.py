"""Weights of few bits: in range, close, and exact as integers."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.graph.integer_weights import LEVELS, IntegerWeights, fewest_bits, integer_weights

from ..compiled import noise


def real(made: IntegerWeights) -> Array:
    return np.asarray(made.rows * made.gains_by_column() * made.scale[:, None])


@pytest.mark.parametrize(("bits", "bound"), [(8, 0.006), (4, 0.11), (2, 0.5)])
@pytest.mark.parametrize("chunk", [0, 32])
def test_the_error_is_that_of_the_bits(bits: int, bound: float, chunk: int) -> None:
    weight = noise((20, 70)).astype(np.float64) * np.exp(noise((20, 1), 1))
    made = integer_weights(weight, bits, chunk)
    low, high = LEVELS[bits]
    assert made.rows.dtype == np.int8
    assert made.rows.min() >= low
    assert made.rows.max() <= high
    error = np.sqrt(((real(made) - weight) ** 2).mean(1) / (weight**2).mean(1))
    assert error.max() < bound * 1.6
    assert error.mean() < bound * 1.2


def test_a_gain_for_each_chunk_serves_rows_of_uneven_size() -> None:
    weight = noise((16, 128)).astype(np.float64) * np.repeat([1, 0.05, 0.3, 0.02], 32)
    errors = [
        np.abs(real(integer_weights(weight, 4, chunk)) - weight)[:, 96:].mean() for chunk in (0, 32)
    ]
    assert errors[1] < 0.3 * errors[0]


def test_sums_are_of_the_integers_times_their_gains() -> None:
    made = integer_weights(noise((6, 50)).astype(np.float64), 4, 32)
    wide = made.rows.astype(int) * made.gains_by_column()
    np.testing.assert_array_equal(made.sums(), wide.sum(1))
    np.testing.assert_array_equal(made.sums(absolute=True), np.abs(wide).sum(1))


@pytest.mark.parametrize("chunk", [0, 32])
@pytest.mark.parametrize("bits", LEVELS)
def test_rows_of_zeros_stay_zeros(bits: int, chunk: int) -> None:
    weight = np.zeros((3, 40))
    weight[1, 2] = 1.0
    made = integer_weights(weight, bits, chunk)
    assert np.isfinite(made.scale).all()
    assert (made.scale > 0).all()
    np.testing.assert_array_equal(real(made)[[0, 2]], 0.0)
    assert np.count_nonzero(made.rows) == 1


@pytest.mark.parametrize(("bits", "chunk"), [(2, 0), (2, 32), (4, 0), (4, 32), (8, 0)])
def test_the_fewest_bits_that_hold_weights_exactly_are_found(bits: int, chunk: int) -> None:
    rng = np.random.default_rng(0)
    made = integer_weights(rng.standard_normal((20, 70)), bits, chunk)
    exact = made.rows * made.gains_by_column() * made.scale[:, None]
    assert fewest_bits(exact.astype(np.float32).astype(np.float64)) == (bits, chunk)


@pytest.mark.parametrize(("bits", "chunk"), [(2, 32), (4, 0), (4, 32)])
def test_they_are_found_in_weights_that_were_written_in_half_the_bytes(
    bits: int, chunk: int
) -> None:
    made = integer_weights(np.random.default_rng(0).standard_normal((40, 70)), bits, chunk)
    assert fewest_bits(real(made).astype(np.float16).astype(np.float64)) == (bits, chunk)
