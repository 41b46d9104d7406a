"""Loops with look-ups in stages: the same bits, and look-ups many at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.export.c.loops import Loop, Statement, View
from edgernn.export.c.source import compile_step
from edgernn.export.c.stages import BLOCK, block_of, stages
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import dead_code, quantize
from edgernn.graph.reference import Reference
from edgernn.target import find_target
from edgernn.targets.runners.aarch64 import RUNNER

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed

AARCH64 = find_target("aarch64")


def gates(size: int) -> tuple[Graph, list[dict[str, Array]]]:
    """Two look-ups side by side, a third behind the first, and what they make of a state."""
    b = Builder()
    x, h = b.input("x", 1, 8), b.state("h", np.zeros((1, size), np.float32))

    def product(seed: int) -> str:
        weight = b.constant(f"w{seed}", noise((size, 8), seed))
        return b.op("linear", x, weight, b.constant(f"b{seed}", noise((size,), -seed % 7)))

    r, z = b.op("sigmoid", product(1)), b.op("sigmoid", b.op("add", product(2), h))
    new = b.op("tanh", b.op("mul", r, b.op("add", product(3), h)))
    y = b.op("mul", z, b.op("sub", h, new))
    graph = b.done(y, h=b.op("add", y, new))
    frames = [{"x": 2 * noise((1, 8), t)} for t in range(6)]
    made = quantize.run(graph, calibrate(graph, frames), find_number_type("w8a8"))
    return dead_code.run(made.graph).graph, frames


def test_a_stage_computes_what_the_next_look_ups_need_and_writes_last() -> None:
    def statement(op: str, value: str, *operands: str) -> Statement:
        return Statement(op, value, operands, {})

    loop = Loop(
        (64,),
        [
            statement("qadd", "a", "x", "h"),
            statement("qsigmoid", "r", "a"),
            statement("qmul", "m", "r", "x"),
            statement("qtanh", "c", "m"),
            statement("qsub", "y", "h", "c"),
        ],
        reads={name: View.whole(name, (64,)) for name in ("x", "h")},
        writes={"y": View.whole("y", (64,))},
    )
    first, second, last = stages(loop)
    assert [s.value for s in first.lookups] == ["r"]
    assert [s.value for s in first.statements] == ["a"]
    assert [s.value for s in second.statements] == ["m"]
    assert second.known == {"r", "x"}
    assert last.lookups == ()
    assert last.known == {"h", "c"}


def test_where_look_ups_go_one_by_one_so_does_their_loop() -> None:
    typed, _ = gates(32)
    for name, alone in (("cortex-m4", True), ("aarch64", False)):
        source = compile_step(step_of(typed), typed, "w8a8", isas=find_target(name).isa).source
        assert ("#pragma GCC unroll 1\n  for (int i0 = 0; i0 < 32;" in source) == alone


@pytest.mark.cc
@pytest.mark.emulator
@pytest.mark.parametrize("size", [15, 16, 33, 2 * BLOCK, 2 * BLOCK + 1, 5 * BLOCK])
def test_stages_of_every_length_equal_the_reference(size: int) -> None:
    typed, frames = gates(size)
    source = compile_step(step_of(typed), typed, "w8a8", isas=AARCH64.isa).source
    assert ("edgernn_sigmoid_rows(" in source) == (size >= 16)
    assert ("const int n = " in source) == (size >= 16)
    if missing := RUNNER.missing():
        pytest.skip(missing)
    program = compiled(step_of(typed), typed, "w8a8", replace(AARCH64, faster=""))
    outputs, states = streamed(program, frames)
    wanted = streamed(Reference(typed), frames)
    for got, want in zip(outputs, wanted[0], strict=True):
        assert_same_bits(got, want)
    for got_leaves, want_leaves in zip(states, wanted[1], strict=True):
        assert_same_bits(got_leaves["h"], want_leaves["h"])


def test_a_chip_without_the_kernel_keeps_one_loop() -> None:
    typed, _ = gates(64)
    assert "sigmoid_rows" not in compile_step(step_of(typed), typed, "w8a8").source
    assert block_of(2 * BLOCK) == 2 * BLOCK
    assert block_of(2 * BLOCK + 1) == BLOCK
