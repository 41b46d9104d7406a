"""Only what a result depends on is kept."""

from __future__ import annotations

from edgernn.graph.passes import dead_code

from ..compiled import Builder, noise


def test_nodes_and_constants_that_nothing_needs_are_dropped() -> None:
    b = Builder()
    x, h = b.input("x", 1, 3), b.state("h", noise((1, 3)))
    unused = b.input("unused", 1, 3)
    dead = b.op("mul", b.op("exp", x), b.constant("k", noise((3,))))
    new = b.op("tanh", b.op("add", x, h))
    graph = b.done(b.op("neg", x), h=new)
    result = dead_code.run(graph)
    assert [n.op for n in result.graph.nodes] == ["add", "tanh", "neg"]
    assert result.notes == ("2 nodes dropped",)
    assert not result.graph.constants
    assert dead not in result.graph.values
    assert result.graph.inputs == ["x", unused]
    assert unused in result.graph.values


def test_a_constant_result_is_kept() -> None:
    b = Builder()
    b.input("x", 1, 3)
    graph = b.done(b.constant("k", noise((1, 3))))
    assert list(dead_code.run(graph).graph.constants) == ["k"]
