"""Whole numbers in C: numpy's for every kind of float, and the reference's bits in integers."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph
from edgernn.graph.passes import quantize
from edgernn.graph.reference import Reference

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed

pytestmark = pytest.mark.cc
HALVES = np.arange(-40, 40) / 4
LARGE = [2.0**22 + 0.5, 2.0**23 - 0.5, 2.0**23 + 1, 2.0**24 + 2, 3e9, 1e30, 1e-30, 0.5 - 2**-25]


def both(count: int) -> Graph:
    b = Builder()
    x = b.input("x", count)
    return b.done(b.op("concat", b.op("round", x), b.op("floor", x), axis=0))


def test_floats_become_the_whole_numbers_of_numpy() -> None:
    x = np.concatenate([HALVES, LARGE, -np.array(LARGE), 100 * noise((500,))]).astype(np.float32)
    (got,), _ = streamed(compiled(step_of(both(x.size)), both(x.size)), [{"x": x}])
    np.testing.assert_array_equal(got, np.concatenate([np.rint(x), np.floor(x)]))


@pytest.mark.parametrize("level", [0.3, 7.0, 200.0, 20_000.0])
def test_sixteen_bit_values_become_the_reference_s(level: float) -> None:
    b = Builder()
    y = b.op("linear", b.input("x", 1, 8), b.constant("w", noise((30, 8))))
    graph = b.done(b.op("concat", b.op("round", y), b.op("floor", y), axis=1))
    frames = [{"x": level * noise((1, 8), t)} for t in range(40)]
    typed = quantize.run(graph, calibrate(graph, frames[:20])).graph
    assert {"qround", "qfloor"} <= {n.op for n in typed.nodes}
    got, _ = streamed(compiled(step_of(graph), typed, "w8a8"), frames)
    for mine, theirs in zip(got, streamed(Reference(typed), frames)[0], strict=True):
        assert_same_bits(mine, theirs)
        np.testing.assert_array_equal(mine, np.rint(mine))
