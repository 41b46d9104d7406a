"""GRU, LSTM and RNN of ONNX as plain ops: one product for a chunk's inputs, one a frame for h.

    GRU, gates in the order z r h     z, r = f(W x + R h + b)
                                      n = g(W x + R (r h) + b)            linear_before_reset = 0
                                      n = g(W x + b + r (R h + b'))       linear_before_reset = 1
                                      h' = n + z (h - n)
    LSTM, gates in the order i o f c  i, f = f(W x + R h + P c + b);  n = g(W x + R h + b)
                                      c' = f c + i n;  o = f(W x + R h + P c' + b);  h' = o h(c')
    RNN                               h' = f(W x + R h + b)

A chunk of several frames is unrolled. Only direction `forward` can be stepped. `time_major` turns
the batch-first layout, which ONNX Runtime does not run, into the other one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from edgernn.backend import Array
from edgernn.errors import ShapeError, UnsupportedOp
from edgernn.graph.onnx_activations import activation
from edgernn.graph.onnx_node import attributes, constant_input, label, text_attribute

if TYPE_CHECKING:
    from edgernn.graph.onnx_import import Importer

GATES = {"GRU": 3, "LSTM": 4, "RNN": 1}
DEFAULTS = {"GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh"), "RNN": ("Tanh",)}
WEIGHT, RECURRENT, BIAS, LENGTHS, FIRST_H, FIRST_C, PEEPHOLES = range(1, 8)
TURNED_INPUTS = (0, FIRST_H, FIRST_C)  # batch first to time first
TURNED_OUTPUTS = ((2, 0, 1, 3), (1, 0, 2), (1, 0, 2))  # and back: Y, Y_h, Y_c
States = tuple[str, ...]


class _Recurrent:
    """A node under way: its weights without the axis of directions, and its activations."""

    def __init__(self, imp: Importer, node: onnx.NodeProto) -> None:
        self.imp, self.node = imp, node
        _refuse_what_cannot_step(node)
        self.frames, self.batch, columns = imp.shape(node.input[0])
        weight, self.recurrent = self.matrix(WEIGHT), self.matrix(RECURRENT)
        gates, self.size = GATES[node.op_type], int(self.recurrent.shape[1])
        rows = gates * self.size
        if weight.shape != (rows, columns) or self.recurrent.shape[0] != rows:
            raise ShapeError(
                f"{label(node)}: W {weight.shape} and R {self.recurrent.shape} do not fit "
                f"{gates} gates of {self.size} over {columns} inputs"
            )
        given = constant_input(imp, node, BIAS)
        bias = np.zeros(2 * rows, np.float32) if given is None else given.reshape(-1)
        self.bias, self.past_bias = bias[:rows], bias[rows:]
        lengths = constant_input(imp, node, LENGTHS)
        if lengths is not None and (lengths != self.frames).any():
            raise UnsupportedOp(f"{label(node)}: sequence_lens {lengths.tolist()} cut the chunk")
        self.activations = _activations(imp, node)
        self.x_gates = self.op("linear", node.input[0], *self.stored(weight, self.bias, WEIGHT))

    def matrix(self, index: int) -> Array:
        """A weight, its one direction taken off."""
        value = constant_input(self.imp, self.node, index)
        if value is None or value.ndim != 3 or value.shape[0] != 1:
            raise ShapeError(f"{label(self.node)}: {self.node.input[index]} has not one direction")
        return np.asarray(value[0])

    def op(self, op: str, *inputs: str, **attrs: object) -> str:
        return self.imp.emit(op, inputs, like=self.node, **attrs)

    def stored(self, weight: Array, bias: Array, index: int) -> States:
        """Weight and bias of a product as constants; the weight is from this input of the node."""
        source = self.node.input[index]
        rows = self.imp.array(weight, source)
        self.imp.keep_float(rows, source)
        return (rows, self.imp.array(bias, f"{source}.bias")) if bias.any() else (rows,)

    def gate(self, gates: str, index: int, count: int = 1) -> str:
        """`count` gates from number `index` on, out of (batch, gates)."""
        bounds = ((0, self.batch, 1), (index * self.size, (index + count) * self.size, 1))
        return self.op("slice", gates, bounds=bounds)

    def frame(self, at: int) -> str:
        """What a frame's input adds to the gates, (batch, gates)."""
        gates, shape = self.x_gates, self.imp.shape(self.x_gates)
        if self.frames > 1:
            every = ((at, at + 1, 1), *((0, n, 1) for n in shape[1:]))
            gates = self.op("slice", gates, bounds=every)
        return self.op("reshape", gates, shape=shape[1:])

    def initial(self, index: int) -> str:
        """A state before the chunk, (batch, size); zeros where the node has none."""
        shape = (self.batch, self.size)
        if index >= len(self.node.input) or not self.node.input[index]:
            return self.imp.array(np.zeros(shape, np.float32), f"{label(self.node)}.zeros")
        return self.op("reshape", self.node.input[index], shape=shape)

    def run(self, step: Callable[[str, States], States], first: States) -> list[str]:
        """Unroll the chunk: Y, then the states after it, each as ONNX shapes them."""
        states, made = first, []
        for at in range(self.frames):
            states = step(self.frame(at), states)
            made.append(self.op("reshape", states[0], shape=(1, 1, self.batch, self.size)))
        wanted = [*self.node.output, "", "", ""]
        results = [""] * 3
        if wanted[0]:
            results[0] = made[0] if len(made) == 1 else self.op("concat", *made, axis=0)
        for k, state in enumerate(states, 1):
            if wanted[k]:
                results[k] = self.op("reshape", state, shape=(1, self.batch, self.size))
        return results


def _refuse_what_cannot_step(node: onnx.NodeProto) -> None:
    direction = text_attribute(node, "direction", "forward")
    if direction != "forward":
        raise UnsupportedOp(
            f"{label(node)}: direction {direction} reads a stream from its end, so it needs the "
            "future; only forward can be stepped"
        )
    if attributes(node).get("layout", 0):
        raise UnsupportedOp(f"{label(node)}: layout 1 was not turned by time_major")


def _activations(imp: Importer, node: onnx.NodeProto) -> list[Callable[[str], str]]:
    """The activations f, g, h; a gate is clipped before f or g as in ONNX Runtime, c' is not."""
    given = attributes(node)
    names = [bytes(a).decode() for a in given.get("activations", ())]
    left = {k: [float(v) for v in given.get(f"activation_{k}", ())] for k in ("alpha", "beta")}
    clip = float(given.get("clip", 0.0))

    def bound(x: str) -> str:
        if clip:
            x = imp.emit("maximum", [x, imp.literal(-clip)], like=node)
            x = imp.emit("minimum", [x, imp.literal(clip)], like=node)
        return x

    def one(name: str, gate: bool) -> Callable[[str], str]:
        make, defaults = activation(node, name)
        # an activation that has no alpha or beta takes none from the list
        alpha, beta = (
            left[key].pop(0) if default is not None and left[key] else default
            for key, default in zip(("alpha", "beta"), defaults, strict=True)
        )
        return lambda x: make(imp, node, bound(x) if gate else x, (alpha, beta))

    return [one(name, k < 2) for k, name in enumerate(names or DEFAULTS[node.op_type])]


def gru(imp: Importer, node: onnx.NodeProto) -> list[str]:
    cell = _Recurrent(imp, node)
    f, g = cell.activations[:2]
    late = bool(attributes(node).get("linear_before_reset", 0))
    rows = cell.recurrent.shape[0] if late else 2 * cell.size
    first = cell.stored(cell.recurrent[:rows], cell.past_bias[:rows], RECURRENT)
    rest = () if late else cell.stored(cell.recurrent[rows:], cell.past_bias[rows:], RECURRENT)

    def step(gates: str, states: States) -> States:
        (h,) = states
        past = cell.op("linear", h, *first)
        z, r = (f(cell.op("add", cell.gate(gates, k), cell.gate(past, k))) for k in range(2))
        if late:
            reset = cell.op("mul", r, cell.gate(past, 2))
        else:
            reset = cell.op("linear", cell.op("mul", r, h), *rest)
        new = g(cell.op("add", cell.gate(gates, 2), reset))
        return (cell.op("add", new, cell.op("mul", z, cell.op("sub", h, new))),)

    return cell.run(step, (cell.initial(FIRST_H),))


def lstm(imp: Importer, node: onnx.NodeProto) -> list[str]:
    cell = _Recurrent(imp, node)
    f, g, h_act = cell.activations[:3]
    past = cell.stored(cell.recurrent, cell.past_bias, RECURRENT)
    given = constant_input(imp, node, PEEPHOLES)
    peepholes = [] if given is None else given.reshape(3, cell.size)
    looks = [imp.array(part, node.input[PEEPHOLES]) for part in peepholes]
    coupled = bool(attributes(node).get("input_forget", 0))

    def looked(gate: str, c: str, index: int) -> str:
        return cell.op("add", gate, cell.op("mul", c, looks[index])) if looks else gate

    def step(gates: str, states: States) -> States:
        h, c = states
        total = cell.op("add", gates, cell.op("linear", h, *past))
        i = f(looked(cell.gate(total, 0), c, 0))
        forget = f(looked(cell.gate(total, 2), c, 2)) if not coupled else None
        forget = forget or cell.op("sub", imp.literal(1.0), i)
        new = g(cell.gate(total, 3))
        c = cell.op("add", cell.op("mul", forget, c), cell.op("mul", i, new))
        o = f(looked(cell.gate(total, 1), c, 1))
        return cell.op("mul", o, h_act(c)), c

    return cell.run(step, (cell.initial(FIRST_H), cell.initial(FIRST_C)))


def rnn(imp: Importer, node: onnx.NodeProto) -> list[str]:
    cell = _Recurrent(imp, node)
    past = cell.stored(cell.recurrent, cell.past_bias, RECURRENT)

    def step(gates: str, states: States) -> States:
        return (cell.activations[0](cell.op("add", gates, cell.op("linear", states[0], *past))),)

    return cell.run(step, (cell.initial(FIRST_H),))


RECURRENT_HANDLERS = {"GRU": gru, "LSTM": lstm, "RNN": rnn}


def time_major(model: onnx.ModelProto) -> None:
    """Turn every recurrent node of layout 1 (batch first) into layout 0 between transposes."""
    turned = []
    for node in model.graph.node:
        if node.op_type not in RECURRENT_HANDLERS or not attributes(node).get("layout", 0):
            turned.append(node)
            continue
        kept = [a for a in node.attribute if a.name != "layout"]
        del node.attribute[:]
        node.attribute.extend(kept)
        stem = node.name or next(filter(None, node.output))
        before, after = [], []
        for index in TURNED_INPUTS:
            if index < len(node.input) and node.input[index]:
                name = f"{stem}:in{index}"
                before.append(_transpose(node.input[index], name, (1, 0, 2)))
                node.input[index] = name
        for index, perm in zip(range(len(node.output)), TURNED_OUTPUTS, strict=False):
            if node.output[index]:
                name = f"{stem}:out{index}"
                after.append(_transpose(name, node.output[index], perm))
                node.output[index] = name
        turned += [*before, node, *after]
    del model.graph.node[:]
    model.graph.node.extend(turned)


def _transpose(source: str, made: str, perm: tuple[int, ...]) -> onnx.NodeProto:
    return helper.make_node("Transpose", [source], [made], f"{made}:turned", perm=perm)
