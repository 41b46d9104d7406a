"""Steps as `.tflite`: every op, fewer bits, states that the interpreter keeps, and refusals."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import Array, find_backend
from edgernn.cells.gru import GRU
from edgernn.errors import (
    BundleError,
    DataError,
    MissingExtra,
    ParityError,
    ToolError,
    UnsupportedOp,
)
from edgernn.exporting import export
from edgernn.graph.capture import capture
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.road import opened
from edgernn.runtime import Session
from edgernn.streaming import Sequential
from edgernn.target import find_target
from edgernn.verify import run_frames, verify

from ..compiled import noise
from .random_graphs import random_step

pytest.importorskip("ai_edge_quantizer", reason="pip install 'edgernn[litert]'")

from edgernn.export.litert import make
from edgernn.export.litert.flatbuffer import schema
from edgernn.export.litert.operators import HANDLERS
from edgernn.export.litert.program import LitertProgram, StatefulProgram, interpreter

HOST, BACKEND = find_target("host"), find_backend("litert")
FRAMES = [{"x": noise((1, 1, 6), at)} for at in range(60)]
SMALL = {"int8-dynamic": 0.05, "int8": 0.1, "int4": 0.3}
QUICK, MORE = 8, 60
SEEDS = [*range(QUICK), *(pytest.param(k, marks=pytest.mark.slow) for k in range(QUICK, MORE))]


@pytest.fixture(scope="module")
def graph() -> StepGraph:
    torch.manual_seed(0)
    layer = Sequential(conv=Conv1d(6, 64, 3), rnn=GRU(64, 64), head=Linear(64, 5)).eval()
    return capture(layer, torch.zeros(1, 1, 6), "small")


def made(step: StepGraph, backend: str, number_type: str = "fp32") -> tuple[Any, dict[str, bytes]]:
    artifact = find_backend(backend).export(
        step, HOST, number_type, frames=iter(FRAMES), mobile=True
    )
    return opened(artifact, step.row(artifact.facts["states"]), HOST), dict(artifact.members)


def stream(program: Any) -> Array:
    return np.array([program.step(frame)["y"] for frame in FRAMES])


@pytest.mark.parametrize("seed", SEEDS)
def test_random_steps_are_what_onnx_runtime_makes_of_them(seed: int) -> None:
    step = random_step(seed, exact=False)
    frames = {"x": noise((6, *step.inputs[0].shape), 7)}
    want, got = (made(step, backend)[0] for backend in ("onnx", "litert"))
    outputs = [run_frames(program, frames) for program in (want, got)]
    for name, array in outputs[0].items():
        np.testing.assert_allclose(outputs[1][name], array, rtol=2e-3, atol=2e-4)
    for name, leaf in want.state().items():
        np.testing.assert_allclose(got.state()[name], leaf, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("number_type", SMALL)
def test_few_bits_are_near_and_smaller(graph: StepGraph, number_type: str) -> None:
    plain, members = made(graph, "litert")
    small, less = made(graph, "litert", number_type)
    want, got = stream(plain), stream(small)
    rms = np.sqrt((want**2).mean())
    assert 1e-4 < np.sqrt(((got - want) ** 2).mean()) / rms < SMALL[number_type]
    main = "small/litert/small.tflite"
    assert len(less[main]) < 0.6 * len(members[main])
    model = schema.ModelT.InitFromPackedBuf(bytearray(less[main]), 0)
    kinds = {tensor.type for tensor in model.subgraphs[0].tensors}
    few = schema.TensorType.INT4 if number_type == "int4" else schema.TensorType.INT8
    assert few in kinds
    operators = [code.builtinCode for code in model.operatorCodes]
    assert (schema.BuiltinOperator.QUANTIZE in operators) == (number_type == "int8")


def test_a_product_of_one_row_keeps_eight_bits_in_int4() -> None:
    torch.manual_seed(0)
    step = capture(Sequential(many=Linear(64, 64), one=Linear(64, 1)), torch.zeros(1, 1, 64), "one")
    model = schema.ModelT.InitFromPackedBuf(
        bytearray(made(step, "litert", "int4")[1]["one/litert/one.tflite"]), 0
    )
    rows = {tuple(tensor.shape): tensor.type for tensor in model.subgraphs[0].tensors}
    assert rows[64, 64] == schema.TensorType.INT4
    assert rows[1, 64] == schema.TensorType.INT8


def test_weights_that_nobody_rounds_stay_and_states_are_floats(graph: StepGraph) -> None:
    kept = StepGraph(
        **{field: getattr(graph, field) for field in StepGraph.__slots__ if field != "keep_float"},
        keep_float=frozenset(t.name for t in graph.model.graph.initializer),
    )
    floats, members = made(kept, "litert", "int8-dynamic")
    plain, same = made(graph, "litert")
    assert members["small/litert/small.tflite"] == same["small/litert/small.tflite"]
    assert {leaf.dtype.name for leaf in floats.state().values()} == {"float32"}
    np.testing.assert_array_equal(stream(floats), stream(plain))


def test_equal_steps_give_equal_bytes(graph: StepGraph) -> None:
    for number_type in ("fp32", *SMALL):
        assert made(graph, "litert", number_type)[1] == made(graph, "litert", number_type)[1]


@pytest.mark.parametrize("number_type", ["fp32", "int8", "int4"])
def test_the_interpreter_keeps_the_states_itself(graph: StepGraph, number_type: str) -> None:
    explicit, members = made(graph, "litert", number_type)
    kept = interpreter(members["small/litert/small.stateful.tflite"], number_type)
    step, reset = (kept.get_signature_runner(name) for name in ("step", "reset"))
    assert [*step.get_input_details()] == ["x"]
    assert [*step.get_output_details()] == ["y"]
    want = stream(explicit)
    for _ in range(2):
        np.testing.assert_array_equal([step(**frame)["y"] for frame in FRAMES], want)
        reset()


def test_a_first_state_that_is_not_zero_is_there_before_and_after_reset() -> None:
    rng = np.random.default_rng(0)
    step = next(
        step
        for step in (random_step(seed, exact=False) for seed in range(99))
        if any(state.init is not None for state in step.states)
    )
    explicit, members = made(step, "litert")
    kept = StatefulProgram(members[f"{step.name}/litert/{step.name}.stateful.tflite"], "fp32")
    frames = [{"x": rng.standard_normal(step.inputs[0].shape, np.float32)} for _ in range(5)]
    want = [explicit.step(frame)["y"] for frame in frames]
    for _ in range(2):
        np.testing.assert_array_equal([kept.step(frame)["y"] for frame in frames], want)
        kept.reset()


def test_a_stateful_form_that_differs_is_not_accepted(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StatefulProgram, "reset", lambda self: None)
    with pytest.raises(ParityError, match=r"stateful form's y differs .* at step 0 after reset"):
        make.members(graph, "fp32", (), mobile=True)


def test_it_is_exported_verified_and_run(tmp_path: Path) -> None:
    out = tmp_path / "kws.edgernn"
    report = export("kws/tiny", "host", "int8", out, backend="litert")
    assert [check.what for check in report.checks][-1] == "kws litert int8 against torch"
    assert "equals torch" in verify(out).checks[-1].result
    session = Session(out)
    assert session.artifact["backend"] == "litert"
    assert np.isfinite(session.step(np.zeros((320, 1), np.float32))).all()


def test_one_that_goes_astray_is_named_by_its_first_leaf_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = LitertProgram.step

    def astray(self: Any, inputs: Any) -> dict[str, Array]:
        told = step(self, inputs)
        self.leaves = [leaf + np.float32(0.01) for leaf in self.leaves]
        return told

    monkeypatch.setattr(LitertProgram, "step", astray)
    monkeypatch.setattr(make, "_same", lambda *_: None)
    out = tmp_path / "kws.edgernn"
    with pytest.raises(ParityError) as caught:
        export("kws/tiny", "host", "fp32", out, backend="litert")
    line = str(caught.value)
    assert "kws litert fp32 differs from torch from frame" in line
    assert "leaves torch's first, at frame" in line
    assert not out.exists()


def test_int8_asks_for_real_input(graph: StepGraph) -> None:
    with pytest.raises(DataError, match="calibration needs at least one frame"):
        BACKEND.export(graph, HOST, "int8")


def test_an_op_without_a_form_is_named_with_its_layer(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(HANDLERS, "tanh")
    with pytest.raises(UnsupportedOp, match=r"LiteRT has no form of Tanh \(node_tanh\) of rnn"):
        BACKEND.export(graph, HOST, "fp32")


def test_what_its_quantizer_refuses_is_one_line(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ai_edge_quantizer import quantizer

    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("no such thing\nand a trace")

    monkeypatch.setattr(quantizer.Quantizer, "quantize", refuse)
    with pytest.raises(
        UnsupportedOp, match=r"small: LiteRT's quantizer cannot make int4 of it: no such thing$"
    ):
        BACKEND.export(graph, HOST, "int4")


@pytest.mark.parametrize("absent", ["ai_edge_litert", "ai_edge_quantizer"])
def test_without_its_packages_the_mend_is_told(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == absent else find(name)
    )
    package = absent.replace("_", "-")
    with pytest.raises(
        MissingExtra, match=rf"{package} is not installed; run: pip install 'edgernn\[litert\]'"
    ):
        BACKEND.export(graph, HOST, "fp32")


def test_a_board_with_the_old_runtime_alone_gets_floats_and_nothing_else(
    graph: StepGraph, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, members = made(graph, "litert", "int8")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: name == "tflite_runtime" or (name != "ai_edge_litert" and find(name)),
    )
    with pytest.raises(ToolError, match=r"tflite-runtime takes int8 .* computes them wrongly"):
        interpreter(members["small/litert/small.tflite"], "int8")


def test_a_damaged_model_is_refused() -> None:
    with pytest.raises(BundleError, match="LiteRT refuses the model"):
        interpreter(b"TFL3" + bytes(64), "fp32")


def test_every_op_of_a_captured_graph_has_a_form(graph: StepGraph) -> None:
    assert {node.op for node in to_graph(graph).nodes} <= set(HANDLERS)
