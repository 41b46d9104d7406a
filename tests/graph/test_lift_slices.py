"""Slices move above elementwise ops, where no element is then computed twice."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.graph.ir import Graph
from edgernn.graph.passes import lift_slices
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


def cut(b: Builder, name: str, start: int, end: int) -> str:
    rows = b.graph.values[name].shape[0]
    return b.op("slice", name, bounds=((0, rows, 1), (start, end, 1)))


def gates() -> Graph:
    """A sum and its sigmoid whole, the gates cut apart after them."""
    b = Builder()
    x = b.input("x", 1, 12)
    total = b.op("add", b.op("linear", x, b.constant("w", noise((12, 12)))), x)
    all_ = b.op("sigmoid", b.op("mul", total, b.constant("k", noise((12,), 1))))
    parts = [cut(b, all_, k, k + 4) for k in (0, 4, 8)]
    return b.done(b.op("sub", b.op("mul", parts[0], parts[1]), parts[2]))


def test_gates_are_cut_before_they_are_computed() -> None:
    graph = gates()
    result = lift_slices.run(graph)
    assert ops(result.graph).count("slice") == 6  # of the product and of x
    assert [
        result.graph.values[n.output].size for n in result.graph.nodes if n.op == "sigmoid"
    ] == [*(4, 4, 4)]
    first = {n.op: k for k, n in reversed(list(enumerate(result.graph.nodes)))}
    assert first["linear"] < first["slice"] < first["add"] < first["mul"] < first["sigmoid"]
    assert result.notes[0] == "3 slices above sigmoid sigmoid"
    x = {"x": noise((1, 12), 3)}
    (old,), (new,) = (Reference(g).step(x).values() for g in (graph, result.graph))
    np.testing.assert_array_equal(new, old)


def test_constants_are_cut_at_once_and_what_broadcasts_is_not_cut() -> None:
    b = Builder()
    x, row = b.input("x", 3, 8), b.state("row", noise((3, 1)))
    y = b.op("mul", b.op("add", x, row), b.constant("k", noise((8,), 1)))
    graph = b.done(cut(b, y, 0, 3), cut(b, y, 3, 8), row=row)
    graph.keep_float = frozenset(["k"])
    after = lift_slices.run(graph).graph
    assert ops(after).count("slice") == 2
    cuts = [n.inputs[1] for n in after.nodes if n.op == "mul"]
    assert [after.constants[c].shape for c in cuts] == [(3,), (5,)]
    assert after.keep_float >= set(cuts)
    x_value = {"x": noise((3, 8), 2)}
    for old, new in zip(
        *(Reference(g).step(x_value).values() for g in (graph, after)), strict=True
    ):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("reason", ["overlap", "reader", "result"])
def test_nothing_is_computed_twice(reason: str) -> None:
    b = Builder()
    x = b.input("x", 1, 8)
    y = b.op("sigmoid", x)
    parts = [cut(b, y, 0, 5), cut(b, y, 4 if reason == "overlap" else 5, 8)]
    if reason == "reader":
        parts.append(b.op("neg", y))
    if reason == "result":
        parts.append(y)
    assert not lift_slices.run(b.done(*parts)).modified
