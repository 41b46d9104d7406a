"""Step graphs with the ports and metadata of sherpa-onnx's transducer of type `lstm`.

    encoder   x (N, T, C), state0 (1, N, D), state1 (1, N, R) -> encoder_out (N, 1, J), both anew
    decoder   y (N, 1) -> decoder_out (N, J)
    joiner    encoder_out (N, J), decoder_out (N, J) -> logit (N, V)

It binds them by position and reads sizes from metadata, which are strings. Its two states begin as
zeros, and it does nothing with them but hand them back; so all leaves of a step travel in them,
whatever they are: outputs of recurrent cells in state0, cells and the frames that convolutions
still see in state1. Then no chunk overlaps the one before (T = decode_chunk_len), and its stream is
ours to the last frame. N, 1 in a step, is left open: beams and several streams come as rows.

Source: k2-fsa/sherpa-onnx, sherpa-onnx/csrc/online-lstm-transducer-model.cc and symbol-table.cc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from edgernn.errors import UnsupportedOp
from edgernn.graph.step_graph import StatePair, StepGraph

BATCH = "N"
STEP = "step."  # what the captured step's own values begin with
SPACE = "\u2581"  # begins a word in tokens.txt
Shape = tuple[int | str, ...]


class Wired:
    """A captured step between ports of other shapes. Its own are called `STEP` and their name."""

    def __init__(self, graph: StepGraph) -> None:
        self.name = graph.name
        self.model = compose.add_prefix(graph.model, STEP)
        self.before: list[onnx.NodeProto] = []
        self.after: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def numbers(self, values: Sequence[int]) -> str:
        """The name of a constant of whole numbers."""
        name = f"numbers{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def reshape(self, x: str, y: str, shape: Sequence[int]) -> onnx.NodeProto:
        """0 in a shape is the size that x has there."""
        return helper.make_node("Reshape", [x, self.numbers(shape)], [y])

    def split(self, x: str, parts: Sequence[str], sizes: Sequence[int]) -> onnx.NodeProto:
        """Columns of a matrix."""
        return helper.make_node("Split", [x, self.numbers(sizes)], parts, axis=1)

    def finish(
        self, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], **metadata: int | str
    ) -> onnx.ModelProto:
        """The model, checked. Inputs are floats, but for `y`, which is labels."""
        graph = helper.make_graph(
            [*self.before, *self._body(), *self.after],
            self.name,
            [_port(name, shape) for name, shape in inputs.items()],
            [_port(name, shape) for name, shape in outputs.items()],
            [*self.model.graph.initializer, *self.constants],
        )
        opsets, version = self.model.opset_import, self.model.ir_version
        made = helper.make_model(graph, opset_imports=opsets, ir_version=version)
        helper.set_model_props(made, {key: str(value) for key, value in metadata.items()})
        onnx.checker.check_model(made, full_check=True)
        return made

    def _body(self) -> list[onnx.NodeProto]:
        """The step's nodes, any number of rows instead of 1."""
        constants = {one.name: one for one in self.model.graph.initializer}
        moving = {value.name for value in self.model.graph.input}
        nodes = []
        for node in self.model.graph.node:
            if not moving.isdisjoint(node.input):
                moving.update(node.output)
                if node.op_type == "Reshape":
                    node = self._reshaped(node, constants)
            nodes.append(node)
        return nodes

    def _reshaped(
        self, node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]
    ) -> onnx.NodeProto:
        known = constants.get(node.input[1])
        shape = [0] if known is None else numpy_helper.to_array(known).tolist()
        if shape[0] != 1:
            raise UnsupportedOp(
                f"{self.name}: {node.name} makes the shape {shape}; of several streams at once, "
                "as sherpa-onnx runs them, the first size must stay"
            )
        return self.reshape(node.input[0], node.output[0], [0, *shape[1:]])


def encoder(graph: StepGraph, classes: int) -> onnx.ModelProto:
    """Raises: UnsupportedOp for states that sherpa-onnx cannot keep."""
    packs = packed(graph)
    if not packs or not all(packs):
        raise UnsupportedOp(
            f"{graph.name}: keeps {len(graph.states)} state leaves; sherpa-onnx wants two at least"
        )
    (x,), (y,), wired = graph.inputs, graph.outputs, Wired(graph)
    sizes = [sum(int(np.prod(leaf.shape)) for leaf in pack) for pack in packs]
    wired.before.append(helper.make_node("Identity", ["x"], [STEP + x.name]))
    wired.after.append(helper.make_node("Identity", [STEP + y.name], ["encoder_out"]))
    for i, pack in enumerate(packs):
        _pass_state(wired, f"state{i}", pack)
    states: dict[str, Shape] = {f"state{i}": (1, BATCH, size) for i, size in enumerate(sizes)}
    return wired.finish(
        {"x": (BATCH, *x.shape[1:]), **states},
        {"encoder_out": (BATCH, *y.shape[1:]), **{f"new_{k}": v for k, v in states.items()}},
        model_type="lstm",
        version=1,
        model_author="edgernn",
        T=x.shape[1],
        decode_chunk_len=x.shape[1],
        num_encoder_layers=1,  # the first axis of both states
        d_model=sizes[0],
        rnn_hidden_size=sizes[1],
    )


def decoder(graph: StepGraph, classes: int) -> onnx.ModelProto:
    """Raises: UnsupportedOp for a predictor that remembers more than one label."""
    _refuse_states(graph, "its decoder is given the last label alone")
    (x,), (y,), wired = graph.inputs, graph.outputs, Wired(graph)
    wired.before.append(helper.make_node("Identity", ["y"], [STEP + x.name]))
    wired.after.append(wired.reshape(STEP + y.name, "decoder_out", (0, -1)))
    ends: tuple[dict[str, Shape], dict[str, Shape]] = (
        {"y": (BATCH, x.shape[1])},
        {"decoder_out": (BATCH, y.shape[-1])},
    )
    return wired.finish(*ends, context_size=x.shape[1], vocab_size=classes)


def joiner(graph: StepGraph, classes: int) -> onnx.ModelProto:
    """Raises: UnsupportedOp for one that remembers anything."""
    _refuse_states(graph, "its joiner has no state")
    (x,), (y,), wired = graph.inputs, graph.outputs, Wired(graph)
    width, vectors = x.shape[-1] // 2, ["encoder_out", "decoder_out"]
    wired.before += [
        helper.make_node("Concat", vectors, ["both"], axis=1),
        wired.reshape("both", STEP + x.name, (0, 1, 2 * width)),
    ]
    wired.after.append(wired.reshape(STEP + y.name, "logit", (0, -1)))
    ends: tuple[dict[str, Shape], dict[str, Shape]] = (
        dict.fromkeys(vectors, (BATCH, width)),
        {"logit": (BATCH, y.shape[-1])},
    )
    return wired.finish(*ends, joiner_dim=width)


def tokens(labels: Sequence[str]) -> str:
    """tokens.txt: a label and its number a line; words begin with a space."""
    names = ["<blk>", *(f"{SPACE}{word}" for word in labels[1:])]
    return "".join(f"{name} {number}\n" for number, name in enumerate(names))


def packed(graph: StepGraph) -> list[list[StatePair]]:
    """The leaves in state0 and those in state1; none of a step without states.

    Raises: UnsupportedOp for leaves that are no floats, or begin as something else than zeros.
    """
    if not graph.states:
        return []
    odd = [leaf.name for leaf in graph.states if leaf.dtype != "float32" or leaf.init is not None]
    if odd:
        raise UnsupportedOp(
            f"{graph.name}: state {', '.join(odd)}: sherpa-onnx keeps floats that begin as zeros"
        )
    first = [leaf for leaf in graph.states if leaf.name.endswith(".h")] or list(graph.states[:1])
    return [first, [leaf for leaf in graph.states if leaf not in first]]


def _refuse_states(graph: StepGraph, why: str) -> None:
    if graph.states:
        names = ", ".join(leaf.name for leaf in graph.states)
        raise UnsupportedOp(f"{graph.name}: keeps state {names}; of sherpa-onnx {why}")


def _pass_state(wired: Wired, name: str, pack: Sequence[StatePair]) -> None:
    """Leaves cut out of the columns of one state, and joined to it after the step."""
    sizes = [int(np.prod(leaf.shape)) for leaf in pack]
    parts = [f"{leaf.name}.flat" for leaf in pack]
    wired.before += [
        wired.reshape(name, f"{name}.flat", (-1, sum(sizes))),
        wired.split(f"{name}.flat", parts, sizes),
    ]
    for leaf, part in zip(pack, parts, strict=True):
        wired.before.append(wired.reshape(part, STEP + leaf.name, (-1, *leaf.shape[1:])))
        wired.after.append(wired.reshape(STEP + leaf.out, f"new_{part}", (0, -1)))
    joined = f"new_{name}.flat"
    wired.after += [
        helper.make_node("Concat", [f"new_{part}" for part in parts], [joined], axis=1),
        wired.reshape(joined, f"new_{name}", (1, -1, sum(sizes))),
    ]


def _port(name: str, shape: Shape) -> onnx.ValueInfoProto:
    kind = TensorProto.INT64 if name == "y" else TensorProto.FLOAT
    return helper.make_tensor_value_info(name, kind, shape)
