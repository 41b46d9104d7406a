"""Where buffers live: nothing alive is overwritten, and a state in place is a safe one."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.export.c.loops import is_copy, views_read, views_written
from edgernn.export.c.lower import Lowered, lower
from edgernn.export.c.plan import ALIGN, BULKY, SMALL_ALIGN, Plan, plan_memory
from edgernn.export.c.settle import SLID
from edgernn.export.c.weights import Weights
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference
from edgernn.layers.conv import Conv1d
from edgernn.model import find_model
from edgernn.streaming import Residual, Sequential, Streaming
from edgernn.streams import cut_to_steps

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed
from .graphs import GRAPHS

MODELS = {
    "ears": lambda: Sequential(mel=LogMel(mels=8), rnn=GRU(8, 6)),
    "deep": lambda: Sequential(a=GRU(4, 6), b=LSTM(6, 8, proj_size=3), c=GRU(3, 3)),
    "conv": lambda: Sequential(a=Conv1d(4, 4, 3), r=Residual(Sequential(b=Conv1d(4, 4, 5)), 4)),
}


def typed(layer: Streaming, channels: int, number_type: str) -> Graph:
    torch.manual_seed(0)
    x = noise((12, 1, layer.timing.block, channels))
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
        assert at % (ALIGN if size >= BULKY else SMALL_ALIGN) == 0
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


def planned(name: str) -> tuple[Lowered, Plan]:
    lowered = lower(GRAPHS[name](), Weights(()))
    return lowered, plan_memory(lowered)


def test_a_state_is_updated_in_place_where_it_is_safe_and_only_there() -> None:
    how = {name: planned(name)[1].how for name in GRAPHS}
    assert how["new_state_is_the_output"] == {"h": "made in place"}
    assert how["kept_state"] == {"h": "kept"}
    assert how["state_shifted"] == {"past": SLID}
    for name in (
        *("state_turned", "old_state_is_read_late", "old_state_is_the_output"),
        *("state_shifted_in_its_own_leaf", "swapped_states", "delay_line"),
    ):
        assert set(how[name].values()) == {"copied"}, name
    assert sorted(how["one_value_for_two_states"].values()) == ["copied", "made in place"]


def test_only_states_that_change_places_need_one_of_them_saved() -> None:
    saved = {name: [b for b in planned(name)[0].buffers if ":saved:" in b] for name in GRAPHS}
    rings = {name: len(some) for name, some in saved.items() if some}
    assert rings == {"swapped_states": 1}


def test_a_copy_into_a_leaf_comes_right_after_the_last_read_of_it() -> None:
    b = Builder()
    x, h = b.input("x", 1, 8), b.state("h", noise((1, 8)))
    y = b.op("linear", h, b.constant("w", noise((8, 8))))
    y = b.op("linear", y, b.constant("v", noise((8, 8))))
    plan = plan_memory(lower(b.done(y, h=b.op("reshape", x, shape=(1, 8))), Weights(())))
    assert [is_copy(action) for action in plan.actions] == [False, True, False]


CELLS: dict[str, tuple[Any, int]] = {
    "rnn": (lambda: RNN(40, 96), 40),
    "gru": (lambda: GRU(40, 128), 40),
    "gru_of_keras": (lambda: GRU(40, 128, reset_after=False), 40),
    "lstm": (lambda: LSTM(40, 128), 40),
    "lstm_projected": (lambda: LSTM(40, 128, proj_size=64), 40),
    "deep": (lambda: Sequential(a=GRU(40, 96), b=LSTM(96, 80, proj_size=64), c=GRU(64, 64)), 40),
    "ears": (lambda: Sequential(mel=LogMel(mels=40), rnn=GRU(40, 64)), 1),
    "conv": (
        lambda: Sequential(
            a=Conv1d(40, 64, 5),
            r=Residual(Sequential(b=Conv1d(64, 64, 9, groups=64), c=Conv1d(64, 64, 1)), 64),
            d=Conv1d(64, 48, 3, dilation=2),
        ),
        40,
    ),
}


def separable() -> Streaming:
    """Depthwise and pointwise in turn, as small wake word detectors are made."""
    layers: dict[str, Streaming] = {}
    channels = 40
    for k, (out, kernel) in enumerate(((128, 3), (128, 5), (128, 10), (32, 15))):
        layers[f"depth{k}"] = Conv1d(channels, channels, kernel, groups=channels)
        layers[f"point{k}"] = Conv1d(channels, out, 1)
        channels = out
    return Sequential(**layers)


@cache
def cell(name: str, kind: str) -> Graph:
    """The graph of a cell in a number type, made once."""
    make, channels = CELLS.get(name, (separable, 40))
    return typed(make(), channels, kind)


def held(plan: Plan, limit: float = 1.1) -> None:
    slack = 64 if plan.peak_live_bytes < 1024 else 0
    share = plan.total_bytes / plan.peak_live_bytes
    assert plan.total_bytes <= limit * plan.peak_live_bytes + slack, share


@pytest.mark.parametrize("kind", ["fp32", "w8a8"])
@pytest.mark.parametrize("name", CELLS)
def test_memory_is_at_most_a_tenth_above_what_is_alive_at_once(name: str, kind: str) -> None:
    lowered = lower(cell(name, kind), Weights(()))
    plan = plan_memory(lowered)
    leaves = sum(lowered.graph.values[s.name].nbytes for s in lowered.graph.states)
    assert leaves < plan.peak_live_bytes
    held(plan)


@pytest.mark.parametrize(("kind", "limit"), [("fp32", 1.1), ("w8a8", 1.12)])
def test_windows_that_live_in_their_leaves_cost_their_present(kind: str, limit: float) -> None:
    """Each window's present stays reserved, though one is alive at a time: hence the limit."""
    lowered = lower(cell("separable", kind), Weights(()))
    plan = plan_memory(lowered)
    assert set(plan.how.values()) == {SLID}
    held(plan, limit)
    values = lowered.graph.values
    windows = sum(values[s.name].nbytes for s in lowered.graph.states)
    assert plan.total_bytes < 1.3 * windows  # where separate windows would take twice the leaves


@pytest.mark.parametrize("kind", ["fp32", "w8a8"])
def test_the_keyword_spotter_takes_less_than_is_alive_at_once(kind: str) -> None:
    found = find_model("kws/dense")
    ((name, module),) = found.steps().items()
    frames = cut_to_steps(found.calibration(1), module.timing.block)[:30]
    step = capture(module, torch.from_numpy(frames[0]), name)
    backend: Any = find_backend("c")
    graph = backend.typed(step, kind, [{step.inputs[0].name: frame} for frame in frames])[0]
    held(plan_memory(lower(graph, Weights(()))), 0.85)


@pytest.mark.parametrize("name", ["deep", "conv", "separable"])
def test_the_state_is_alike_for_every_instruction_set(name: str) -> None:
    graph = cell(name, "w8a8")
    folders = [()] + [(isa,) for isa in ("avx2", "neon", "dsp", "helium", "thumb1", "simd128")]
    plans = [plan_memory(lower(graph, Weights(isas))) for isas in folders]
    states = [(p.state_offsets, p.state_bytes, p.how) for p in plans]
    assert all(state == states[0] for state in states)


def test_alive_at_once_is_counted_value_by_value() -> None:
    b = Builder()
    x, h = b.input("x", 1, 100), b.state("h", noise((1, 10)))
    wide = b.op("linear", x, b.constant("w", noise((200, 100))))
    part = b.op("linear", wide, b.constant("v", noise((30, 200))))
    both = b.op("concat", part, b.op("linear", h, b.constant("u", noise((70, 10)))), axis=1)
    y = b.op("linear", both, b.constant("t", noise((10, 100))))
    plan = plan_memory(lower(b.done(b.op("neg", y), h=y), Weights(())))
    #       leaf and: wide; wide and part; both parts; both and y, which is the leaf; and again
    assert [n // 4 for n in plan.live_bytes] == [210, 240, 110, 110, 10]


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
