"""What every pass promises: the same numbers, an untouched argument, nothing left to do twice."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from edgernn.cells.gru import GRU
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import PIPELINE, simplify
from edgernn.graph.reference import Reference
from edgernn.streaming import Sequential, Streaming

from ..compiled import Builder, noise, streamed


def conv_norm() -> Graph:
    """transpose, conv1d, transpose, BatchNorm's two ops, relu, and a dead branch."""
    b = Builder()
    x = b.input("x", 1, 6, 4)
    w = b.constant("w", noise((5, 3, 4)))
    y = b.op("transpose", b.op("conv1d", x, w, stride=1, dilation=1, groups=1), perm=(0, 2, 1))
    y = b.op("mul", y, b.constant("factor", noise((5, 1), 1)))
    y = b.op("add", y, b.constant("shift", noise((5, 1), 2)))
    b.op("exp", x, name="dead")
    y = b.op("relu", y)
    return b.done(b.op("transpose", y, perm=(0, 2, 1)))


def two_linears() -> Graph:
    """A state, a bias as its own op, a reshape on the way, a factor on a shared product."""
    b = Builder()
    x, h = b.input("x", 1, 2, 4), b.state("h", noise((1, 3)))
    y = b.op("linear", x, b.constant("w", noise((3, 4))))
    y = b.op("reshape", y, shape=(2, 3))
    y = b.op("add", y, b.constant("bias", noise((3,), 1)))
    z = b.op("linear", h, b.constant("u", noise((3, 3), 2)))
    both = b.op("add", y, z)
    scaled = b.op("mul", z, b.constant("two", np.array(2.0)))
    new = b.op("tanh", b.op("slice", both, bounds=((0, 1, 1), (0, 3, 1))))
    return b.done(b.op("add", both, scaled), h=new)


def plain() -> Graph:
    b = Builder()
    x = b.input("x", 1, 3)
    return b.done(b.op("sigmoid", x))


class Spectrum(Streaming):
    """A user's own convolution and norm, in torch's functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 1, groups=2)
        self.norm = nn.BatchNorm1d(6)

    def step(self, x: torch.Tensor, state: object) -> tuple[torch.Tensor, object]:
        y = self.norm(self.conv(x.transpose(1, 2)))
        return F.relu(y).transpose(1, 2), state


def captured() -> Graph:
    torch.manual_seed(0)
    layer = Sequential(a=Spectrum())
    layer.train()
    layer(torch.randn(2, 20, 4))  # so that the norm has something to fold
    return to_graph(capture(layer, torch.zeros(1, 3, 4), "spectrum"))


def held() -> Graph:
    return to_graph(capture(GRU(4, 6, threshold=(0.8, 0.1), block=4), torch.zeros(1, 2, 4), "held"))


GRAPHS = {g.__name__: g for g in (conv_norm, two_linears, plain, captured, held)}


def frames(graph: Graph) -> list[dict[str, np.ndarray]]:
    shape = graph.values["x"].shape
    return [{"x": noise(shape, seed)} for seed in range(4)]


@pytest.fixture(scope="module", params=GRAPHS)
def graph(request: pytest.FixtureRequest) -> Graph:
    return GRAPHS[request.param]()


def text(graph: Graph) -> str:
    constants = {k: v.tobytes() for k, v in graph.constants.items()}
    return repr((graph.nodes, graph.outputs, graph.states, graph.values, constants))


every_pass = pytest.mark.parametrize(
    "rewrite", list(dict.fromkeys(PIPELINE)), ids=lambda m: m.__name__.rsplit(".", 1)[-1]
)


@every_pass
def test_a_pass_changes_no_number_and_not_its_argument(graph: Graph, rewrite: ModuleType) -> None:
    before = text(graph)
    result = rewrite.run(graph)
    assert text(graph) == before
    assert result.modified == bool(result.notes)
    if not result.modified:
        assert [n.op for n in result.graph.nodes] == [n.op for n in graph.nodes]
    old, new = (streamed(Reference(g), frames(graph)) for g in (graph, result.graph))
    np.testing.assert_allclose(new[0], old[0], atol=2e-6, rtol=2e-6)
    for a, b in zip(old[1], new[1], strict=True):
        for name, leaf in a.items():
            np.testing.assert_allclose(b[name], leaf, atol=2e-6, rtol=2e-6)


@every_pass
def test_a_pass_finds_nothing_more_the_second_time(graph: Graph, rewrite: ModuleType) -> None:
    once = rewrite.run(graph).graph
    twice = rewrite.run(once)
    assert not twice.modified
    assert twice.graph.nodes == once.nodes


def test_simplify_leaves_nothing_to_do_and_says_what_it_did() -> None:
    after, notes = simplify(conv_norm())
    assert [n.op for n in after.nodes] == ["conv1d", "relu"]
    assert [note.split(":")[0] for note in notes] == [
        *("sink_transposes", "dead_code", "fold_affine", "fold_affine")
    ]
    assert simplify(after) == (after, [])
