"""Factors and biases after a product end up in its weights."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.graph.ir import Graph
from edgernn.graph.passes import fold_affine
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise


def product(b: Builder, rows: int = 3) -> str:
    return b.op("linear", b.input("x", 2, 4), b.constant("w", noise((rows, 4))))


def ops(graph: Graph) -> list[str]:
    return [node.op for node in graph.nodes]


@pytest.mark.parametrize("shape", [(), (1,), (3,), (1, 3)])
@pytest.mark.parametrize("op", ["mul", "add", "sub"])
def test_a_number_or_one_a_row_is_folded(op: str, shape: tuple[int, ...]) -> None:
    b = Builder()
    graph = b.done(b.op(op, product(b), b.constant("k", noise(shape, 1))))
    result = fold_affine.run(graph)
    assert ops(result.graph) == ["linear"]
    x = {"x": noise((2, 4), 2)}
    old, new = (next(iter(Reference(g).step(x).values())) for g in (graph, result.graph))
    np.testing.assert_allclose(new, old, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 1), (2, 3), (5, 1, 1)])
def test_a_number_a_frame_is_not(shape: tuple[int, ...]) -> None:
    b = Builder()
    graph = b.done(b.op("mul", product(b), b.constant("k", noise(shape, 1))))
    assert not fold_affine.run(graph).modified


def test_a_product_that_someone_else_reads_is_left_alone() -> None:
    b = Builder()
    y = product(b)
    graph = b.done(b.op("add", b.op("mul", y, b.constant("k", 2.0)), y))
    assert not fold_affine.run(graph).modified
    b = Builder()
    y = product(b)
    assert not fold_affine.run(b.done(y, b.op("mul", y, b.constant("k", 2.0)))).modified


def test_a_constant_minus_the_product_is_left_alone() -> None:
    b = Builder()
    graph = b.done(b.op("sub", b.constant("k", noise((3,))), product(b)))
    assert not fold_affine.run(graph).modified


def test_what_must_stay_float_stays_float() -> None:
    b = Builder()
    graph = b.done(b.op("mul", product(b), b.constant("k", noise((3,)))))
    graph.keep_float = frozenset({"w"})
    after = fold_affine.run(graph).graph
    assert after.nodes[0].inputs[1] in after.keep_float
    graph.keep_float = frozenset({"k"})  # a norm's statistics are buffers; its weights may change
    after = fold_affine.run(graph).graph
    assert after.nodes[0].inputs[1] not in after.keep_float
