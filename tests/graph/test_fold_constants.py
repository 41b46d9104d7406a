"""What depends on constants alone is a constant."""

from __future__ import annotations

import numpy as np

from edgernn.graph.passes import dead_code, fold_constants
from edgernn.graph.reference import Reference

from ..compiled import Builder, noise


def test_a_chain_of_constants_is_one() -> None:
    b = Builder()
    x = b.input("x", 1, 4)
    k = b.op("sub", b.constant("one", np.ones(4)), b.constant("z", noise((4,))))
    turned = b.op("reshape", b.op("sigmoid", k), shape=(1, 4))
    graph = b.done(b.op("mul", x, turned))
    result = fold_constants.run(graph)
    after = dead_code.run(result.graph).graph
    assert [n.op for n in after.nodes] == ["mul"]
    assert list(after.constants) == [turned]
    assert result.notes[0] == "sub sub is a constant of 4"
    frame = {"x": noise((1, 4), 1)}
    (old,), (new,) = (Reference(g).step(frame).values() for g in (graph, after))
    np.testing.assert_array_equal(new, old)


def test_what_must_stay_float_stays_so_only_if_all_of_it_must() -> None:
    b = Builder()
    x = b.input("x", 1, 4)
    k, m = b.constant("k", noise((4, 4))), b.constant("m", noise((4, 4), 1))
    buffer, mixed = b.op("neg", k), b.op("mul", k, m)
    graph = b.done(b.op("linear", x, buffer), b.op("linear", x, mixed))
    graph.keep_float = frozenset(["k"])
    after = fold_constants.run(graph).graph
    assert after.keep_float == {"k", buffer}


def test_a_view_that_would_grow_into_a_table_stays_a_view() -> None:
    b = Builder()
    x = b.input("x", 5, 4)
    wide = b.op("expand", b.constant("k", noise((1, 4))), shape=(5, 4))
    assert not fold_constants.run(b.done(b.op("mul", x, wide))).modified
