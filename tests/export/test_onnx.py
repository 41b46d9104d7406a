"""ONNX Runtime's own forms of a step, in memory of ours, and what a mobile build loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.errors import DataError, ModelError, UnknownName
from edgernn.export.onnx.forms import with_matmul
from edgernn.export.onnx.program import OnnxProgram
from edgernn.exporting import export
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.runtime import Session
from edgernn.streaming import Sequential
from edgernn.target import find_target
from edgernn.verify import verify

from ..compiled import noise

HOST, BACKEND = find_target("host"), find_backend("onnx")
FRAMES = [{"x": noise((1, 1, 6), at)} for at in range(60)]
SMALL = {"int8-dynamic": 0.05, "int8": 0.1, "int4": 0.3}


@pytest.fixture(scope="module")
def graph() -> StepGraph:
    torch.manual_seed(0)
    layer = Sequential(conv=Conv1d(6, 64, 3), rnn=GRU(64, 64), head=Linear(64, 5)).eval()
    return capture(layer, torch.zeros(1, 1, 6), "small")


def program(graph: StepGraph, number_type: str) -> tuple[OnnxProgram, dict[str, bytes]]:
    artifact = BACKEND.export(graph, HOST, number_type, frames=iter(FRAMES), mobile=True)
    entry = {**graph.row([]), "facts": artifact.facts}
    opened: Any = BACKEND.open(entry, artifact.members[artifact.main], None, HOST)  # type: ignore[arg-type]
    return opened, dict(artifact.members)


def stream(made: OnnxProgram) -> np.ndarray[Any, Any]:
    made.reset()
    return np.array([made.step(frame)["y"] for frame in FRAMES])


@pytest.mark.parametrize("number_type", SMALL)
def test_few_bits_are_near_and_smaller(graph: StepGraph, number_type: str) -> None:
    plain, members = program(graph, "fp32")
    small, less = program(graph, number_type)
    want, got = stream(plain), stream(small)
    rms = np.sqrt((want**2).mean())
    assert 1e-4 < np.abs(got - want).max() / rms < SMALL[number_type] * 10
    assert np.sqrt(((got - want) ** 2).mean()) / rms < SMALL[number_type]
    main = "small/onnx/small.onnx"
    assert len(less[main]) < 0.75 * len(members[main])
    made = onnx.ModelProto.FromString(less[main])
    kinds = {node.op_type for node in made.graph.node}
    told = {"int8-dynamic": "MatMulInteger", "int8": "QuantizeLinear", "int4": "MatMulNBits"}
    assert told[number_type] in kinds
    assert {p.key for p in made.metadata_props} >= {"edgernn.state", "edgernn.timing"}


def test_an_output_that_is_a_state_too_is_read_where_the_state_lies() -> None:
    torch.manual_seed(0)
    graph = capture(GRU(6, 4).eval(), torch.zeros(1, 1, 6), "cell")
    made = onnx.ModelProto()
    made.CopyFrom(graph.model)
    row = {**graph.row([]), "states": BACKEND.export(graph, HOST, "fp32").facts["states"]}
    both = [*row["outputs"], {"name": "new_h", "shape": [1, 4], "dtype": "float32"}]
    program = OnnxProgram(made.SerializeToString(), {**row, "outputs": both})
    for frame in FRAMES[:5]:
        told = program.step(frame)
        np.testing.assert_array_equal(told["new_h"], program.state()["h"])
        np.testing.assert_array_equal(told["y"].reshape(-1), told["new_h"].reshape(-1))


@pytest.mark.parametrize("number_type", ["fp32", "int8", "int4"])
def test_the_mobile_form_gives_the_same(graph: StepGraph, number_type: str) -> None:
    made, members = program(graph, number_type)
    session = onnxruntime.InferenceSession(
        members["small/onnx/small.ort"], providers=["CPUExecutionProvider"]
    )
    given = {"x": FRAMES[0]["x"], **made.state()}
    (y, *_) = session.run(["y"], given)
    np.testing.assert_allclose(y, made.step(FRAMES[0])["y"], atol=1e-5)
    needed = members["small/onnx/required_operators.config"].decode()
    line = next(one for one in needed.splitlines() if one.startswith("ai.onnx;"))
    kinds = line.split(";")[2].split(",")
    model = onnx.ModelProto.FromString(members["small/onnx/small.onnx"])
    assert kinds == sorted({n.op_type for n in model.graph.node if not n.domain})
    assert ("com.microsoft;1;MatMulNBits" in needed) == (number_type == "int4")


def test_gemm_is_matmul_and_add_with_the_same_numbers(graph: StepGraph) -> None:
    other = with_matmul(graph.model)
    assert "Gemm" in {node.op_type for node in graph.model.graph.node}
    assert "Gemm" not in {node.op_type for node in other.graph.node}
    states = BACKEND.export(graph, HOST, "fp32").facts["states"]
    made = [
        OnnxProgram(model.SerializeToString(), {**graph.row([]), "states": states})
        for model in (graph.model, other)
    ]
    np.testing.assert_allclose(stream(made[0]), stream(made[1]), atol=1e-5)


def test_products_in_int8_are_taken_in_integers(graph: StepGraph, tmp_path: Path) -> None:
    _, members = program(graph, "int8")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "run.onnx")
    options.log_severity_level = 3
    data = members["small/onnx/small.onnx"]
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node]
    assert not {"MatMul", "Gemm", "FusedGemm"} & set(kinds), "weights would be made floats"
    assert kinds.count("MatMulIntegerToFloat") >= 3


def test_a_product_of_one_row_keeps_its_floats_in_int4() -> None:
    torch.manual_seed(0)
    step = capture(Sequential(many=Linear(64, 64), one=Linear(64, 1)), torch.zeros(1, 1, 64), "one")
    main = BACKEND.export(step, HOST, "int4").members["one/onnx/one.onnx"]
    kinds = [node.op_type for node in onnx.ModelProto.FromString(main).graph.node]
    assert kinds.count("MatMulNBits") == kinds.count("MatMul") == 1


def test_int8_rounds_for_products_alone(graph: StepGraph) -> None:
    _, members = program(graph, "int8")
    nodes = onnx.ModelProto.FromString(members["small/onnx/small.onnx"]).graph.node
    rounded = {n.output[0] for n in nodes if n.op_type == "QuantizeLinear"}
    read = {n.output[0] for n in nodes if n.op_type == "DequantizeLinear" and n.input[0] in rounded}
    assert {n.op_type for n in nodes if read & set(n.input)} == {"MatMul"}
    assert any("rnn.h" in n.input for n in nodes if n.op_type == "Sub"), "a state stays float"


@pytest.mark.parametrize("number_type", SMALL)
def test_a_weight_that_two_products_read_turned_is_quantized_once(number_type: str) -> None:
    torch.manual_seed(0)
    graph = capture(Conv1d(64, 64, 5).eval(), torch.zeros(1, 2, 64), "small")
    assert "Reshape" in {node.op_type for node in graph.model.graph.node}, "too large to be folded"
    frames = [{"x": noise((1, 2, 64), at)} for at in range(9)]
    artifact = BACKEND.export(graph, HOST, number_type, frames=iter(frames))
    entry = {**graph.row([]), "facts": artifact.facts}
    made = BACKEND.open(entry, artifact.members[artifact.main], None, HOST)  # type: ignore[arg-type]
    assert len(artifact.members[artifact.main]) < 0.5 * graph.model.ByteSize()
    assert np.isfinite(made.step(frames[0])["y"]).all()


def test_int8_asks_for_real_input(graph: StepGraph) -> None:
    with pytest.raises(DataError, match="small: int8 is calibrated on real input"):
        BACKEND.export(graph, HOST, "int8")


def test_a_bundle_of_it_runs_and_verifies(tmp_path: Path) -> None:
    path = tmp_path / "tiny.edgernn"
    report = export("kws/tiny", "host", "int8", path, backend="onnx")
    assert [check.what for check in report.checks] == [
        "kws: the streaming law",
        "kws onnx int8 against torch",
    ]
    assert "kws onnx int8 on any" in [check.what for check in verify(path).checks]
    session = Session(path)
    port = session.inputs[0]
    assert np.isfinite(session.step(np.zeros(port.shape, np.float32))).all()
    assert all(leaf.dtype == np.float32 for leaf in session.state.values())


def test_what_it_does_not_make_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "no.edgernn"
    with pytest.raises(UnknownName, match="unknown number type of onnx 'w8a8'"):
        export("kws/tiny", "host", "w8a8", out, backend="onnx")
    with pytest.raises(ModelError, match="--backend onnx: makes no int8 for cortex-m4"):
        export("kws/tiny", "cortex-m4", "int8", out, backend="onnx")
    with pytest.raises(UnknownName, match="unknown backend 'coreml'"):
        export("kws/tiny", "host", "int8", out, backend="coreml")
    assert not out.exists()
