"""`find_holds` sees what a Hold is captured as, and nothing that only looks like it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgernn.cells.lstm import LSTM
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import find_holds, simplify
from edgernn.graph.reference import Reference
from edgernn.layers.hold import Hold
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming

from ..compiled import Builder, noise, streamed

SHAPES = [(8, 0.1, 1), (8, 0.0, 1), (8, 0.3, 4), (6, 0.3, 4), (3, 0.3, 4), (1, 0.3, 4), (5, 0.0, 4)]


def captured(layer: Streaming, channels: int, frames: int = 1) -> Graph:
    return to_graph(capture(layer, torch.zeros(1, frames, channels), "held"))


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(("channels", "threshold", "block"), SHAPES)
def test_a_captured_hold_becomes_one_op(
    channels: int, threshold: float, block: int, frames: int
) -> None:
    graph = captured(Hold(channels, threshold, block), channels, frames)
    after, notes = simplify(graph)
    holds = [node for node in after.nodes if node.op == "hold"]
    assert len(holds) == frames
    assert {node.op for node in after.nodes} <= {"hold", "reshape", "slice", "concat"}
    want = {"threshold": float(np.float32(threshold)), "block": block}
    assert all(node.attrs == want for node in holds)
    assert notes[0].startswith("find_holds: ")
    x = np.cumsum(0.2 * noise((40, 1, frames, channels)), axis=0, dtype=np.float32)
    old, new = (streamed(Reference(g), [{"x": frame} for frame in x]) for g in (graph, after))
    np.testing.assert_array_equal(new[0], old[0])


def test_the_new_state_of_a_hold_is_what_the_product_reads() -> None:
    graph, _ = simplify(captured(Sequential(hold=Hold(8, 0.1), head=Linear(8, 3)), 8))
    (hold,) = [node for node in graph.nodes if node.op == "hold"]
    (state,) = graph.states
    assert (state.name, state.new) == (hold.inputs[1], hold.output)
    assert any(hold.output in node.inputs for node in graph.nodes)


def test_cells_hold_their_input_and_their_state() -> None:
    graph, _ = simplify(captured(LSTM(8, 8, threshold=(0.5, 0.1), block=4), 8))
    found = {node.inputs[1]: node.attrs for node in graph.nodes if node.op == "hold"}
    assert found == {
        "held_x": {"threshold": 0.5, "block": 4},
        "held_h": {"threshold": float(np.float32(0.1)), "block": 4},
    }


def choice(bound: float = 0.5, unlike: bool = False) -> Graph:
    """where(|x - held| > bound, x, held), or nearly."""
    b = Builder()
    x, h = b.input("x", 1, 4), b.state("h", noise((1, 4)))
    z = b.input("z", 1, 4)
    apart = b.op("sub", z if unlike else x, h)
    mask = b.op("greater", b.op("abs", apart), b.constant("bound", np.array(bound)))
    made = b.op("where", mask, x, h, name="made")
    return b.done(made, h=made)


def in_blocks(axis: int = 2, width: int = 4, fill: float = 0.0, limits: object = 1.0) -> Graph:
    """The block form over 6 channels, or nearly."""
    b = Builder()
    x, h = b.input("x", 1, 6), b.state("h", noise((1, 6)))
    apart = b.op("sub", h, x)
    count = 8 // width
    zeros = b.constant("zeros", np.full((1, 2), fill))
    squares = b.op("concat", b.op("mul", apart, apart), zeros, axis=1)
    rows = b.op("reshape", squares, shape=(1, count, width))
    mask = b.op("greater", b.op("reduce_sum", rows, axes=(axis,)), b.constant("limit", limits))
    wide = b.op("reshape", b.op("expand", mask, shape=(1, count, width)), shape=(1, 8))
    cut = b.op("slice", wide, bounds=((0, 1, 1), (0, 6, 1)))
    made = b.op("where", cut, x, h, name="made")
    return b.done(made, h=made)


FITTING = [[[1.0], [0.5]]]
RIGHT = {"elements": choice(), "blocks": in_blocks(limits=FITTING)}
WRONG = {
    "threshold_below_zero": choice(bound=-0.5),
    "difference_of_others": choice(unlike=True),
    "other_block_width": in_blocks(width=2, limits=1.0),
    "sum_across_blocks": in_blocks(axis=1, limits=1.0),
    "fill_that_is_not_zero": in_blocks(fill=0.1, limits=FITTING),
    "one_limit_for_blocks_of_two_sizes": in_blocks(limits=1.0),
    "limits_of_two_thresholds": in_blocks(limits=[[[1.0], [0.7]]]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_forms_made_by_hand_are_found(name: str) -> None:
    result = find_holds.run(RIGHT[name])
    assert result.modified
    assert next(n.op for n in result.graph.nodes if n.output == "made") == "hold"


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_hold_is_left(name: str) -> None:
    assert not find_holds.run(WRONG[name]).modified
