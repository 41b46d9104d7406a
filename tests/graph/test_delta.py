"""Products of held inputs: running sums are exact, and columns that rest are not read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.errors import UnsupportedOp
from edgernn.graph import fixed_point as fx
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import dead_code, delta, quantize
from edgernn.graph.reference import Reference

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed

COLS, ROWS = 72, 20


def held_product(threshold: float, block: int, products: int = 1) -> Graph:
    """y = W hold(x), `products` times over one hold."""
    b = Builder()
    x = b.input("x", 1, COLS)
    held = b.state("held", np.zeros((1, COLS), np.float32))
    moved = b.op("hold", x, held, name="moved", threshold=threshold, block=block)
    outs = [
        b.op("linear", moved, b.constant(f"w{k}", noise((ROWS, COLS), k)), name=f"y{k}")
        for k in range(products)
    ]
    return b.done(*outs, held=moved)


def walk(count: int, step: float) -> list[dict[str, Array]]:
    """Inputs that wander, each element by its own steps."""
    moves = noise((count, 1, COLS), 7) * step
    moves[::9] *= 20
    path = np.cumsum(moves, axis=0)
    return [{"x": np.clip(x, -3, 3).astype(np.float32)} for x in path]


def typed(graph: Graph, frames: Any, number_type: str) -> tuple[Graph, Graph]:
    """The quantized graph, and the same with running sums."""
    plain = quantize.run(graph, calibrate(graph, frames), find_number_type(number_type)).graph
    return plain, dead_code.run(delta.run(plain).graph).graph


@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("number_type", ["w8a8", "w4a8", "w4a8-row", "w2a8"])
def test_running_sums_are_the_product_after_any_number_of_steps(
    block: int, number_type: str
) -> None:
    frames = walk(300, 0.1)
    plain, summed = typed(held_product(0.2, block, 2), frames, number_type)
    assert [n.op for n in summed.nodes].count("delta_sum") == 2
    a, b = streamed(Reference(plain), frames)[0], streamed(Reference(summed), frames)[0]
    for left, right in zip(a, b, strict=True):
        assert_same_bits(left, right)


@pytest.mark.cc
@pytest.mark.parametrize("block", [1, 4])
@pytest.mark.parametrize("number_type", ["w8a8", "w4a8", "w4a8-row", "w2a8"])
def test_the_c_reads_what_moved_and_gives_the_same_bits(block: int, number_type: str) -> None:
    frames = walk(200, 0.1)
    frames += [{"x": np.full((1, COLS), v, np.float32)} for v in (-9, 9, 9, -9)]
    _, graph = typed(held_product(0.2, block, 2), frames[:200], number_type)
    program = compiled(step_of(graph), graph, number_type)
    assert any(name.startswith("delta_") for name in program.row["facts"]["kernels"])
    got, states = streamed(program, frames)
    want, leaves = streamed(Reference(graph), frames)
    for k in range(len(frames)):
        assert_same_bits(got[k], want[k], f"frame {k}")
        for name in leaves[k]:
            assert_same_bits(states[k][name], leaves[k][name], f"{name} at frame {k}")


def test_a_column_is_held_until_it_moves_beyond_the_limit() -> None:
    x, held = np.array([[5, 9, -3, 0]], np.int8), np.array([[2, 2, 2, 0]], np.int8)
    assert fx.hold(x, held, 5, 1).tolist() == [[2, 9, 2, 0]]
    assert fx.hold(x, held, 82, 4).tolist() == [[5, 9, -3, 0]]
    assert fx.hold(x, held, 83, 4).tolist() == [[2, 2, 2, 0]]


def test_blocks_that_do_not_divide_the_channels_are_refused() -> None:
    b = Builder()
    x = b.input("x", 1, 6)
    held = b.state("held", np.zeros((1, 6), np.float32))
    moved = b.op("hold", x, held, threshold=0.1, block=4)
    graph = b.done(b.op("linear", moved, b.constant("w", noise((3, 6)))), held=moved)
    with pytest.raises(UnsupportedOp, match="6 channels are no whole blocks of 4"):
        quantize.run(graph, calibrate(graph, [{"x": noise((1, 6))}]))


def test_what_reads_no_held_state_is_left_alone() -> None:
    b = Builder()
    x = b.input("x", 1, 6)
    graph = b.done(b.op("linear", x, b.constant("w", noise((3, 6)))))
    made = quantize.run(graph, calibrate(graph, [{"x": noise((1, 6))}])).graph
    assert not delta.run(made).modified
