"""Transposes move below elementwise ops and meet their inverse."""

from __future__ import annotations

import numpy as np

from edgernn.graph.ir import Graph
from edgernn.graph.passes import dead_code, sink_transposes
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise


def ops(graph: Graph) -> list[str]:
    return [node.op for node in dead_code.run(graph).graph.nodes]


def test_a_pair_around_elementwise_ops_disappears() -> None:
    b = Builder()
    t = b.op("transpose", b.input("x", 1, 2, 3), perm=(0, 2, 1))
    t = b.op("mul", b.op("relu", t), b.constant("k", noise((3, 1))))
    result = sink_transposes.run(b.done(b.op("transpose", t, perm=(0, 2, 1))))
    assert ops(result.graph) == ["relu", "mul"]
    assert result.notes == ("2 sunk, 1 pairs cancelled",)


def test_two_equal_transposes_sink_through_one_op_and_unequal_ones_stay() -> None:
    b = Builder()
    x, y = b.input("x", 1, 3, 3), b.input("y", 1, 3, 3)
    a = b.op("transpose", x, perm=(0, 2, 1))
    same = b.op("add", a, b.op("transpose", y, perm=(0, 2, 1)))
    other = b.op("add", a, b.op("transpose", y, perm=(1, 0, 2)))
    graph = b.done(same, b.op("reshape", other, shape=(27,)))
    after = sink_transposes.run(graph).graph
    assert ops(after).count("transpose") == 3
    frame = {"x": noise((1, 3, 3)), "y": noise((1, 3, 3), 1)}
    old, new = (list(Reference(g).step(frame).values()) for g in (graph, after))
    for left, right in zip(old, new, strict=True):
        np.testing.assert_array_equal(left, right)


def test_two_transposes_in_a_row_become_one() -> None:
    b = Builder()
    t = b.op("transpose", b.input("x", 2, 3, 4), perm=(1, 2, 0))
    graph = b.done(b.op("transpose", t, perm=(1, 2, 0)))
    after = sink_transposes.run(graph).graph
    assert ops(after) == ["transpose"]
    assert after.nodes[-1].attrs["perm"] == (2, 0, 1)


def test_a_constant_that_adds_an_axis_holds_the_transpose_back() -> None:
    b = Builder()
    t = b.op("transpose", b.input("x", 2, 3), perm=(1, 0))
    graph = b.done(b.op("add", t, b.constant("k", noise((4, 3, 2)))))
    after = sink_transposes.run(graph).graph
    assert ops(after) == ["transpose", "add"]
    one = Builder()
    t = one.op("transpose", one.input("x", 2, 3), perm=(1, 0))
    graph = one.done(one.op("add", t, one.constant("k", noise((1, 1, 1)))))
    assert ops(sink_transposes.run(graph).graph) == ["transpose", "add"]


def test_an_output_that_a_cancelled_pair_gave_is_still_given() -> None:
    b = Builder()
    t = b.op("transpose", b.input("x", 2, 3), perm=(1, 0))
    graph = b.done(b.op("transpose", t, perm=(1, 0)))
    after = sink_transposes.run(graph).graph
    x = noise((2, 3))
    np.testing.assert_array_equal(Reference(after).step({"x": x})[after.outputs[0]], x)
