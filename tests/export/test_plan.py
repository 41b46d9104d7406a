"""Where buffers live: nothing alive is overwritten, and a state in place is a safe one."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.export.c.loops import views_read, views_written
from edgernn.export.c.lower import Lowered, lower
from edgernn.export.c.plan import ALIGN, Plan, plan_memory
from edgernn.export.c.weights import Weights
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference
from edgernn.layers.conv import Conv1d
from edgernn.streaming import Residual, Sequential, Streaming

from ..compiled import assert_same_bits, compiled, noise, step_of, streamed
from .graphs import GRAPHS

MODELS = {
    "ears": lambda: Sequential(mel=LogMel(mels=8), rnn=GRU(8, 6)),
    "deep": lambda: Sequential(a=GRU(4, 6), b=LSTM(6, 8, proj_size=3), c=GRU(3, 3)),
    "conv": lambda: Sequential(a=Conv1d(4, 4, 3), r=Residual(Sequential(b=Conv1d(4, 4, 5)), 4)),
}


def typed(layer: Streaming, channels: int, number_type: str) -> Graph:
    torch.manual_seed(0)
    x = noise((40, 1, layer.timing.block, channels))
    step = capture(layer, torch.from_numpy(x[0]), "model")
    backend: Any = find_backend("c")
    made: Graph = backend.typed(step, number_type, [{"x": frame} for frame in x])[0]
    return made


def graphs() -> list[Any]:
    found = [pytest.param(lambda make=make: make(), id=name) for name, make in GRAPHS.items()]
    for name, make in MODELS.items():
        for kind in ("fp32", "w8a8"):
            channels = 1 if name == "ears" else 4
            found.append(
                pytest.param(
                    lambda make=make, c=channels, k=kind: typed(make(), c, k), id=f"{name}-{kind}"
                )
            )
    return found


def check(lowered: Lowered, plan: Plan) -> None:
    """Run the plan's actions over ownership: who wrote the memory that is read last?"""
    sizes = {name: value.nbytes for name, value in lowered.buffers.items()}
    places = {
        **{n: ("scratch", at, sizes[n]) for n, at in plan.scratch_offsets.items()},
        **{
            n: ("state", at, lowered.graph.values[n].nbytes) for n, at in plan.state_offsets.items()
        },
    }
    owner: dict[tuple[str, int], str] = {}
    for name, (memory, at, size) in places.items():
        assert at % ALIGN == 0
        assert at + size <= (plan.scratch_bytes if memory == "scratch" else plan.state_bytes)
        if memory == "state":
            owner.update(((memory, byte), name) for byte in range(at, at + size))
    for action in plan.actions:
        for view in views_read(action):
            if view.buffer in plan.scratch_offsets:
                memory, at, size = places[view.buffer]
                owners = {owner.get((memory, byte)) for byte in range(at, at + size)}
                assert owners == {view.buffer}, (view.buffer, owners)
        for view in views_written(action):
            if view.buffer in plan.scratch_offsets:
                memory, at, size = places[view.buffer]
                owner.update(((memory, byte), view.buffer) for byte in range(at, at + size))
    for a, b in combinations(plan.state_offsets, 2):
        (_, at, size), (_, start, _) = sorted((places[a], places[b]), key=lambda p: p[1])
        assert at + size <= start


@pytest.mark.parametrize("make", graphs())
def test_no_buffer_is_overwritten_while_it_is_needed(make: Any) -> None:
    lowered = lower(make(), Weights(()))
    plan = plan_memory(lowered)
    check(lowered, plan)
    assert set(plan.state_offsets) == {s.name for s in lowered.graph.states}


@pytest.mark.cc
@pytest.mark.parametrize("name", GRAPHS)
def test_states_come_out_right_whatever_they_are_made_of(name: str) -> None:
    graph = GRAPHS[name]()
    program, reference = compiled(step_of(graph), graph), Reference(graph)
    shape = graph.values["x"].shape
    for t in range(7):
        frame = {"x": noise(shape, 100 + t)}
        got, want = program.step(frame), reference.step(frame)
        for k, output in enumerate(graph.outputs):
            assert_same_bits(got[f"out{k}"], np.ascontiguousarray(want[output]), f"{output} {t}")
        for leaf, value in reference.state().items():
            assert_same_bits(program.state()[leaf], np.ascontiguousarray(value), f"{leaf} {t}")


def homes(name: str) -> set[str]:
    return set(plan_memory(lower(GRAPHS[name](), Weights(()))).homes.values())


def test_a_state_is_updated_in_place_where_it_is_safe_and_only_there() -> None:
    assert "h" in homes("new_state_is_the_output")
    assert "h" in homes("delay_line_of_a_changing_state")
    for name in (
        *("state_turned", "old_state_is_read_late", "old_state_is_the_output"),
        *("state_shifted_in_its_own_leaf", "swapped_states"),
    ):
        assert not homes(name) & {"h", "past", "p", "q"}, name
    assert homes("one_value_for_two_states") & {"p", "q"} in ({"p"}, {"q"})


@pytest.mark.cc
def test_a_stream_may_be_reset_saved_and_continued() -> None:
    graph = GRAPHS["three_states_in_a_ring"]()
    program = compiled(step_of(graph), graph)
    frames = [{"x": noise((1, 4), t)} for t in range(6)]
    first = streamed(program, frames)
    again = streamed(program, frames)
    for a, b in zip(first[0], again[0], strict=True):
        assert_same_bits(a, b)
    program.load_state(first[1][2])
    for frame, want in zip(frames[3:], first[0][3:], strict=True):
        assert_same_bits(program.step(frame)["out0"], want)
