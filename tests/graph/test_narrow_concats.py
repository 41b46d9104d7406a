"""What nobody reads of a concatenation is not made; a step that turns its columns compiles."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from edgernn.graph.ir import Graph
from edgernn.graph.passes import narrow_concats, simplify
from edgernn.graph.reference import Reference
from edgernn.state import State
from edgernn.streaming import Streaming
from edgernn.testing import check_backend

from ..compiled import Builder, noise


def cut(b: Builder, name: str, *bounds: int) -> str:
    start, end, step = (*bounds, 1)[:3]
    return b.op("slice", name, bounds=((0, 1, 1), (start, end, step)))


def three_parts(*cuts: tuple[int, ...]) -> Graph:
    """neg, relu and abs of four columns each, side by side, and slices of them."""
    b = Builder()
    x = b.input("x", 1, 4)
    both = b.op("concat", *(b.op(op, x) for op in ("neg", "relu", "abs")), axis=1)
    return b.done(*(b.op("tanh", cut(b, both, *each)) for each in cuts))


def same(before: Graph, after: Graph) -> bool:
    frame = {"x": noise((1, 4), 3)}
    old, new = (Reference(graph).step(frame).values() for graph in (before, after))
    return all(np.array_equal(a, b) for a, b in zip(old, new, strict=True))


@pytest.mark.parametrize(
    ("cuts", "left"),
    [
        ([(8, 12)], {"abs"}),
        ([(0, 3), (9, 10)], {"neg", "abs"}),
        ([(2, 7)], {"neg", "relu"}),
        ([(1, 12, 9)], {"neg", "relu", "abs"}),
    ],
)
def test_parts_that_no_slice_touches_go(cuts: list[tuple[int, ...]], left: set[str]) -> None:
    graph = three_parts(*cuts)
    result = narrow_concats.run(graph)
    assert result.modified == (len(left) < 3)
    assert same(graph, result.graph)
    simple, _ = simplify(graph)
    assert {n.op for n in simple.nodes} & {"neg", "relu", "abs"} == left
    assert same(graph, simple)


def test_a_concatenation_that_anything_else_reads_stays() -> None:
    b = Builder()
    x = b.input("x", 1, 4)
    both = b.op("concat", b.op("neg", x), b.op("relu", x), axis=1)
    graph = b.done(cut(b, both, 4, 8), b.op("tanh", both))
    assert not narrow_concats.run(graph).modified


class Turned(Streaming):
    """Halves change places, and only one of them is heard."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        made = x * torch.sigmoid(x)
        turned = torch.cat([made[..., 2:] + x[..., :2], made[..., :2] * x[..., 2:]], dim=-1)
        return torch.tanh(turned[..., :2]) + x[..., :2], state


@pytest.mark.cc
def test_c_has_no_variable_that_nobody_reads() -> None:
    check_backend(Turned(), torch.randn(1, 50, 4))
