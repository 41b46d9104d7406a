"""Tables of integers in C: the reference's bits on every target, and what they take of flash."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array, find_runner
from edgernn.export.c.source import compile_step
from edgernn.firmware import GoldenRun
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph, Node, Value
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.reference import Reference
from edgernn.graph.step_graph import StepGraph
from edgernn.target import all_targets, find_target

from ..compiled import Builder, assert_same_bits, compiled, noise, on_grid, step_of

pytestmark = pytest.mark.cc
GRIDS = {"w8a8": (8, 0), "mixed": (4, 32), "mixed by rows": (4, 0)}  # bits and chunk of the tables
ROWS, WIDTHS = 13, {"alone": 33, "read": 40, "met": 31}
FRAMES = [{"tokens": np.array([t % ROWS, -1 - 5 * t % ROWS]) % ROWS} for t in range(2 * ROWS)]


def vectors(bits: int, chunk: int) -> Graph:
    """Of three tables: vectors that are the output, that a product reads, that meet a product."""
    b = Builder()
    tokens = b.input("tokens", 2, dtype="int64")
    for seed, (name, width) in enumerate(WIDTHS.items()):
        table = noise((ROWS, width), seed) * np.exp(noise((ROWS, 1), 9))
        b.constant(f"{name}.table", on_grid(table, bits, chunk))
        b.graph.values[name] = Value((2, width))
        b.graph.nodes.append(Node("gather", name, (f"{name}.table", tokens), name))
    product = b.op("linear", "read", b.constant("w", noise((31, 40), 5)))
    return b.done("alone", b.op("add", product, "met"))


@pytest.fixture(scope="module", params=GRIDS)
def made(request: pytest.FixtureRequest) -> tuple[StepGraph, Graph, str]:
    graph, name = vectors(*GRIDS[request.param]), request.param.split()[0]
    result = quantize.run(graph, calibrate(graph, FRAMES), find_number_type(name))
    typed = dead_code.run(result.graph).graph
    return step_of(typed), typed, name


def results(program: Any) -> list[dict[str, Array]]:
    program.reset()
    return [dict(program.step(frame)) for frame in FRAMES]


def check(program: Any, typed: Graph) -> None:
    for got, want in zip(results(program), results(Reference(typed)), strict=True):
        for a, b in zip(got.values(), want.values(), strict=True):
            assert_same_bits(a, b)


def test_each_table_has_a_kernel_of_its_own(made: tuple[StepGraph, Graph, str]) -> None:
    step, typed, number_type = made
    found = set(compile_step(step, typed, number_type).facts["kernels"])
    bits = {"w8a8": 8, "mixed": 4}[number_type]
    assert {f"gather_s{bits}_f32", f"gather_s{bits}_s16"} <= found


def test_this_machine_looks_up_what_the_reference_does(made: tuple[StepGraph, Graph, str]) -> None:
    step, typed, number_type = made
    program = compiled(step, typed, number_type)
    check(program, typed)
    outside = program.step({"tokens": np.array([ROWS + 5, -3])})
    inside = program.step({"tokens": np.array([ROWS - 1, 0])})
    for a, b in zip(outside.values(), inside.values(), strict=True):
        assert_same_bits(a, b)


@pytest.mark.emulator
@pytest.mark.parametrize("name", [name for name in all_targets() if name != "host"])
def test_every_target_looks_up_the_same_bits(name: str, made: tuple[StepGraph, Graph, str]) -> None:
    step, typed, number_type = made
    target = find_target(name)
    if missing := find_runner(target.runner).missing():
        pytest.skip(missing)
    golden = None
    if target.kind == "firmware":
        host = compiled(step, typed, number_type)
        gave = [host.step(frame) for frame in FRAMES[:2]]
        outputs = tuple(np.stack([one[port.name] for one in gave]) for port in step.outputs)
        tokens = np.stack([frame["tokens"] for frame in FRAMES[:2]])
        golden = GoldenRun((tokens,), outputs, host.blob_bytes())
    check(compiled(step, typed, number_type, target, golden), typed)


@pytest.mark.parametrize("form", GRIDS)
def test_flash_holds_a_table_once_in_its_bits(form: str) -> None:
    number_type = form.split()[0]
    b = Builder()
    tokens = b.input("tokens", 1, dtype="int64")
    name = b.constant("table", on_grid(noise((50, 64)), *GRIDS[form]))
    for again in "ab":
        b.graph.values[again] = Value((1, 64))
        b.graph.nodes.append(Node("gather", again, (name, tokens), again))
    graph = b.done("a", "b")
    stream = [{"tokens": np.array([t])} for t in range(50)]
    made = quantize.run(graph, calibrate(graph, stream), find_number_type(number_type)).graph
    facts = compile_step(step_of(made), made, number_type).facts
    row = {"w8a8": 64, "mixed": 32 + 2, "mixed by rows": 32}[form] + 4
    assert facts["weights_bytes"] == 50 * row
