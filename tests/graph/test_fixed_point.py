"""The integer arithmetic: how exact it is, how it rounds, where it stops."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.graph import fixed_point as fx

EVERY_INT16 = np.arange(-32768, 32768).astype(np.int16)


@pytest.mark.parametrize("frac", [8, 11, 12, 13, 15])
def test_sigmoid_is_within_a_table_step_of_exact(frac: int) -> None:
    real = EVERY_INT16 / 2.0**frac
    got = fx.sigmoid(EVERY_INT16, frac) / 2.0**fx.UNIT_FRAC
    # linear pieces of 1/16: h^2/8 max|s''| = 4.7e-5; outside +-8 the function is cut: 3.4e-4
    bound = np.where(np.abs(real) < 8, 9e-5, 3.4e-4) + 0.5 * 2.0 ** (-min(frac, 12)) / 4
    assert (np.abs(got - 1 / (1 + np.exp(-real))) <= bound).all()


@pytest.mark.parametrize("frac", [10, 12, 15])
def test_tanh_is_within_twice_the_sigmoid_s_error(frac: int) -> None:
    real = EVERY_INT16 / 2.0**frac
    got = fx.tanh(EVERY_INT16, frac) / 2.0**fx.UNIT_FRAC
    bound = np.where(np.abs(real) < 4, 2e-4, 7e-4) + 2.0 ** (1 - min(frac, 13)) / 4
    assert (np.abs(got - np.tanh(real)) <= bound).all()


def test_sigmoid_and_tanh_never_fall_as_their_input_rises() -> None:
    for function in (fx.sigmoid, fx.tanh):
        assert (np.diff(function(EVERY_INT16, 12).astype(int)) >= 0).all()


def test_shifts_round_halves_up_and_shift_left_for_negative_counts() -> None:
    values = np.array([-6, -5, -3, -2, -1, 0, 1, 2, 3, 5, 6])
    np.testing.assert_array_equal(fx.shift_right(values, 2), np.floor(values / 4 + 0.5))
    np.testing.assert_array_equal(fx.shift_right(values, 0), values)
    np.testing.assert_array_equal(fx.shift_right(values, -3), values * 8)


def test_saturation_keeps_to_the_type() -> None:
    wide = np.array([-(2**40), -129, -128, 0, 127, 128, 2**40])
    assert fx.saturate(wide, "int8").tolist() == [-127, -127, -127, 0, 127, 127, 127]
    assert fx.saturate(wide, "int16").tolist() == [-32768, -129, -128, 0, 127, 128, 32767]


def test_quantize_rounds_halves_away_from_zero_and_saturates() -> None:
    x = np.array([-1e30, -2.5, -0.5, -0.49, 0.49, 0.5, 1.5, 1e30], np.float32)
    assert fx.quantize(x, 1.0, 0, "int16").tolist() == [-32768, -3, -1, 0, 0, 1, 2, 32767]
    assert fx.quantize(x, 1.0, 10, "int8").tolist() == [-127, 7, 9, 10, 10, 11, 12, 127]


@pytest.mark.parametrize(("scale", "zero"), [(0.05, -17), (2.0**-9, 0)])
def test_dequantize_undoes_quantize(scale: float, zero: int) -> None:
    stored = np.arange(-127, 128).astype(np.int8)
    real = fx.dequantize(stored, scale, zero)
    assert real.dtype == np.float32
    np.testing.assert_array_equal(fx.quantize(real, scale, zero, "int8"), stored)


@pytest.mark.parametrize("out", [-2, 0, 5, 15])
@pytest.mark.parametrize("frac", [-2, 0, 1, 8, 15])
def test_whole_numbers_are_numpy_s_halves_to_even(frac: int, out: int) -> None:
    real = EVERY_INT16 / 2.0**frac
    for op, function in (("round", np.rint), ("floor", np.floor)):
        want = np.clip(np.floor(function(real) * 2.0**out + 0.5), -32768, 32767)
        np.testing.assert_array_equal(fx.whole(op, EVERY_INT16, frac, out), want)


@pytest.mark.parametrize("zero", [-127, -3, 0, 90])
def test_eight_bits_with_a_zero_point_become_sixteen(zero: int) -> None:
    stored, scale, frac = np.arange(-127, 128).astype(np.int8), 0.0031, 12
    mult, shift = fx.multiplier(scale * 2.0**frac, 15)
    wide = fx.requantize(stored, mult, shift, 0, "int16", from_zero=zero)
    assert (np.abs(wide / 2.0**frac - (stored.astype(int) - zero) * scale) < 2.0**-frac).all()


@pytest.mark.parametrize("real", [3e-9, 0.0007, 0.4999999, 0.5, 1.0, 1.75, 100.0])
def test_a_multiplier_is_its_real_to_the_last_bits(real: float) -> None:
    mult, shift = fx.multiplier(real, 15)
    assert 0 < mult < 1 << 15
    assert mult / 2.0**shift == pytest.approx(real, rel=2.0**-14)


@pytest.mark.parametrize("reach", [127, 40_000, (1 << 30) - 1])
@pytest.mark.parametrize("most", [1e-6, 0.7, 3000.0, 100_000.0])
def test_a_row_s_multiplier_is_its_real_and_its_words_hold(most: float, reach: int) -> None:
    real = np.array([1, 1 / 3, 1 / 1000]) * most / reach
    mult, lead, shift = fx.row_multipliers(real, reach)
    assert 1 <= shift <= 31
    assert reach << lead < 1 << 31
    got = fx.rescale(np.full(3, reach), mult, lead, shift).astype(np.float64)
    want = np.clip(np.floor(reach * real + 0.5), None, 32767)
    assert (np.abs(got - want) <= 1 + want * 1e-6).all()


def test_factors_that_leave_no_shift_are_refused() -> None:
    with pytest.raises(OverflowError, match="range seen in calibration"):
        fx.row_multipliers(np.array([1e6]), 1 << 29)


def test_an_accumulator_that_overflows_is_refused() -> None:
    weight, x = np.full((1, 4), 127, np.int8), np.full((1, 4), 127, np.int8)
    assert fx.accumulate(weight, 5, x).tolist() == [[4 * 127 * 127 + 5]]
    with pytest.raises(OverflowError, match="int32"):
        fx.accumulate(weight, (1 << 31) - 1, x)


@pytest.mark.parametrize("op", ["add", "sub", "mul", "maximum", "minimum"])
@pytest.mark.parametrize(
    "fracs", [(12, 12, 12), (15, 9, 11), (3, 14, 15), (15, 15, 15), (-2, 5, 1)]
)
def test_sixteen_bit_arithmetic_is_the_real_one_rounded_once(
    op: str, fracs: tuple[int, int, int]
) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-32768, 32768, 500).astype(np.int16) for _ in range(2))
    x, y = a / 2.0 ** fracs[0], b / 2.0 ** fracs[1]
    exact = {"add": np.add, "sub": np.subtract, "mul": np.multiply}.get(op, getattr(np, op, None))
    assert exact is not None
    want = np.clip(np.floor(exact(x, y) * 2.0 ** fracs[2] + 0.5), -32768, 32767)
    np.testing.assert_array_equal(fx.binary(op, a, b, fracs), want)
