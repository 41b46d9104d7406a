"""GRU, LSTM and RNN nodes against ONNX Runtime, over long streams, and what cannot be stepped."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgernn.errors import ModelError, ShapeError, UnsupportedOp
from edgernn.graph.onnx_file import Wiring, read_onnx
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.onnx_recurrent import time_major
from edgernn.graph.passes import simplify
from edgernn.graph.reference import Reference

from ..compiled import compiled, noise
from ..foreign import GATES, Foreign

STEPS, SIZE, COLUMNS = 500, 6, 5
STATES = {"GRU": ["h"], "LSTM": ["h", "c"], "RNN": ["h"]}
VARIANTS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "gru": ("GRU", 1, {}),
    "gru_late": ("GRU", 1, {"linear_before_reset": 1}),
    "gru_late_chunk": ("GRU", 3, {"linear_before_reset": 1}),
    "gru_chunk": ("GRU", 4, {"direction": "forward"}),
    "gru_relu": ("GRU", 1, {"activations": ["Sigmoid", "Relu"]}),
    "gru_hard": (
        *("GRU", 1),
        {
            "activations": ["HardSigmoid", "Tanh"],
            "activation_alpha": [0.3],
            "activation_beta": [0.4],
        },
    ),
    "gru_clip": ("GRU", 2, {"clip": 0.4, "linear_before_reset": 1}),
    "lstm": ("LSTM", 1, {}),
    "lstm_chunk": ("LSTM", 3, {}),
    "lstm_peepholes": ("LSTM", 2, {"peepholes": True}),
    "lstm_coupled": ("LSTM", 1, {"input_forget": 1}),
    "lstm_clip": ("LSTM", 2, {"clip": 0.5, "peepholes": True}),
    "lstm_other": ("LSTM", 1, {"activations": ["Sigmoid", "Softsign", "Tanh"]}),
    "lstm_leaky": (
        *("LSTM", 1),
        {"activations": ["HardSigmoid", "LeakyRelu", "Tanh"], "activation_alpha": [0.25, 0.1]},
    ),
    "rnn": ("RNN", 1, {}),
    "rnn_chunk": ("RNN", 5, {"activations": ["Relu"], "clip": 1.0}),
}


def node_model(op: str, frames: int, options: dict[str, Any]) -> onnx.ModelProto:
    """x (frames, 1, COLUMNS) and the states through one node."""
    options = dict(options)
    peepholes, layout = options.pop("peepholes", False), options.get("layout", 0)
    m = Foreign(7)
    m.input("x", (1, frames, COLUMNS) if layout else (frames, 1, COLUMNS))
    rows = GATES[op] * SIZE
    inputs = ["x", m.weight("W", 1, rows, COLUMNS), m.weight("R", 1, rows, SIZE)]
    inputs += [m.weight("B", 1, 2 * rows), "", *(m.input(s, (1, 1, SIZE)) for s in STATES[op])]
    if peepholes:
        inputs.append(m.weight("P", 1, 3 * SIZE))
    m.output("y")
    outputs = ["y", *(m.output(f"new_{s}", (1, 1, SIZE)) for s in STATES[op])]
    m.nodes.append(helper.make_node(op, inputs, outputs, "cell", hidden_size=SIZE, **options))
    return m.model()


def read(model: onnx.ModelProto, tmp_path: Any, wiring: Wiring | None = None) -> Any:
    onnx.save(model, tmp_path / "step.onnx")
    return read_onnx(tmp_path / "step.onnx", "step", wiring)


def through_onnx_runtime(model: onnx.ModelProto, frames: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    states = [value.name for value in model.graph.input][1:]
    leaves = {name: np.zeros((1, 1, SIZE), np.float32) for name in states}
    made = []
    for frame in frames:
        y, *after = session.run(None, {"x": frame, **leaves})
        leaves = dict(zip(states, after, strict=True))
        made.append(y)
    return np.stack(made)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_recurrent_node_means_what_onnx_runtime_means(variant: str, tmp_path: Any) -> None:
    op, chunk, options = VARIANTS[variant]
    model = node_model(op, chunk, options)
    frames = noise((STEPS, chunk, 1, COLUMNS), 3)
    want = through_onnx_runtime(model, frames)
    assert want.std() > 0.05
    step = read(model, tmp_path)
    assert [(s.name, s.out) for s in step.states] == [(s, f"new_{s}") for s in STATES[op]]
    graph = to_graph(step)
    for form in (graph, simplify(graph)[0]):
        stream = Reference(form)
        got = np.stack([next(iter(stream.step({"x": frame}).values())) for frame in frames])
        np.testing.assert_allclose(got, want, atol=2e-5)


@pytest.mark.cc
@pytest.mark.parametrize("variant", ["gru", "gru_late_chunk", "lstm_peepholes", "rnn"])
def test_the_c_of_a_recurrent_node_gives_onnx_runtime_s_numbers(
    variant: str, tmp_path: Any
) -> None:
    op, chunk, options = VARIANTS[variant]
    model = node_model(op, chunk, options)
    frames = noise((STEPS, chunk, 1, COLUMNS), 4)
    step = read(model, tmp_path)
    program = compiled(step, simplify(to_graph(step))[0])
    got = np.stack([program.step({"x": frame})["y"] for frame in frames])
    np.testing.assert_allclose(got, through_onnx_runtime(model, frames), atol=2e-5)


@pytest.mark.parametrize("op", GATES)
def test_batch_first_is_the_same_numbers_turned(op: str, tmp_path: Any) -> None:
    chunk, frames = 3, noise((50, 3, 1, COLUMNS), 5)
    want = through_onnx_runtime(node_model(op, chunk, {}), frames)
    step = read(node_model(op, chunk, {"layout": 1}), tmp_path)
    assert step.inputs[0].shape == (1, chunk, COLUMNS)
    assert step.outputs[0].shape == (1, chunk, 1, SIZE)
    stream = Reference(to_graph(step))
    turned = frames.transpose(0, 2, 1, 3)
    got = np.stack([next(iter(stream.step({"x": frame}).values())) for frame in turned])
    np.testing.assert_allclose(got, want.transpose(0, 3, 1, 2, 4), atol=2e-5)
    onnxruntime.InferenceSession(step.model.SerializeToString())  # which refuses layout 1


def test_a_model_without_batch_first_nodes_is_not_touched() -> None:
    model = node_model("GRU", 1, {})
    before = model.SerializeToString()
    time_major(model)
    assert model.SerializeToString() == before


def test_weights_are_stored_once_however_long_the_chunk(tmp_path: Any) -> None:
    sizes = []
    for chunk in (1, 6):
        graph = to_graph(read(node_model("GRU", chunk, {}), tmp_path))
        used = {name for node in graph.nodes if node.op == "linear" for name in node.inputs[1:]}
        sizes.append(sum(graph.values[name].size for name in used))
    assert sizes[0] == sizes[1] == 3 * SIZE * (COLUMNS + SIZE + 2)


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "reverse": ("GRU", {"direction": "reverse"}, r"GRU \(cell\): direction reverse.*the future"),
    "swish": ("LSTM", {"activations": ["Sigmoid", "Swish", "Tanh"]}, r"LSTM \(cell\).*Swish"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_stepped_is_refused_by_the_node_s_name(case: str, tmp_path: Any) -> None:
    op, options, words = REFUSED[case]
    with pytest.raises(UnsupportedOp, match=words):
        read(node_model(op, 1, options), tmp_path)


def test_a_bidirectional_node_is_refused(tmp_path: Any) -> None:
    m = Foreign()
    m.input("x", (1, 1, 4))
    inputs = ["x", m.weight("W", 2, 12, 4), m.weight("R", 2, 12, 3)]
    attrs = {"hidden_size": 3, "direction": "bidirectional"}
    m.nodes.append(helper.make_node("GRU", inputs, [m.output("y")], "both", **attrs))
    with pytest.raises(UnsupportedOp, match=r"GRU \(both\): direction bidirectional.*the future"):
        read(m.model(), tmp_path)


def test_a_chunk_cut_short_is_refused_and_a_whole_one_is_not(tmp_path: Any) -> None:
    model = node_model("GRU", 2, {})
    model.graph.node[0].input[4] = "lengths"
    for length in (2, 1):
        del model.graph.initializer[3:]
        stored = numpy_helper.from_array(np.array([length], np.int32), "lengths")
        model.graph.initializer.append(stored)
        if length == 2:
            assert read(model, tmp_path).outputs
        else:
            with pytest.raises(UnsupportedOp, match=r"GRU \(cell\): sequence_lens \[1\]"):
                read(model, tmp_path)


def test_weights_that_do_not_fit_or_are_not_constant_are_refused(tmp_path: Any) -> None:
    model = node_model("GRU", 1, {})
    wrong = numpy_helper.from_array(noise((1, 3 * SIZE, COLUMNS + 1)), "W")
    model.graph.initializer[0].CopyFrom(wrong)
    with pytest.raises(ShapeError, match=r"GRU \(cell\): W \(18, 6\) and R \(18, 6\) do not fit"):
        read(model, tmp_path)
    del model.graph.initializer[0]
    model.graph.input.append(
        helper.make_tensor_value_info("W", TensorProto.FLOAT, (1, 3 * SIZE, COLUMNS))
    )
    with pytest.raises(UnsupportedOp, match=r"GRU \(cell\): input W must be constant"):
        read(model, tmp_path)


def test_a_recurrence_whose_state_is_not_fed_back_is_refused(tmp_path: Any) -> None:
    """Its name says nothing, but a recurrent node begins with it."""
    model = node_model("GRU", 1, {})
    model.graph.node[0].input[5] = model.graph.input[1].name = "context"
    model.graph.node[0].output[1] = model.graph.output[1].name = "summary"
    with pytest.raises(ModelError, match=r"context \(1, 1, 6\).*--state context=summary"):
        read(model, tmp_path)
    step = read(model, tmp_path, Wiring((("context", "summary"),)))
    assert [(s.name, s.out) for s in step.states] == [("context", "summary")]
    assert read(model, tmp_path, Wiring((("context", ""),))).states == ()
