"""Calibration: which range 8 bits get, and which data is no use for finding it."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.errors import DataError, UnknownName
from edgernn.graph.calibrate import METHODS, calibrate, eight_bit, widest
from edgernn.graph.histogram import HALF, Histogram, least_squares
from edgernn.graph.ir import Graph
from edgernn.graph.passes import quantize
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise, streamed


def counted(*parts: Array) -> Histogram:
    found = Histogram()
    for part in parts:
        found.add(part)
    return found


def squared_error(x: Array, low: float, high: float) -> float:
    """Of 8 bits with this range, computed number by number."""
    quant = quantize.int8_quant(low, high)
    stored = np.clip(np.rint(x / quant.scale) + quant.zero_point, -127, 127)
    return float((((stored - quant.zero_point) * quant.scale - x) ** 2).sum())


def small() -> Graph:
    b = Builder()
    x = b.input("x", 1, 4)
    return b.done(b.op("linear", x, b.constant("w", noise((3, 4)))))


def test_a_histogram_counts_alike_whichever_numbers_come_first() -> None:
    x = noise((6000,)) * np.exp(3 * noise((6000,), 1))
    up, down = (
        counted(*np.sort(np.abs(x)).reshape(6, -1)),
        counted(*np.sort(x)[::-1].reshape(6, -1)),
    )
    both = counted(x)
    assert up.exponent == down.exponent == both.exponent
    np.testing.assert_array_equal(down.counts, both.counts)
    np.testing.assert_array_equal(up.counts[HALF:], both.counts[HALF:] + both.counts[:HALF][::-1])
    edges = np.ldexp(np.arange(-HALF, HALF + 1.0), both.exponent)
    np.testing.assert_array_equal(both.counts, np.histogram(x, edges)[0])


def test_a_histogram_takes_numbers_of_any_size_in_bounded_memory() -> None:
    found = counted(np.array([1e-30, -1e-30, 0.0]), np.array([1e30]), np.array([-3e38]))
    assert found.counts.size == 2 * HALF
    assert found.counts.sum() == 4  # zeros are exact in any range
    assert least_squares([found])[0] == pytest.approx(-3e38, rel=2 / HALF)


@pytest.mark.parametrize("shape", ["normal", "outliers", "one side"])
def test_the_range_of_least_squared_error_is_better_than_both_extremes_and_percentile(
    shape: str,
) -> None:
    x = noise((500, 40)).astype(np.float64)
    x = {"normal": x, "outliers": x * np.exp(noise((500, 40), 1)), "one side": np.maximum(x, 0)}[
        shape
    ]
    b = Builder()
    graph = b.done(b.op("neg", b.input("x", 40)))
    frames = [{"x": row.astype(np.float32)} for row in x]
    plain, least = (calibrate(graph, frames, method)["x"] for method in METHODS)
    error = squared_error(x, *eight_bit([least]))
    assert error < squared_error(x, *plain.extremes())
    assert error < squared_error(x, *eight_bit([plain]))
    ends = np.linspace(0.02, 1, 50)
    low, high = least.extremes()
    brute = min(squared_error(x, low * i, high * j) for i in ends for j in ends)
    assert error < 1.02 * brute


def test_the_range_of_several_values_serves_the_numbers_of_all() -> None:
    rows, wide = noise((300, 8)), 10 * noise((300, 8), 1)
    b = Builder()
    x, y = b.input("x", 8), b.input("y", 8)
    graph = b.done(b.op("add", x, y))
    frames = [{"x": r, "y": w} for r, w in zip(rows, wide, strict=True)]
    found = calibrate(graph, frames, "mse")
    low, high = eight_bit([found["x"], found["y"]])
    assert low < 2 * eight_bit([found["x"]])[0]
    assert high > 2 * eight_bit([found["x"]])[1]
    assert widest([found["x"], found["y"]]) == found["y"].extremes()


@pytest.mark.parametrize("method", METHODS)
def test_a_channel_and_a_value_that_never_move_do_no_harm(method: str) -> None:
    b = Builder()
    x = b.input("x", 1, 4)
    weight = noise((3, 4))
    weight[2] = [0, 0, 0, 1]
    y = b.op("linear", x, b.constant("w", weight))
    dead = b.op("relu", b.op("sub", y, b.constant("far", np.array(100.0))))
    graph = b.done(y, b.op("linear", dead, b.constant("v", noise((2, 3), 1))))
    rows = noise((50, 1, 4), 2)
    rows[..., 3] = 0
    frames = [{"x": row} for row in rows]
    ranges = calibrate(graph, frames, method)
    assert eight_bit([ranges[dead]]) == (0.0, 0.0)
    typed = quantize.run(graph, ranges).graph
    (got, _), (want, _) = (streamed(Reference(g), frames) for g in (typed, graph))
    assert np.abs(np.stack(got) - np.stack(want)).max() < 0.1
    silent = Reference(typed).step(frames[0])[typed.outputs[1]]
    assert np.abs(silent).max() < 1e-3


@pytest.mark.parametrize(
    ("frames", "line"),
    [
        ([{}], r"calibration frame 0: has no x; it needs \(1, 4\)"),
        ([{"x": noise((1, 4))}, {"x": noise((4,))}], r"frame 1: x is float32 \(4,\); it needs"),
        ([{"x": np.ones((1, 4), np.int64)}], r"frame 0: x is int64 \(1, 4\); it needs float32"),
        (
            [{"x": np.full((1, 4), np.inf, np.float32)}],
            r"frame 0: x is not finite; check the input",
        ),
        ([{"x": np.zeros((1, 4), np.float32)}] * 3, r"x is 0 in all of 3 frames, so no range"),
        ([{"x": np.full((1, 4), 0.5, np.float32)}], r"x is 0\.5 in all of 1 frames"),
    ],
)
def test_data_that_tells_no_range_is_refused(frames: list[dict[str, Array]], line: str) -> None:
    for method in METHODS:
        with pytest.raises(DataError, match=line) as caught:
            calibrate(small(), iter(frames), method)
        assert "\n" not in str(caught.value)


def test_an_input_that_stands_still_beside_one_that_moves_is_taken() -> None:
    b = Builder()
    x, flag = b.input("x", 1, 4), b.input("flag", 1, 4)
    graph = b.done(b.op("add", x, flag))
    still = np.ones((1, 4), np.float32)
    ranges = calibrate(graph, [{"x": noise((1, 4), t), "flag": still} for t in range(5)])
    assert ranges["flag"].extremes() == (0.0, 1.0)


def test_another_method_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown calibration 'msa'; did you mean mse"):
        calibrate(small(), [{"x": noise((1, 4))}], "msa")
