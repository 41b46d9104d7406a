"""One function for each ONNX operator: how it becomes plain ops.

A handler takes the importer and the node and gives the names of the node's outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper

from edgernn.errors import UnsupportedOp
from edgernn.graph.onnx_activations import ACTIVATION_HANDLERS
from edgernn.graph.onnx_logic import LOGIC_HANDLERS, to_mask
from edgernn.graph.onnx_node import (
    attributes,
    axes_of,
    constant_input,
    label,
    setting,
    text_attribute,
)
from edgernn.graph.onnx_recurrent import RECURRENT_HANDLERS

if TYPE_CHECKING:
    from edgernn.graph.onnx_import import Importer

Handler = Callable[["Importer", onnx.NodeProto], list[str]]
HANDLERS: dict[str, Handler] = {**LOGIC_HANDLERS, **ACTIVATION_HANDLERS, **RECURRENT_HANDLERS}


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Register a handler for these ONNX operators."""

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, function))
        return function

    return register


@handles("Neg", "Abs", "Relu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Round", "Floor")
def unary(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.emit(node.op_type.lower(), [node.input[0]], like=node)]


@handles("Ceil")
def ceil(imp: Importer, node: onnx.NodeProto) -> list[str]:
    below = imp.emit("floor", [imp.emit("neg", [node.input[0]], like=node)], like=node)
    return [imp.emit("neg", [below], like=node)]


@handles("Add", "Sub", "Mul", "Div", "Max", "Min", "Sum")
def binary(imp: Importer, node: onnx.NodeProto) -> list[str]:
    op = {"Max": "maximum", "Min": "minimum", "Sum": "add"}.get(node.op_type, node.op_type.lower())
    result = node.input[0]
    for other in node.input[1:]:
        result = imp.emit(op, [result, other], like=node)
    return [result]


@handles("Reciprocal")
def reciprocal(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.emit("div", [imp.literal(1.0), node.input[0]], like=node)]


@handles("Pow")
def power(imp: Importer, node: onnx.NodeProto) -> list[str]:
    exponents = np.unique(constant_input(imp, node, 1))
    exponent, x = float(exponents[0]), node.input[0]
    if len(exponents) != 1 or (exponent not in (0.5, -0.5) and exponent not in range(-4, 5)):
        raise UnsupportedOp(
            f"{label(node)}: exponent {exponent:g}; whole ones to 4 and 0.5 can be held"
        )
    if abs(exponent) == 0.5:
        result = imp.emit("sqrt", [x], like=node)
    elif exponent == 0:
        return [imp.array(np.ones(imp.shape(x), np.float32), "ones")]
    else:
        result = x
        for _ in range(abs(int(exponent)) - 1):
            result = imp.emit("mul", [result, x], like=node)
    return [imp.emit("div", [imp.literal(1.0), result], like=node) if exponent < 0 else result]


@handles("Clip")
def clip(imp: Importer, node: onnx.NodeProto) -> list[str]:
    result = node.input[0]
    for index, key, op in ((1, "min", "maximum"), (2, "max", "minimum")):
        bound = setting(imp, node, key, index)
        if bound is not None:
            result = imp.emit(op, [result, imp.literal(float(bound))], like=node)
    return [result]


@handles("Identity", "Dropout")
def identity(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.alias.get(node.input[0], node.input[0])]


@handles("Cast", "CastLike")
def cast(imp: Importer, node: onnx.NodeProto) -> list[str]:
    have = imp.graph.values[imp.known(node.input[0])].dtype
    if node.op_type == "CastLike":
        wanted = imp.graph.values[imp.known(node.input[1])].dtype
    else:
        wanted = helper.tensor_dtype_to_np_dtype(attributes(node)["to"]).name
    if wanted == "bool" and have == "float32":
        return to_mask(imp, node)
    if wanted != have:
        raise UnsupportedOp(f"{label(node)}: {have} to {wanted} at run time")
    return identity(imp, node)


@handles("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(imp: Importer, node: onnx.NodeProto) -> list[str]:
    old = imp.shape(node.input[0])
    if node.op_type == "Reshape":
        wanted = [int(n) for n in constant_input(imp, node, 1)]
        if not attributes(node).get("allowzero", 0):
            wanted = [old[i] if n == 0 else n for i, n in enumerate(wanted)]
    elif node.op_type == "Flatten":
        axis = int(attributes(node).get("axis", 1))
        axis += len(old) if axis < 0 else 0
        wanted = [int(np.prod(old[:axis])), int(np.prod(old[axis:]))]
    elif node.op_type == "Squeeze":
        axes = axes_of(imp, node, 1)
        drop = [i for i, n in enumerate(old) if n == 1] if axes is None else axes
        wanted = [n for i, n in enumerate(old) if i not in drop]
    else:
        axes_in = np.atleast_1d(setting(imp, node, "axes", 1))
        rank = len(old) + len(axes_in)
        added = {int(a) % rank for a in axes_in}
        rest = iter(old)
        wanted = [1 if i in added else next(rest) for i in range(rank)]
    return [imp.emit("reshape", [node.input[0]], like=node, shape=tuple(wanted))]


@handles("Transpose")
def transpose(imp: Importer, node: onnx.NodeProto) -> list[str]:
    rank = len(imp.shape(node.input[0]))
    perm = tuple(attributes(node).get("perm", range(rank - 1, -1, -1)))
    return [imp.emit("transpose", [node.input[0]], like=node, perm=perm)]


def _slice(imp: Importer, node: onnx.NodeProto, value: str, axis: int, bounds: slice) -> str:
    shape = imp.shape(value)
    every = [(0, n, 1) for n in shape]
    every[axis] = bounds.indices(shape[axis])
    return imp.emit("slice", [value], like=node, bounds=tuple(every))


@handles("Slice")
def slice_(imp: Importer, node: onnx.NodeProto) -> list[str]:
    names = ("starts", "ends", "axes", "steps")
    starts, ends, axes, steps = (setting(imp, node, key, k) for k, key in enumerate(names, 1))
    shape = imp.shape(node.input[0])
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    every = [(0, n, 1) for n in shape]
    for start, end, axis, stride in zip(starts, ends, axes, steps, strict=True):
        if stride < 1:
            raise UnsupportedOp(f"{label(node)}: step {stride}; only forward slices")
        n = shape[int(axis)]
        every[int(axis)] = slice(int(start), int(end), int(stride)).indices(n)
    return [imp.emit("slice", [node.input[0]], like=node, bounds=tuple(every))]


@handles("Split")
def split(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = imp.shape(node.input[0])
    axis = int(attributes(node).get("axis", 0)) % len(shape)
    sizes = setting(imp, node, "split", 1)
    if sizes is None:
        each = -(-shape[axis] // len(node.output))
        sizes = [min(each, shape[axis] - k * each) for k in range(len(node.output))]
    edges = [0, *np.cumsum(sizes).tolist()]
    source = node.input[0]
    return [_slice(imp, node, source, axis, slice(a, b)) for a, b in pairwise(edges)]


@handles("Concat")
def concat(imp: Importer, node: onnx.NodeProto) -> list[str]:
    axis = int(attributes(node)["axis"]) % len(imp.shape(node.input[0]))
    return [imp.emit("concat", list(node.input), like=node, axis=axis)]


@handles("Expand")
def expand(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = tuple(int(n) for n in constant_input(imp, node, 1))
    return [imp.emit("expand", [node.input[0]], like=node, shape=shape)]


def _padded(
    imp: Importer, node: onnx.NodeProto, x: str, pads: Sequence[Sequence[int]], fill: float = 0.0
) -> str:
    """A value with constants before and after it, by axis. Raises: UnsupportedOp if negative."""
    if min((n for both in pads for n in both), default=0) < 0:
        raise UnsupportedOp(f"{label(node)}: negative pads {pads}; slice instead")
    for axis, counts in enumerate(pads):
        edges = [(*imp.shape(x)[:axis], n, *imp.shape(x)[axis + 1 :]) for n in counts]
        parts = [imp.array(np.full(e, fill, np.float32), "pad") if e[axis] else "" for e in edges]
        parts = [part for part in (parts[0], x, parts[1]) if part]
        x = imp.emit("concat", parts, like=node, axis=axis) if len(parts) > 1 else x
    return x


@handles("Pad")
def pad(imp: Importer, node: onnx.NodeProto) -> list[str]:
    mode = text_attribute(node, "mode", "constant")
    if mode != "constant":
        raise UnsupportedOp(f"{label(node)}: mode {mode}; only constant padding")
    rank = len(imp.shape(node.input[0]))
    axes = constant_input(imp, node, 3)
    given = np.asarray(setting(imp, node, "pads", 1)).reshape(2, -1)
    pads = [[0, 0] for _ in range(rank)]
    for k, axis in enumerate(range(rank) if axes is None else axes):
        pads[int(axis) % rank] = [int(given[0, k]), int(given[1, k])]
    fill = setting(imp, node, "value", 2)
    return [_padded(imp, node, node.input[0], pads, 0.0 if fill is None else float(fill))]


@handles("Gather")
def gather(imp: Importer, node: onnx.NodeProto) -> list[str]:
    source, index = node.input[0], imp.constant(node.input[1])
    shape = imp.shape(source)
    axis = int(attributes(node).get("axis", 0)) % len(shape)
    if index is None:
        if axis != 0:
            raise UnsupportedOp(f"{label(node)}: a run-time index on axis {axis}, not 0")
        if (kind := imp.graph.values[imp.known(node.input[1])].dtype) != "int64":
            raise UnsupportedOp(f"{label(node)}: {node.input[1]} is {kind}; only int64 at run time")
        return [imp.emit("gather", [source, node.input[1]], like=node)]
    flat = np.asarray(index).reshape(-1) % shape[axis]
    if not np.array_equal(flat, flat[0] + np.arange(len(flat))):
        raise UnsupportedOp(f"{label(node)}: the constant index is not one range")
    cut = _slice(imp, node, source, axis, slice(int(flat[0]), int(flat[-1]) + 1))
    wanted = (*shape[:axis], *np.shape(index), *shape[axis + 1 :])
    return [imp.emit("reshape", [cut], like=node, shape=wanted)]


@handles("MatMul")
def matmul(imp: Importer, node: onnx.NodeProto) -> list[str]:
    weight = imp.constant(node.input[1])
    if weight is not None and weight.ndim == 2:
        turned = imp.array(weight.T, node.input[1])
        imp.keep_float(turned, node.input[1])
        return [imp.emit("linear", [node.input[0], turned], like=node)]
    return [imp.emit("matmul", list(node.input), like=node)]


@handles("Gemm")
def gemm(imp: Importer, node: onnx.NodeProto) -> list[str]:
    attrs = attributes(node)
    weight = constant_input(imp, node, 1)
    bias = constant_input(imp, node, 2)
    alpha, beta = (np.float32(attrs.get(key, 1.0)) for key in ("alpha", "beta"))
    x = node.input[0]
    if attrs.get("transA"):
        x = imp.emit("transpose", [x], like=node, perm=(1, 0))
    rows = (weight if attrs.get("transB") else weight.T) * alpha
    name = imp.array(rows, node.input[1])
    imp.keep_float(name, node.input[1])
    result = imp.emit("linear", [x, name], like=node)
    if bias is None:
        return [result]
    return [imp.emit("add", [result, imp.array(bias * beta, node.input[2])], like=node)]


@handles("Conv")
def conv(imp: Importer, node: onnx.NodeProto) -> list[str]:
    attrs = attributes(node)
    weight = constant_input(imp, node, 1)
    if weight.ndim != 3:
        shape = weight.shape[2:]
        raise UnsupportedOp(f"{label(node)}: a kernel of {shape}; only one axis is convolved")
    auto = text_attribute(node, "auto_pad", "NOTSET")
    if auto not in ("NOTSET", "VALID"):
        raise UnsupportedOp(f"{label(node)}: auto_pad {auto}; write the pads as numbers")
    pads = [int(n) for n in attrs.get("pads", (0, 0))]
    x = _padded(imp, node, node.input[0], ((0, 0), (0, 0), (*pads,)))
    name = imp.array(weight.transpose(0, 2, 1), node.input[1])  # (O, C/g, K) -> (O, K, C/g)
    imp.keep_float(name, node.input[1])
    inputs = [imp.emit("transpose", [x], like=node, perm=(0, 2, 1)), name]
    if len(node.input) > 2 and node.input[2]:
        inputs.append(node.input[2])
    options = {key: int(attrs.get(f"{key}s", [1])[0]) for key in ("stride", "dilation")}
    y = imp.emit("conv1d", inputs, like=node, groups=int(attrs.get("group", 1)), **options)
    return [imp.emit("transpose", [y], like=node, perm=(0, 2, 1))]


@handles("BatchNormalization")
def batch_norm(imp: Importer, node: onnx.NodeProto) -> list[str]:
    gamma, beta, mean, var = (constant_input(imp, node, k).astype(np.float64) for k in range(1, 5))
    scale = gamma / np.sqrt(var + attributes(node).get("epsilon", 1e-5))
    shape = (-1, *[1] * (len(imp.shape(node.input[0])) - 2))
    factor = imp.array(scale.astype(np.float32).reshape(shape), f"{node.input[1]}.scale")
    shift = (beta - mean * scale).astype(np.float32).reshape(shape)
    scaled = imp.emit("mul", [node.input[0], factor], like=node)
    return [imp.emit("add", [scaled, imp.array(shift, f"{node.input[2]}.shift")], like=node)]


REDUCTIONS = ("Sum", "Mean", "Max", "Min", "SumSquare", "L2")


@handles(*(f"Reduce{kind}" for kind in REDUCTIONS))
def reduce(imp: Importer, node: onnx.NodeProto) -> list[str]:
    x, kind = node.input[0], node.op_type.removeprefix("Reduce")
    shape = imp.shape(x)
    axes = axes_of(imp, node, 1)
    if not axes:
        if attributes(node).get("noop_with_empty_axes", 0):
            return identity(imp, node)
        axes = list(range(len(shape)))
    if kind in ("SumSquare", "L2"):
        x = imp.emit("mul", [x, x], like=node)
    elif kind == "Min":
        x = imp.emit("neg", [x], like=node)
    op = "reduce_max" if kind in ("Max", "Min") else "reduce_sum"
    result = imp.emit(op, [x], like=node, axes=tuple(axes))
    if kind == "Mean":
        count = float(np.prod([shape[a] for a in axes]))
        result = imp.emit("mul", [result, imp.literal(1.0 / count)], like=node)
    elif kind in ("L2", "Min"):
        result = imp.emit("sqrt" if kind == "L2" else "neg", [result], like=node)
    if not attributes(node).get("keepdims", 1):
        kept = tuple(n for i, n in enumerate(shape) if i not in axes)
        result = imp.emit("reshape", [result], like=node, shape=kept)
    return [result]


@handles("Softmax", "LogSoftmax")
def softmax(imp: Importer, node: onnx.NodeProto) -> list[str]:
    rank = len(imp.shape(node.input[0]))
    default = -1 if imp.opset >= 13 else 1  # and then over all axes from there on
    if int(attributes(node).get("axis", default)) % rank != rank - 1:
        raise UnsupportedOp(f"{label(node)}: only over the last axis")
    x, last = node.input[0], (rank - 1,)
    if node.op_type == "Softmax":
        return [imp.emit("softmax", [x], like=node)]
    top = imp.emit("reduce_max", [x], like=node, axes=last)
    below = imp.emit("sub", [x, top], like=node)
    powers = imp.emit("exp", [below], like=node)
    total = imp.emit("reduce_sum", [powers], like=node, axes=last)
    return [imp.emit("sub", [below, imp.emit("log", [total], like=node)], like=node)]


@handles("LayerNormalization")
def layer_norm(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = imp.shape(node.input[0])
    attrs = attributes(node)
    if int(attrs.get("axis", -1)) % len(shape) != len(shape) - 1:
        raise UnsupportedOp(f"{label(node)}: only over the last axis")
    given = [index for index in (1, 2) if index < len(node.input) and node.input[index]]
    folded = {index: _per_channel(imp, node, index, shape[-1:]) for index in given}
    late = given if None in folded.values() else []
    fill = {1: np.ones(shape[-1:], np.float32), 2: np.zeros(shape[-1:], np.float32)}
    affine = [
        name if not late and (name := folded.get(index)) else imp.array(fill[index], "unit")
        for index in (1, 2)
    ]
    eps = float(attrs.get("epsilon", 1e-5))
    result = imp.emit("layernorm", [node.input[0], *affine], like=node, eps=eps)
    for index in late:
        result = imp.emit({1: "mul", 2: "add"}[index], [result, node.input[index]], like=node)
    return [result]


def _per_channel(
    imp: Importer, node: onnx.NodeProto, index: int, shape: tuple[int, ...]
) -> str | None:
    """A constant input as one number a channel; None if it is absent or of another form."""
    name = node.input[index] if index < len(node.input) else ""
    array = imp.constant(name) if name else None
    if array is None or array.size not in (1, *shape) or array.shape[-1:] not in ((), (1,), shape):
        return None
    return imp.array(np.broadcast_to(array.reshape(-1), shape), name)
