"""Step models as other exporters write them, built node by node: icefall, Silero VAD, rnnoise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]
GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}


class Foreign:
    """Grows a model; weights are seeded, and scaled so that nothing saturates."""

    def __init__(self, seed: int = 0, *, opset: int = 17) -> None:
        self.rng, self.opset = np.random.default_rng(seed), opset
        self.nodes: list[onnx.NodeProto] = []
        self.stored: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> str:
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, shape: Shape | None = None, kind: int = TensorProto.FLOAT) -> str:
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def keep(self, name: str, array: Any) -> str:
        self.stored.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weight(self, name: str, *shape: int, gain: float = 1.0, fan: int = 0) -> str:
        scale = gain / np.sqrt(fan or np.prod(shape[1:]))
        drawn = self.rng.standard_normal(shape) * scale
        return self.keep(name, drawn.astype(np.float32))

    def ints(self, name: str, *values: int) -> str:
        return self.keep(name, np.array(values, np.int64))

    def op(self, op: str, inputs: Sequence[str], *outputs: str, **attrs: Any) -> str:
        made = outputs or (f"{op.lower()}_{len(self.nodes)}",)
        self.nodes.append(helper.make_node(op, inputs, made, f"{op}_{len(self.nodes)}", **attrs))
        return made[0]

    def recurrent(
        self,
        op: str,
        x: str,
        size: int,
        columns: int,
        first: Sequence[str] = (),
        made: Sequence[str] = (),
        **attrs: Any,
    ) -> str:
        """A GRU, LSTM or RNN node with weights and bias; gives Y."""
        stem, rows = f"{op.lower()}_{len(self.nodes)}", GATES[op] * size
        inputs = [x, self.weight(f"{stem}.W", 1, rows, columns, gain=2, fan=columns)]
        inputs += [self.weight(f"{stem}.R", 1, rows, size, fan=size)]
        inputs.append(self.weight(f"{stem}.B", 1, 2 * rows, gain=0.3, fan=1))
        outputs = [f"{stem}.Y", *made]
        return self.op(op, [*inputs, "", *first], *outputs, hidden_size=size, **attrs)

    def model(self, props: Mapping[str, str] | None = None) -> onnx.ModelProto:
        graph = helper.make_graph(self.nodes, "main_graph", self.inputs, self.outputs, self.stored)
        opset = [helper.make_opsetid("", self.opset)]
        made = helper.make_model(graph, opset_imports=opset, ir_version=10)
        helper.set_model_props(made, dict(props or {}))
        return made


def icefall(
    frames: int = 4, features: int = 20, size: int = 24, layers: int = 2
) -> onnx.ModelProto:
    """An LSTM encoder: x, state0, state1 -> encoder_out, new_state0, new_state1; batch `N`."""
    m = Foreign(1)
    m.input("x", ("N", frames, features))
    m.input("state0", (layers, "N", size))
    m.input("state1", (layers, "N", size))
    time_first = m.op("Transpose", ["x"], perm=[1, 0, 2])
    y = m.op("MatMul", [time_first, m.weight("embed.weight", features, size, fan=features)])
    m.ints("axes", 0)
    parts: dict[str, list[str]] = {"state0": [], "state1": []}
    for layer in range(layers):
        bounds = [m.ints(f"{layer}.start", layer), m.ints(f"{layer}.end", layer + 1), "axes"]
        first = [m.op("Slice", [state, *bounds]) for state in parts]
        made = [f"{layer}.h", f"{layer}.c"]
        full = m.recurrent("LSTM", y, size, size, first, made)
        y = m.op("Add", [y, m.op("Squeeze", [full, m.ints(f"{layer}.one", 1)])])
        for state, name in zip(parts, made, strict=True):
            parts[state].append(name)
    m.op("Transpose", [y], m.output("encoder_out", ("N", frames, size)), perm=[1, 0, 2])
    for state, names in parts.items():
        m.op("Concat", names, m.output(f"new_{state}", (layers, "N", size)), axis=0)
    return m.model({"model_type": "lstm", "decode_chunk_len": str(frames)})


def silero(samples: int = 64, size: int = 32) -> onnx.ModelProto:
    """A voice detector: input, state (2, 1, size), sr -> output, stateN."""
    m = Foreign(2)
    m.input("input", ("batch", samples))
    m.input("state", (2, "batch", size))
    m.input("sr", (), TensorProto.INT64)
    wave = m.op("Unsqueeze", ["input", m.ints("at_one", 1)])
    bands = 9
    basis = m.weight("stft.basis", 2 * bands, 1, 16)
    both = m.op("Conv", [wave, basis], strides=[16], kernel_shape=[16])
    m.op("Split", [both, m.ints("halves", bands, bands)], "real", "imag", axis=1)
    m.keep("two", np.float32(2))
    squares = [m.op("Pow", [part, "two"]) for part in ("real", "imag")]
    y, columns = m.op("Sqrt", [m.op("Add", squares)]), bands
    for k in range(2):
        named = [
            m.weight(f"conv{k}.weight", size, columns, 3, gain=2),
            m.weight(f"conv{k}.bias", size),
        ]
        y = m.op("Relu", [m.op("Conv", [y, *named], pads=[1, 1], kernel_shape=[3])])
        columns = size
    m.op("Split", ["state"], "h", "c", axis=0, **({"num_outputs": 2} if m.opset >= 18 else {}))
    x = m.op("Transpose", [y], perm=[2, 0, 1])
    full = m.recurrent("LSTM", x, size, size, ["h", "c"], ["h_after", "c_after"])
    m.op("Concat", ["h_after", "c_after"], m.output("stateN", (2, "batch", size)), axis=0)
    y = m.op("Relu", [m.op("Squeeze", [full, "at_one"])])
    y = m.op("Transpose", [y], perm=[1, 2, 0])
    head = [m.weight("head.weight", 1, size, 1, gain=20), m.weight("head.bias", 1)]
    y = m.op("Sigmoid", [m.op("Conv", [y, *head], kernel_shape=[1])])
    m.op("ReduceMean", [y], m.output("output", ("batch", 1)), axes=[2], keepdims=0)
    return m.model()


def rnnoise(features: int = 42) -> onnx.ModelProto:
    """Three GRUs, each with a state of its own: features -> gains, vad."""
    m = Foreign(3)
    m.input("features", (1, 1, features))
    sizes = {"vad_state": 24, "noise_state": 48, "denoise_state": 96}
    for name, size in sizes.items():
        m.input(name, (1, 1, size))

    def dense(x: str, name: str, columns: int, rows: int, act: str, *made: str) -> str:
        y = m.op("MatMul", [x, m.weight(f"{name}.kernel", columns, rows, gain=2, fan=columns)])
        return m.op(act, [m.op("Add", [y, m.weight(f"{name}.bias", rows)])], *made)

    def gru(x: str, state: str, columns: int, size: int, late: int) -> str:
        out = m.output(f"{state}_out", (1, 1, size))
        acts = {"activations": ["Sigmoid", "Relu" if state == "noise_state" else "Tanh"]}
        y = m.recurrent("GRU", x, size, columns, [state], [out], linear_before_reset=late, **acts)
        return m.op("Squeeze", [y, "at_one"])

    m.ints("at_one", 1)
    x = dense("features", "input_dense", features, 24, "Tanh")
    vad = gru(x, "vad_state", 24, 24, 1)
    dense(vad, "vad_output", 24, 1, "Sigmoid", m.output("vad", (1, 1, 1)))
    noise = m.op("Concat", [x, vad, "features"], axis=2)
    noise = gru(noise, "noise_state", 48 + features, 48, 0)
    last = m.op("Concat", [vad, noise, "features"], axis=2)
    last = gru(last, "denoise_state", 72 + features, 96, 1)
    dense(last, "denoise_output", 96, 22, "Sigmoid", m.output("gains", (1, 1, 22)))
    return m.model()
