"""Products of held inputs: running sums are exact, and columns that rest are not read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.graph import fixed_point as fx
from edgernn.graph.calibrate import calibrate
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import dead_code, delta, quantize
from edgernn.graph.reference import Reference, due_rows
from edgernn.target import find_target

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed

COLS, ROWS = 72, 20


def held_product(
    threshold: float, block: int, products: int = 1, cols: int = COLS, rows: int = ROWS
) -> Graph:
    """y = W hold(x), `products` times over one hold."""
    b = Builder()
    x = b.input("x", 1, cols)
    held = b.state("held", np.zeros((1, cols), np.float32))
    moved = b.op("hold", x, held, name="moved", threshold=threshold, block=block)
    outs = [
        b.op("linear", moved, b.constant(f"w{k}", noise((rows, cols), k)), name=f"y{k}")
        for k in range(products)
    ]
    return b.done(*outs, held=moved)


def walk(count: int, step: float, cols: int = COLS) -> list[dict[str, Array]]:
    """Inputs that wander, each element by its own steps."""
    moves = noise((count, 1, cols), 7) * step
    moves[::9] *= 20
    path = np.cumsum(moves, axis=0)
    return [{"x": np.clip(x, -3, 3).astype(np.float32)} for x in path]


def typed(graph: Graph, frames: Any, number_type: str) -> tuple[Graph, Graph]:
    """The quantized graph, and the same with running sums."""
    plain = quantize.run(graph, calibrate(graph, frames), find_number_type(number_type)).graph
    return plain, dead_code.run(delta.run(plain).graph).graph


KINDS = ["w8a8", "w4a8", "w4a8-row", "w2a8", "w8a16"]
FORMS = [(1, COLS), (4, COLS), (4, 70), (4, 33), (4, 3)]  # block, columns


@pytest.mark.parametrize(("block", "cols"), FORMS)
@pytest.mark.parametrize("number_type", KINDS)
def test_running_sums_are_the_product_after_any_number_of_steps(
    block: int, cols: int, number_type: str
) -> None:
    frames = walk(300, 0.1, cols)
    plain, summed = typed(held_product(0.2, block, 2, cols), frames, number_type)
    assert [n.op for n in summed.nodes].count("delta_sum") == 2
    a, b = streamed(Reference(plain), frames)[0], streamed(Reference(summed), frames)[0]
    for left, right in zip(a, b, strict=True):
        assert_same_bits(left, right)


@pytest.mark.cc
@pytest.mark.parametrize(("block", "cols"), FORMS)
@pytest.mark.parametrize("number_type", KINDS)
def test_the_c_reads_what_moved_and_gives_the_same_bits(
    block: int, cols: int, number_type: str
) -> None:
    frames = walk(200, 0.1, cols)
    frames += [{"x": np.full((1, cols), v, np.float32)} for v in (-9, 9, 9, -9)]
    _, graph = typed(held_product(0.2, block, 2, cols), frames[:200], number_type)
    program = compiled(step_of(graph), graph, number_type)
    assert any(name.startswith("delta_") for name in program.row["facts"]["kernels"])
    got, states = streamed(program, frames)
    want, leaves = streamed(Reference(graph), frames)
    for k in range(len(frames)):
        assert_same_bits(got[k], want[k], f"frame {k}")
        for name in leaves[k]:
            assert_same_bits(states[k][name], leaves[k][name], f"{name} at frame {k}")


@pytest.mark.cc
@pytest.mark.parametrize("block", [1, 4])
def test_16_bit_inputs_of_wide_products_are_held_in_what_fits_the_sums(block: int) -> None:
    cols = 700
    frames = walk(60, 0.1, cols)
    frames += [{"x": np.full((1, cols), v, np.float32)} for v in (-9, 9, 9, -9)]
    _, graph = typed(held_product(0.02, block, 1, cols), frames[:60], "w8a16")
    (hold,) = (node for node in graph.nodes if node.op == "qhold")
    assert [n.inputs[1] for n in graph.nodes if n.op == "delta_sum"] == [hold.output]
    held = graph.values[hold.output].quant
    assert held is not None
    assert held.scale == 2 * quantize.int16_quant(-3, 3).scale  # a bit less than a product of few
    program, reference = compiled(step_of(graph), graph, "w8a16"), Reference(graph)
    for got, want in zip(streamed(program, frames)[0], streamed(reference, frames)[0], strict=True):
        assert_same_bits(got, want)
    assert np.abs(reference.leaves["held"]).max() == 1 << 14  # saturated as the finer scale


def test_a_column_is_held_until_it_moves_beyond_the_limit() -> None:
    x, held = np.array([[5, 9, -3, 0]], np.int8), np.array([[2, 2, 2, 0]], np.int8)
    assert fx.hold(x, held, 5, 1).tolist() == [[2, 9, 2, 0]]
    assert fx.hold(x, held, 82, 4).tolist() == [[5, 9, -3, 0]]
    assert fx.hold(x, held, 83, 4).tolist() == [[2, 2, 2, 0]]


def test_a_short_last_block_has_a_limit_of_its_own() -> None:
    x, held = np.array([[1, 1, 1, 1, 3, 4]], np.int8), np.zeros((1, 6), np.int8)
    assert fx.hold(x, held, 3, 4, 25).tolist() == [[1, 1, 1, 1, 0, 0]]
    assert fx.hold(x, held, 4, 4, 24).tolist() == [[0, 0, 0, 0, 3, 4]]


def test_the_least_of_16_bits_is_held_as_its_neighbour() -> None:
    x, held = np.array([[-32768, -32768, 5]], np.int16), np.array([[32767, 0, 5]], np.int16)
    assert fx.hold(x, held, 100, 1).tolist() == [[-32767, -32767, 5]]
    assert fx.hold(x, held, 65533, 1).tolist() == [[-32767, 0, 5]]


def test_what_reads_no_held_state_is_left_alone() -> None:
    b = Builder()
    x = b.input("x", 1, 6)
    graph = b.done(b.op("linear", x, b.constant("w", noise((3, 6)))))
    made = quantize.run(graph, calibrate(graph, [{"x": noise((1, 6))}])).graph
    assert not delta.run(made).modified


def float_pair(block: int, cols: int = COLS, rows: int = 100) -> tuple[Graph, Graph]:
    """A product of floats that is held, and the same with running sums."""
    plain = held_product(0.2, block, 1, cols, rows)
    return plain, dead_code.run(delta.run(plain).graph).graph


@pytest.mark.parametrize(("block", "cols"), FORMS)
def test_running_sums_of_floats_are_near_the_product(block: int, cols: int) -> None:
    plain, summed = float_pair(block, cols)
    assert [n.op for n in summed.nodes] == ["hold", "tick", "delta_linear"]
    frames = walk(300, 0.1, cols)
    a, b = streamed(Reference(plain), frames)[0], streamed(Reference(summed), frames)[0]
    np.testing.assert_allclose(np.stack(b), np.stack(a), atol=2e-4)


@pytest.mark.cc
@pytest.mark.parametrize(("block", "cols"), FORMS)
def test_the_c_of_float_sums_holds_what_numpy_holds_and_sums_it_in_order(
    block: int, cols: int
) -> None:
    """Of columns in order numpy makes the very sums of the C: here one by one, in float32."""
    _, graph = float_pair(block, cols)
    frames = walk(150, 0.1, cols)
    program = compiled(step_of(graph), graph)
    assert any(name.startswith("delta_f32") for name in program.row["facts"]["kernels"])
    weight, sums, before = graph.constants["w0"], np.zeros(100, np.float32), np.zeros(cols)
    for t, (y, leaves) in enumerate(zip(*streamed(program, frames), strict=True)):
        held = leaves["held"].reshape(-1)
        begin, end = due_rows((t + 1) % delta.PERIOD, 100, delta.PERIOD)
        sums[begin:end] = 0
        for j, (new, old) in enumerate(zip(held, before.astype(np.float32), strict=True)):
            sums[begin:end] += weight[begin:end, j] * new
            rest = np.r_[0:begin, end:100]
            if new != old:
                sums[rest] += weight[rest, j] * (new - old)
        assert_same_bits(y.reshape(-1), sums, f"frame {t}")
        assert_same_bits(leaves["y0.sum"].reshape(-1), sums, f"frame {t}")
        before = held
    reference = Reference(graph)
    assert_same_bits(held, streamed(reference, frames)[1][-1]["held"].reshape(-1))


@pytest.mark.cc
@pytest.mark.parametrize("rows", [100, 700, 2100])
@pytest.mark.parametrize("number_type", ["fp32", "w8a16"])
def test_every_instruction_set_gives_the_same_bits(number_type: str, rows: int) -> None:
    """Their tiles differ in height; which rows are made anew does not."""
    graph = held_product(0.2, 1, 1, 50, rows)
    frames = walk(90, 0.1, 50)
    if number_type == "fp32":
        graph = dead_code.run(delta.run(graph).graph).graph
    else:
        graph = typed(graph, frames, number_type)[1]
    host = find_target("host")
    want: list[Array] = []
    for target in (replace(host, isa=(), faster=""), replace(host, faster=""), host):
        got = streamed(compiled(step_of(graph), graph, number_type, target), frames)[0]
        want = want or got
        for left, right in zip(got, want, strict=True):
            assert_same_bits(left, right, ", ".join(target.isa))


def test_every_row_is_due_once_in_a_period() -> None:
    for rows in (1, 31, 32, 33, 384, 2048, 2049, 9000):
        spans = [due_rows(age, rows, delta.PERIOD) for age in range(delta.PERIOD)]
        due = [row for begin, end in spans for row in range(begin, end)]
        assert due == list(range(rows))


def errors(period: int, monkeypatch: pytest.MonkeyPatch) -> Array:
    """Root mean square errors of quarters of 20,000 steps, beside the exact product."""
    monkeypatch.setattr(delta, "PERIOD", period)
    _, graph = float_pair(1, 40)
    program, weight = compiled(step_of(graph), graph), graph.constants["w0"].astype(np.float64)
    program.reset()
    x, moves, found = np.zeros((1, 40), np.float32), noise((20_000, 1, 40), 3) / 10, []
    for t, move in enumerate(moves):
        x = np.clip(x + move, -3, 3)
        y = program.step({"x": x})["out0"]
        if t % 20 == 19:
            found.append(np.square(y - program.state()["held"].astype(np.float64) @ weight.T))
    return np.sqrt(np.stack(found).reshape(4, -1).mean(axis=1))


@pytest.mark.cc
def test_the_error_of_float_sums_does_not_grow_with_the_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made_anew, dense = errors(delta.PERIOD, monkeypatch), errors(1, monkeypatch)
    assert max(made_anew) < 1.2 * made_anew[0]
    assert max(made_anew) < 5 * dense[0]
    never = errors(1 << 24, monkeypatch)  # what it would be without
    assert never[-1] > 2 * never[0]


@pytest.mark.cc
def test_what_an_infinite_input_spoils_is_mended_within_a_period() -> None:
    plain, graph = float_pair(1)
    frames = walk(200, 0.1)
    frames[20] = {"x": np.where(np.arange(COLS) == 7, np.inf, frames[20]["x"]).astype(np.float32)}
    for run in (compiled(step_of(graph), graph), Reference(graph)):
        got = np.stack(streamed(run, frames)[0])
        assert not np.isfinite(got[21]).all()
        want = np.stack(streamed(Reference(plain), frames)[0])
        np.testing.assert_allclose(got[21 + delta.PERIOD :], want[21 + delta.PERIOD :], atol=2e-4)


def test_what_stays_dense_says_why() -> None:
    few = held_product(0.1, 1, 1, rows=3)
    assert delta.run(few).notes == ("y0 stays dense: 3 rows a column do not pay for the list",)
    assert not delta.run(few).modified
    (note,) = delta.run(held_product(0.1, 4)).notes
    assert note == (
        "y0: 20 running sums, blocks of 4 columns that move, each sum made anew every 64 steps"
    )


def test_a_second_run_finds_nothing_more() -> None:
    for graph in (float_pair(1)[1], typed(held_product(0.1, 4), walk(20, 0.1), "w8a8")[1]):
        assert not delta.run(graph).modified
