"""sigmoid, tanh and exp in their three forms: bounds over the range, seams, ends, NaN, bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import Array, find_backend, find_runner
from edgernn.cells.gru import GRU
from edgernn.errors import UnknownName
from edgernn.export.c.activations import FORMS
from edgernn.export.c.source import compile_step
from edgernn.firmware import GoldenRun
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import simplify
from edgernn.graph.reference import Reference
from edgernn.graph.step_graph import StepGraph
from edgernn.target import Target, find_target

from ..compiled import Builder, assert_same_bits, noise, row_of, step_of, streamed

pytestmark = pytest.mark.cc
POINTS = 1 << 18
WIDEST = 3.39e38
TRUE: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "tanh": np.tanh,
    "exp": np.exp,
}
BOUNDS = {  # absolute; of exp relative
    ("exact", "sigmoid"): 1.2e-7,
    ("exact", "tanh"): 1.2e-7,
    ("exact", "exp"): 1.2e-7,
    ("table", "sigmoid"): 1.2e-5,
    ("table", "tanh"): 2.4e-5,
    ("table", "exp"): 2.5e-5,
    ("polynomial", "sigmoid"): 3e-7,
    ("polynomial", "tanh"): 5e-7,
    ("polynomial", "exp"): 2e-7,
}
FALLS = {  # by rounding; what is not named never falls
    ("exact", "sigmoid"): 6e-8,
    ("polynomial", "sigmoid"): 3e-7,
    ("polynomial", "tanh"): 5e-7,
}
every = pytest.mark.parametrize(("form", "op"), list(BOUNDS))


def program(
    step: StepGraph,
    graph: Graph,
    form: str,
    target: Target | None = None,
    golden: GoldenRun | None = None,
) -> Any:
    backend: Any = find_backend("c")
    target = target or find_target("host")
    artifact = backend.export(step, target, "fp32", typed=graph, activations=form, golden=golden)
    row = row_of(step, backend.state_rows(step, graph, "fp32"), artifact.facts)
    main = artifact.members[artifact.main]
    return backend.open(row, main, find_runner(target.runner), target)


@cache
def function(form: str, op: str) -> Callable[[Array], Array]:
    b = Builder()
    graph = b.done(b.op(op, b.input("x", POINTS)))
    made = program(step_of(graph), graph, form)

    def run(x: Array) -> Array:
        whole = np.resize(x.astype(np.float32), POINTS)
        return np.asarray(made.step({"x": whole})["out0"][: len(x)])

    return run


def ranges(op: str) -> list[Array]:
    """Even and logarithmic points, seams of tables and clamps, and bit patterns of all kinds."""
    bits = np.random.default_rng(1).integers(0, 1 << 32, POINTS, dtype=np.uint64)
    anything = bits.astype(np.uint32).view(np.float32)
    small = np.logspace(-30, 0, POINTS // 2)
    seams = np.arange(-64 * 20, 64 * 20 + 1) / 64 * (np.log(2) if op == "exp" else 1.0)
    seams = np.append(seams, [-86.5, 88.722, 88.72283, -18.0, 18.0]).astype(np.float32)
    near = [seams, np.nextafter(seams, np.float32(-99)), np.nextafter(seams, np.float32(99))]
    return [
        np.linspace(-20, 20, POINTS, dtype=np.float32),
        np.linspace(-100, 100, POINTS, dtype=np.float32),
        np.concatenate([-small, small]).astype(np.float32),
        np.concatenate(near),
        anything[np.isfinite(anything)],
    ]


@every
def test_the_error_stays_below_its_bound_over_the_whole_range(form: str, op: str) -> None:
    bound, worst = BOUNDS[form, op], 0.0
    for x in ranges(op):
        got = function(form, op)(x).astype(np.float64)
        with np.errstate(over="ignore"):
            want = TRUE[op](x.astype(np.float64))
        error = np.abs(got - np.minimum(want, WIDEST))
        if op == "exp":
            error = np.where(x < -86.5, 0.0, error / np.clip(want, 1e-38, WIDEST))
            error = np.where(want > WIDEST, 0.0, error)
        worst = max(worst, float(error.max()))
    assert bound / 4 < worst <= bound, worst  # neither broken nor overstated


@every
def test_a_form_never_falls_where_the_function_rises(form: str, op: str) -> None:
    for x in ranges(op):
        got = function(form, op)(np.sort(x)).astype(np.float64)
        fall = float(-np.diff(got).min())
        if op == "exp":
            fall = float((-np.diff(got) / np.maximum(got[1:], 1e-37)).max())
        assert fall <= FALLS.get((form, op), 0.0), fall


@every
def test_ends_and_nan_are_as_stated(form: str, op: str) -> None:
    ends = np.array([np.inf, 1e30, -1e30, -np.inf, np.nan], np.float32)
    got = function(form, op)(ends)
    slack = 2.5e-7 if form == "table" else 0.0
    high, low = {"sigmoid": (1, 0), "tanh": (1, -1), "exp": (3.4e38, 0)}[op]
    np.testing.assert_allclose(got[:2], high, rtol=1e-3 if op == "exp" else slack)
    np.testing.assert_allclose(got[2:4], low, atol=slack)
    assert np.isfinite(got[:4]).all()
    assert np.isnan(got[4])


@pytest.mark.parametrize("form", FORMS)
def test_symmetry_holds_to_the_bit(form: str) -> None:
    x = np.linspace(1e-3, 20, 9999, dtype=np.float32)
    tanh = function(form, "tanh")
    assert_same_bits(tanh(-x), -tanh(x))


def recurrent() -> tuple[StepGraph, Graph]:
    torch.manual_seed(0)
    step = capture(GRU(6, 9), torch.zeros(1, 1, 6), "gru")
    return step, simplify(to_graph(step))[0]


DRIFT = {"exact": 1e-6, "table": 2e-4, "polynomial": 2e-6}


@pytest.mark.parametrize("form", FORMS)
def test_a_recurrent_step_stays_as_close_as_its_form(form: str) -> None:
    step, graph = recurrent()
    frames = [{"x": noise((1, 1, 6), t)} for t in range(300)]
    got, _ = streamed(program(step, graph, form), frames)
    want, _ = streamed(Reference(graph), frames)
    error = np.abs(np.stack(got) - np.stack(want)).max()
    assert DRIFT[form] / 40 < error < DRIFT[form]


@pytest.mark.emulator
@pytest.mark.parametrize("target", ["cortex-m4", "aarch64"])
@pytest.mark.parametrize("form", ["table", "polynomial"])
def test_bits_are_the_same_on_another_cpu(form: str, target: str) -> None:
    place = find_target(target)
    b = Builder()
    given = b.input("x", 512)
    ops = [b.op(op, given) for op in TRUE]
    graph = b.done(b.op("concat", *ops, axis=0))
    step = step_of(graph)
    x = np.stack([np.linspace(-99, 99, 512, dtype=np.float32), noise((512,))])
    frames = [{"x": frame} for frame in x]
    here = program(step, graph, form)
    mine, _ = streamed(here, frames)
    golden = GoldenRun((x,), (np.stack(mine),), here.blob_bytes())
    firmware = place.kind == "firmware"
    there = program(step, graph, form, place, golden if firmware else None)
    theirs, _ = streamed(there, frames)
    for a, c in zip(mine, theirs, strict=True):
        assert_same_bits(c, a, target)


def test_only_what_is_called_is_written() -> None:
    step, graph = recurrent()
    text = {form: compile_step(step, graph, "fp32", activations=form).source for form in FORMS}
    assert "_poly(" not in text["exact"] + text["table"]
    assert "_lookup(" not in text["exact"] + text["polynomial"]
    assert "edgernn_exp_f32" not in text["table"] + text["polynomial"]
    assert text["exact"] == compile_step(step, graph, "fp32").source


def test_an_unknown_form_gets_the_nearest_name() -> None:
    step, graph = recurrent()
    with pytest.raises(UnknownName, match="unknown activation form 'poly'; did you mean"):
        compile_step(step, graph, "fp32", activations="poly")
