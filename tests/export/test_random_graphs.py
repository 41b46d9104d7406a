"""Random step models: the C under sanitizers against ONNX Runtime, and against the reference."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array, find_backend, np_dtype
from edgernn.export.c.source import CSource, compile_step
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference
from edgernn.graph.step_graph import StepGraph
from edgernn.target import find_target

from ..compiled import assert_same_bits, compiled, noise, onnx_program
from .random_graphs import random_step
from .test_emit import program, run_c

pytestmark = pytest.mark.cc
STEPS = 6
QUICK, MORE = 6, 30
KINDS = ("w8a8", "w4a8", "w8a16", "w8a8", "w2a8", "w4a8-row", "w2a8-row")
ISAS = ((), find_target("host").isa)


def seeds(first: int) -> list[Any]:
    """A few seeds for every run, many for the slow one."""
    quick = [pytest.param(first + k, id=str(first + k)) for k in range(QUICK)]
    more = range(first + QUICK, first + QUICK + MORE)
    return [*quick, *(pytest.param(k, id=str(k), marks=pytest.mark.slow) for k in more)]


def frames(step: StepGraph) -> Array:
    return noise((STEPS, *step.inputs[0].shape), 7)


def typed(step: StepGraph, number_type: str) -> Graph:
    backend: Any = find_backend("c")
    loud = [{"x": frame} for frame in (*frames(step), *noise((20, *step.inputs[0].shape), 8))]
    made: Graph = backend.typed(step, number_type, loud)[0]
    return made


def run(step: StepGraph, source: CSource, graph: Graph, kind: str, at: Path) -> tuple[Array, bytes]:
    """Outputs of every step and the state at last, by C that watches itself where gcc is."""
    x = frames(step)
    if shutil.which("gcc") is None:
        twin = compiled(step, graph, kind)
        y = np.stack([twin.step({"x": frame})["y"] for frame in x])
        return y, twin.blob_bytes()
    raw = run_c(program(step, source), at, x.tobytes())
    size = 4 * STEPS * step.outputs[0].shape[0]
    return np.frombuffer(raw[:size], np.float32).reshape(STEPS, -1), raw[size:]


def check_memory(source: CSource) -> None:
    """Random steps are full of odd lives; real ones are held to a tenth in test_plan."""
    facts = source.facts
    total = facts["state_bytes"] + facts["scratch_bytes"]
    assert total <= 1.15 * facts["peak_live_bytes"] + 64 + rooms(source)


def rooms(source: CSource) -> int:
    """Bytes that kernels of this instruction set ask for beside their values."""
    named = re.findall(r"scratch +\d+ \+ +(\d+) .*:room\d+", "\n".join(source.notes))
    return sum(map(int, named))


@pytest.mark.parametrize("seed", seeds(100))
def test_c_gives_the_numbers_of_onnx_runtime(seed: int, tmp_path: Path) -> None:
    step = random_step(seed, exact=False)
    graph = typed(step, "fp32")
    source = compile_step(step, graph, "fp32", isas=ISAS[seed % 2])
    check_memory(source)
    got, _ = run(step, source, graph, "fp32", tmp_path)
    peer = onnx_program(step)
    peer.reset()
    want = np.stack([peer.step({"x": frame})["y"] for frame in frames(step)])
    np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4 * max(1.0, np.abs(want).max()))


@pytest.mark.parametrize("seed", seeds(500))
def test_integer_c_gives_the_bits_of_the_reference(seed: int, tmp_path: Path) -> None:
    step, kind = random_step(seed, exact=True), KINDS[seed % len(KINDS)]
    graph = typed(step, kind)
    source = compile_step(step, graph, kind, isas=ISAS[seed % 2])
    check_memory(source)
    got, blob = run(step, source, graph, kind, tmp_path)
    reference = Reference(graph)
    for row, frame in zip(got, frames(step), strict=True):
        (want,) = reference.step({"x": frame}).values()
        assert_same_bits(row, np.ascontiguousarray(want))
    for row in source.facts["states"]:
        dtype, shape = np_dtype(row["dtype"]), tuple(row["shape"])
        count = int(np.prod(shape))
        leaf = np.frombuffer(blob, dtype, count, row["offset_bytes"]).reshape(shape)
        assert_same_bits(leaf, np.ascontiguousarray(reference.leaves[row["in"]]), row["in"])
