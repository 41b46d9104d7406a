"""What is computed twice is computed once."""

from __future__ import annotations

import numpy as np

from edgernn.graph.passes import common_subexpressions
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise


def test_equal_ops_on_equal_inputs_are_one() -> None:
    b = Builder()
    x, h = b.input("x", 1, 4), b.state("h", noise((1, 4)))
    weights = [b.constant(name, noise((4, 4))) for name in "wu"]
    a, c = (b.op("tanh", b.op("linear", x, w)) for w in weights)
    graph = b.done(b.op("add", a, h), c, h=c)
    result = common_subexpressions.run(graph)
    assert [n.op for n in result.graph.nodes] == ["linear", "tanh", "add"]
    assert result.graph.outputs[1] == result.graph.states[0].new == a
    assert list(result.graph.constants) == ["w"]
    assert result.notes == ("constant u is w", "linear linear:1 is linear", "tanh tanh:1 is tanh")
    frame = {"x": noise((1, 4), 1)}
    for old, new in zip(
        *(Reference(g).step(frame).values() for g in (graph, result.graph)), strict=True
    ):
        np.testing.assert_array_equal(new, old)


def test_what_differs_in_anything_stays_two() -> None:
    b = Builder()
    x = b.input("x", 2, 2)
    made = [
        b.op("reshape", x, shape=(4,)),
        b.op("reshape", x, shape=(1, 4)),
        b.op("sub", x, b.constant("k", noise((2, 2)))),
        b.op("sub", b.constant("j", noise((2, 2))), x),
        b.op("linear", x, b.constant("w", noise((2, 2)))),
        b.op("add", x, b.constant("flat", noise((2, 2)).reshape(1, 2, 2))),
    ]
    graph = b.done(*made)
    graph.keep_float = frozenset(["w"])
    after = common_subexpressions.run(graph).graph
    assert len(after.nodes) == len(made)
    assert set(after.constants) == {"k", "w", "flat"}  # k and j are equal; w alone stays float
