"""Every cell, layer and front end, captured once, gives torch's numbers from every backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import Array, find_backend
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import simplify
from edgernn.graph.reference import Reference
from edgernn.graph.step_graph import StepGraph
from edgernn.state import State, named_leaves
from edgernn.streaming import Example, Streaming
from edgernn.testing import example_input
from edgernn.verify import TOLERANCES

from .compiled import assert_same_bits, compiled, noise, onnx_program, streamed
from .test_contract import examples

pytestmark = pytest.mark.cc
BLOCKS = 60
FP32 = 2e-5  # peak error, as a share of the root mean square of torch's numbers
W8A8_PEAK, W8A8_RMS = 0.08, 0.02
# what lands on the other side of a threshold is off by up to the threshold, until it moves again
HELD_PEAK, HELD_RMS = 1.0, 0.1
# where what was computed is multiplied by what was computed, or divided, errors of 8 bits multiply
# too; then it is what a bundle may differ by
WIDE = TOLERANCES["w8a8"]
MULTIPLY = {"matmul", "exp", "log", "div", "layernorm"}
# of keys of a few numbers, all in 8 bits; wider ones hold
TOO_FEW_BITS = ("deltanet-additive", "deltanet-heads", "plstm2d-p_heads")
TURNED_WIDE = 4 / 2**8  # an ulp turns the rounding of an input of 8 bits
TURNED = (
    8 / 2**15
)  # steps of 16 bits: an ulp of an inexact op turns a rounding, and a state keeps it
INEXACT = {  # float ops whose last places depend on who computes them; all others are IEEE exact
    *("sigmoid", "tanh", "exp", "log", "softmax", "layernorm"),
    *("linear", "conv1d", "matmul", "reduce_sum"),
}
Run = tuple[list[Array], list[dict[str, Array]]]


def torch_run(layer: Streaming, frames: list[Array]) -> Run:
    state: State = layer.initial_state(1)
    outputs, states = [], []
    with torch.no_grad():
        for frame in frames:
            y, state = layer.step(torch.from_numpy(frame), state)
            outputs.append(y.numpy())
            states.append({name: leaf.numpy() for name, leaf in named_leaves(state).items()})
    return outputs, states


def errors(got: list[Array], want: list[Array]) -> tuple[float, float]:
    """Peak and rms error as a share of the rms of `want`."""
    wide = np.stack(want).astype(np.float64)
    error = np.stack(got).astype(np.float64) - wide
    scale = np.sqrt(np.mean(wide**2)) or 1.0
    return np.abs(error).max() / scale, np.sqrt(np.mean(error**2)) / scale


def assert_equal(got: Run, want: Run, what: str, peak: float = FP32, rms: float = FP32) -> None:
    """Every output and every state leaf after every step."""
    assert list(got[1][0]) == list(want[1][0]), what
    streams = [(f"{what} output", *(run[0] for run in (got, want)))]
    for leaf in want[1][0]:
        streams.append((f"{what} {leaf}", *([s[leaf] for s in run[1]] for run in (got, want))))
    for name, a, b in streams:
        assert a[0].shape == b[0].shape, name
        found = errors(a, b)
        assert found[0] <= peak, (name, found)
        assert found[1] <= rms, (name, found)


def real_states(run: Run, graph: Graph) -> Run:
    """Stored integers as the reals that they stand for."""

    def real(name: str, leaf: Array) -> Array:
        quant = graph.values[name].quant
        return leaf if quant is None else quant.scale * (leaf.astype(np.float64) - quant.zero_point)

    return run[0], [{name: real(name, leaf) for name, leaf in s.items()} for s in run[1]]


def reference(graph: Graph, frames: list[dict[str, Array]]) -> Run:
    return streamed(Reference(graph), frames)


def check_w8a8(step: StepGraph, frames: list[dict[str, Array]], fp32: Graph, want: Run) -> None:
    backend: Any = find_backend("c")
    typed, _ = backend.typed(step, "w8a8", frames)
    if not any(node.op.startswith("q") for node in typed.nodes):  # nothing in it has weights
        assert [n.op for n in typed.nodes] == [n.op for n in fp32.nodes]
        return
    got, exact = streamed(compiled(step, typed, "w8a8"), frames), reference(typed, frames)
    wide = any(node.op in MULTIPLY for node in fp32.nodes)
    if any(node.op in INEXACT for node in typed.nodes):
        sixteen = any(typed.values[state.name].dtype == "int16" for state in typed.states)
        bounds = (TURNED, TURNED) if sixteen else (FP32, FP32)
        bounds = (TURNED_WIDE, TURNED_WIDE) if wide else bounds
        assert_equal(got, exact, "w8a8 C against the reference", *bounds)
    else:
        for t, (a, b) in enumerate(zip(got[0], exact[0], strict=True)):
            assert_same_bits(a, b, f"output of step {t}")
        for t, (mine, theirs) in enumerate(zip(got[1], exact[1], strict=True)):
            for name in theirs:
                assert_same_bits(mine[name], theirs[name], f"{name} after step {t}")
    holds = any(node.op == "hold" for node in fp32.nodes)
    bounds = (HELD_PEAK, HELD_RMS) if holds else (W8A8_PEAK, W8A8_RMS)
    bounds = (WIDE.peak, WIDE.rms) if wide else bounds
    own = [{name: leaf[name] for name in want[1][0]} for leaf in got[1]]  # not the running sums
    assert_equal(real_states((got[0], own), typed), want, "w8a8 C against torch", *bounds)


def stretches() -> Iterator[Any]:
    """Every example with how many blocks are a step: the first of each file 3, all others 1.

    A cell's first goes one by one in cells/test_every_unit.py; here that of a layer does too.
    """
    seen: set[str] = set()
    for name, example in examples():
        file = name.partition("-")[0]
        first = file not in seen
        seen.add(file)
        for blocks in (1, 3):
            if first == (blocks == 3) or (first and not file.startswith("cells.")):
                yield pytest.param(example, blocks, id=f"{name}-{blocks}")


@pytest.mark.parametrize(("example", "blocks"), list(stretches()))
def test_every_backend_equals_torch(
    example: Example, blocks: int, request: pytest.FixtureRequest
) -> None:
    torch.manual_seed(0)
    layer = example.build().eval()
    chunk = blocks * layer.timing.block
    x = example_input(layer, example, BLOCKS)[:1].numpy()
    parts = np.split(x, x.shape[1] // chunk, axis=1)
    want = torch_run(layer, parts)
    step = capture(layer, torch.from_numpy(parts[0]), "example")
    frames = [{step.inputs[0].name: part} for part in parts]
    assert_equal(streamed(onnx_program(step), frames), want, "ONNX Runtime")
    graph, _ = simplify(to_graph(step))
    assert_equal(reference(graph, frames), want, "numpy")
    assert_equal(streamed(compiled(step, graph), frames), want, "fp32 C")
    if any(name in request.node.name for name in TOO_FEW_BITS):
        with pytest.raises(AssertionError, match="w8a8 C against torch"):
            check_w8a8(step, frames, graph, want)
    else:
        check_w8a8(step, frames, graph, want)


CELLS: dict[str, Callable[[], Streaming]] = {
    "projected_lstm": lambda: LSTM(8, 16, proj_size=6),
    "gru_reset_after": lambda: GRU(8, 12),
    "gru_reset_before": lambda: GRU(8, 12, reset_after=False),
}


@pytest.mark.parametrize("cell", CELLS)
def test_ten_thousand_frames_one_by_one_equal_torch_at_once(cell: str) -> None:
    torch.manual_seed(1)
    layer = CELLS[cell]().eval()
    x = noise((1, 10_000, 8))
    with torch.no_grad():
        y, state = layer.step(torch.from_numpy(x), layer.initial_state(1))
    step = capture(layer, torch.from_numpy(x[:, :1]), "cell")
    graph, _ = simplify(to_graph(step))
    for program in (onnx_program(step), compiled(step, graph)):
        got = [program.step({"x": x[:, t : t + 1]})["y"] for t in range(x.shape[1])]
        peak, _ = errors(got, list(y.numpy().transpose(1, 0, 2)[:, None]))
        assert peak <= FP32, type(program).__name__
        for name, leaf in named_leaves(state).items():
            np.testing.assert_allclose(program.state()[name], leaf.numpy(), atol=FP32, rtol=FP32)
