"""Loops join where every element needs only its own; the gates of a cell are one loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.export.c.fuse import fuse, reshaped
from edgernn.export.c.loops import Action, Call, Loop, Statement, View, copy_loop, is_copy
from edgernn.export.c.lower import Lowered, lower
from edgernn.export.c.weights import Weights
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.passes import simplify
from edgernn.graph.reference import Reference
from edgernn.model import find_model
from edgernn.streaming import Streaming
from edgernn.streams import cut_to_steps

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of


def loop(op: str, made: str, *names: str, shape: tuple[int, ...] = (6,)) -> Loop:
    one = Loop(shape, [Statement(op, made, names, {})], label=made)
    one.reads = {name: View.whole(name, shape) for name in names}
    one.writes = {made: View.whole(made, shape)}
    return one


def call(made: str, *names: str, size: int = 6) -> Call:
    reads = [View.whole(name, (size,)) for name in names]
    return Call("kernel", [], reads, [View.whole(made, (size,))], made)


def ops(actions: list[Action]) -> list[list[str]]:
    return [[s.op for s in a.statements] if isinstance(a, Loop) else [a.label] for a in actions]


def test_neighbours_join_and_what_only_they_need_is_never_stored() -> None:
    (one,), notes = fuse([loop("neg", "a", "x"), loop("relu", "b", "a")], {"b"})
    assert isinstance(one, Loop)
    assert list(one.reads) == ["x"]
    assert list(one.writes) == ["b"]
    assert notes == ["a: 2 ops over 6 elements, 1 read and 1 written"]


def test_a_loop_moves_up_over_a_call_that_touches_none_of_it() -> None:
    actions = [loop("neg", "a", "x"), call("k", "w"), loop("relu", "b", "a")]
    assert ops(fuse(actions, {"b", "k"})[0]) == [["neg", "relu"], ["k"]]


def test_the_earlier_loop_moves_down_if_the_later_one_cannot_move_up() -> None:
    actions = [loop("neg", "a", "x"), call("k", "w"), loop("add", "b", "a", "k")]
    assert ops(fuse(actions, {"b"})[0]) == [["k"], ["neg", "add"]]


def test_neither_moves_over_what_it_makes_or_needs() -> None:
    actions = [loop("neg", "a", "x"), call("k", "a"), loop("add", "b", "a", "k")]
    assert ops(fuse(actions, {"b"})[0]) == [["neg"], ["k"], ["add"]]


def test_strangers_far_apart_stay_apart() -> None:
    actions = [loop("neg", "a", "x"), call("k", "w"), loop("relu", "b", "z")]
    assert len(fuse(actions, {"a", "b", "k"})[0]) == 3


def test_a_value_under_another_shape_is_the_same_elements() -> None:
    second = loop("relu", "b", "flat", shape=(6,))
    second.reads = {"flat": View.whole("a", (6,))}
    (one,), _ = fuse([loop("neg", "a", "x", shape=(2, 3)), second], {"b"})
    assert isinstance(one, Loop)
    assert one.aliases == {"flat": "a"}
    assert reshaped(one, (6,)) is not None
    turned = one.reads["x"].on(one.reads["x"].cells.T)
    assert reshaped(Loop((3, 2), reads={"x": turned}), (6,)) is None


def test_what_reads_the_elements_in_another_order_does_not_join() -> None:
    second = loop("relu", "b", "late", shape=(3,))
    whole = View.whole("a", (6,))
    second.reads = {"late": whole.on(whole.cells[3:])}
    assert len(fuse([loop("neg", "a", "x"), second], {"b"})[0]) == 2
    turned = loop("relu", "b", "t", shape=(3, 3))
    square = View.whole("a", (3, 3))
    turned.reads = {"t": square.on(square.cells.T)}
    assert len(fuse([loop("neg", "a", "x", shape=(3, 3)), turned], {"b"})[0]) == 2


def test_a_copy_becomes_a_second_place_that_the_value_is_written_to() -> None:
    room = View.whole("room", (10,))
    copy = copy_loop(View.whole("a", (6,)), room.on(room.cells[4:]), "float32", "a")
    (one,), _ = fuse([loop("neg", "a", "x"), copy], {"room"})
    assert isinstance(one, Loop)
    ((name, place),) = one.writes.items()
    assert (place.buffer, place.offset) == ("room", 4)
    assert one.aliases == {name: "a"}
    both = fuse([loop("neg", "a", "x"), copy], {"room", "a"})[0][0]
    assert isinstance(both, Loop)
    assert [v.buffer for v in both.writes.values()] == ["a", "room"]


def test_a_copy_of_what_a_kernel_makes_stays_a_copy() -> None:
    copy = copy_loop(View.whole("k", (6,)), View.whole("room", (6,)), "float32", "k")
    actions, _ = fuse([call("k", "w"), loop("neg", "b", "x"), copy], {"room", "b"})
    assert is_copy(actions[-1])


def lowered(step: Any, number_type: str, frames: list[dict[str, np.ndarray]]) -> Lowered:
    backend: Any = find_backend("c")
    graph: Graph = backend.typed(step, number_type, frames)[0]
    return lower(graph, Weights(()))


def cell(layer: Streaming) -> tuple[Any, list[dict[str, np.ndarray]]]:
    torch.manual_seed(0)
    x = noise((12, 1, 1, 8))
    return capture(layer, torch.from_numpy(x[0]), "cell"), [{"x": frame} for frame in x]


CELLS: dict[str, tuple[Callable[[], Streaming], list[int]]] = {
    # how many products stand before each loop of gates
    "rnn": (lambda: RNN(8, 6), [2]),
    "gru": (lambda: GRU(8, 6), [2]),
    "lstm": (lambda: LSTM(8, 6), [2]),
    "gru_reset_before": (lambda: GRU(8, 6, reset_after=False), [2, 3]),
    "lstm_projected": (lambda: LSTM(8, 6, proj_size=4), [2]),
}


def gate_loops(actions: list[Action]) -> list[int]:
    """Products made before each loop that holds a sigmoid or tanh."""
    products, found = 0, []
    for action in actions:
        if isinstance(action, Call):
            products += 1
        elif any(s.op.endswith(("sigmoid", "tanh")) for s in action.statements):
            found.append(products)
    return found


@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
@pytest.mark.parametrize("name", CELLS)
def test_the_gates_of_a_cell_are_one_loop_behind_its_products(name: str, number_type: str) -> None:
    make, want = CELLS[name]
    step, frames = cell(make())
    made = lowered(step, number_type, frames)
    assert gate_loops(made.actions) == want
    calls = sum(isinstance(action, Call) for action in made.actions)
    edges = 2 if number_type == "w8a8" else 0  # x and h as 8 bits, each before its product
    tail = 1 if (name, number_type) == ("lstm_projected", "w8a8") else 0
    copied = 1 if (name, number_type) == ("lstm_projected", "fp32") else 0
    assert len(made.actions) == calls + len(want) + edges + tail + copied


@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
def test_the_gates_of_the_keyword_spotter_are_one_loop(number_type: str) -> None:
    found = find_model("kws/dense")
    ((name, module),) = found.steps().items()
    frames = cut_to_steps(found.calibration(1), module.timing.block)[:30]
    step = capture(module, torch.from_numpy(frames[0]), name)
    made = lowered(step, number_type, [{step.inputs[0].name: frame} for frame in frames])
    loops = [a for a in made.actions if isinstance(a, Loop)]
    gates = [a for a in loops if any(s.op.endswith("sigmoid") for s in a.statements)]
    (gate,) = gates
    kinds = [s.op.removeprefix("q") for s in gate.statements]
    assert (kinds.count("sigmoid"), kinds.count("tanh"), kinds.count("mul")) == (2, 1, 2)
    outside = {*step_inputs(step), *made.homes}
    copies = [a for a in loops if is_copy(a) and not a.touched() & outside]
    assert len(copies) <= 2  # two halves of a spectrum change places


def step_inputs(step: Any) -> list[str]:
    return [*(p.name for p in step.inputs), *(s.name for s in step.states)]


@pytest.mark.cc
def test_joined_loops_give_the_numbers_of_separate_ones() -> None:
    b = Builder()
    x, h = b.input("x", 2, 3, 4), b.state("h", noise((6, 4)))
    flat = b.op("neg", b.op("reshape", x, shape=(6, 4)))
    wide = b.op("linear", x, b.constant("w", np.eye(4)[::-1]))
    both = b.op("add", b.op("reshape", wide, shape=(6, 4)), flat)
    new = b.op("maximum", b.op("mul", both, h), flat)
    joined = b.op(
        "concat", b.op("reshape", new, shape=(24,)), b.op("reshape", x, shape=(24,)), axis=0
    )
    graph = simplify(b.done(b.op("relu", joined), b.op("sub", flat, new), h=new))[0]
    program, reference = compiled(step_of(graph), graph), Reference(graph)
    for t in range(4):
        frame = {"x": noise((2, 3, 4), t)}
        got, want = program.step(frame), reference.step(frame)
        for k, value in enumerate(want.values()):
            assert_same_bits(got[f"out{k}"], np.ascontiguousarray(value), f"{k} at {t}")
