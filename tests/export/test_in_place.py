"""Parts of a concatenation are made in their place, unless someone would see the difference."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.export.c.loops import Call, is_copy
from edgernn.export.c.lower import Lowered, lower
from edgernn.export.c.plan import plan_memory
from edgernn.export.c.weights import Weights
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of


def copies(graph: Graph) -> int:
    """Copies left in a step, those into leaves and outputs not counted."""
    made = lower(graph, Weights(()))
    return sum(is_copy(a) and not a.touched() & made.homes.keys() for a in made.actions)


def products(*axes: int) -> Graph:
    """Two products side by side, which a third one reads."""
    b = Builder()
    x = b.input("x", 2, 4)
    a = b.op("linear", x, b.constant("v", np.eye(4)[::-1]))
    c = b.op("linear", b.op("neg", x), b.constant("u", np.eye(4)[:4]))
    both = b.op("concat", a, c, axis=axes[0])
    turned = b.op("linear", both, b.constant("w", np.eye(both_width(axes[0]))[::-1]))
    return b.done(turned, b.op("add", a, both_part(b, both)))


def both_width(axis: int) -> int:
    return 8 if axis == 1 else 4


def both_part(b: Builder, both: str) -> str:
    return b.op("slice", both, bounds=((0, 2, 1), (0, 4, 1)))


def test_products_write_into_the_concatenation() -> None:
    made = lower(products(0), Weights(()))
    written = [a.writes[-1] for a in made.actions if isinstance(a, Call)]
    assert [(v.buffer, v.offset) for v in written[:2]] == [("concat", 0), ("concat", 8)]
    assert copies(products(0)) == 0
    assert made.notes[:2] == [
        "placed: linear is made in concat[0:]",
        "placed: linear:1 is made in concat[8:]",
    ]


def test_parts_that_are_no_row_of_elements_stay_copies() -> None:
    assert copies(products(1)) == 2


def state_made_of_a_part() -> Graph:
    """The part is a new state, which is better made in its leaf."""
    b = Builder()
    x, h = b.input("x", 1, 4), b.state("h", noise((1, 4)))
    new = b.op("linear", b.op("maximum", x, h), b.constant("w", np.eye(4)[::-1]))
    both = b.op("concat", new, x, axis=0)
    return b.done(b.op("linear", both, b.constant("v", np.eye(4)[::-1])), h=new)


def one_part_twice() -> Graph:
    b = Builder()
    x = b.input("x", 1, 4)
    y = b.op("linear", x, b.constant("w", np.eye(4)[::-1]))
    both = b.op("concat", y, y, axis=0)
    return b.done(b.op("linear", both, b.constant("v", np.eye(4)[::-1])))


def parts_of_parts() -> Graph:
    b = Builder()
    x = b.input("x", 1, 4)
    y = b.op("linear", x, b.constant("w", np.eye(4)[::-1]))
    inner = b.op("concat", x, y, axis=0)
    outer = b.op("concat", inner, b.op("neg", x), axis=0)
    return b.done(b.op("linear", outer, b.constant("v", np.eye(4)[::-1])), b.op("neg", inner))


COUNTS = {state_made_of_a_part: 2, one_part_twice: 1, parts_of_parts: 1}


@pytest.mark.parametrize("make", COUNTS, ids=lambda make: make.__name__)
def test_copies_that_are_left(make: object) -> None:
    assert callable(make)
    assert copies(make()) == COUNTS[make]


def test_a_new_state_is_made_in_its_leaf_rather() -> None:
    made: Lowered = lower(state_made_of_a_part(), Weights(()))
    assert plan_memory(made).how == {"h": "made in place"}


@pytest.mark.cc
@pytest.mark.parametrize(
    "make", [lambda: products(0), lambda: products(1), *COUNTS], ids=lambda m: m.__name__
)
def test_the_numbers_stay(make: object) -> None:
    assert callable(make)
    graph: Graph = make()
    program, reference = compiled(step_of(graph), graph), Reference(graph)
    for t in range(3):
        frame = {"x": noise(graph.values["x"].shape, t)}
        got, want = program.step(frame), reference.step(frame)
        for k, value in enumerate(want.values()):
            assert_same_bits(got[f"out{k}"], np.ascontiguousarray(value), f"{k} at {t}")
