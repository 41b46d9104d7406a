"""One function for each ONNX operator: how it becomes plain ops.

A handler takes the importer and the node and gives the names of the node's outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from edgernn.errors import UnsupportedOp
from edgernn.graph.onnx_logic import LOGIC_HANDLERS, to_mask

if TYPE_CHECKING:
    from edgernn.graph.onnx_import import Importer

Handler = Callable[["Importer", onnx.NodeProto], list[str]]
HANDLERS: dict[str, Handler] = dict(LOGIC_HANDLERS)


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Register a handler for these ONNX operators."""

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, function))
        return function

    return register


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _constant(imp: Importer, node: onnx.NodeProto, index: int) -> Any:
    """Input `index` as a numpy array; None if absent. Refuses one known only at run time."""
    if index >= len(node.input) or not node.input[index]:
        return None
    value = imp.constant(node.input[index])
    if value is None:
        where = f"{node.op_type} ({node.name or node.output[0]})"
        raise UnsupportedOp(f"{where}: input {node.input[index]} must be constant")
    return value


def _axes(imp: Importer, node: onnx.NodeProto, index: int) -> list[int] | None:
    """Axes from an attribute (old opsets) or a constant input, made non-negative."""
    axes = attributes(node).get("axes")
    if axes is None:
        axes = _constant(imp, node, index)
    rank = len(imp.shape(node.input[0]))
    return None if axes is None else sorted(int(a) % rank for a in np.atleast_1d(axes))


@handles("Neg", "Abs", "Relu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt")
def unary(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.emit(node.op_type.lower(), [node.input[0]], like=node)]


@handles("Add", "Sub", "Mul", "Div", "Max", "Min")
def binary(imp: Importer, node: onnx.NodeProto) -> list[str]:
    op = {"Max": "maximum", "Min": "minimum"}.get(node.op_type, node.op_type.lower())
    result = node.input[0]
    for other in node.input[1:]:
        result = imp.emit(op, [result, other], like=node)
    return [result]


@handles("Reciprocal")
def reciprocal(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.emit("div", [imp.literal(1.0), node.input[0]], like=node)]


@handles("Pow")
def power(imp: Importer, node: onnx.NodeProto) -> list[str]:
    exponent = float(_constant(imp, node, 1))
    if exponent == 2.0:
        return [imp.emit("mul", [node.input[0]] * 2, like=node)]
    if exponent == 0.5:
        return [imp.emit("sqrt", [node.input[0]], like=node)]
    raise UnsupportedOp(f"Pow ({node.name}): exponent {exponent}; 2 and 0.5 are supported")


@handles("Clip")
def clip(imp: Importer, node: onnx.NodeProto) -> list[str]:
    result = node.input[0]
    for index, op in ((1, "maximum"), (2, "minimum")):
        bound = _constant(imp, node, index)
        if bound is not None:
            result = imp.emit(op, [result, imp.literal(float(bound))], like=node)
    return [result]


@handles("Identity", "Dropout")
def identity(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.alias.get(node.input[0], node.input[0])]


@handles("Cast")
def cast(imp: Importer, node: onnx.NodeProto) -> list[str]:
    wanted = helper.tensor_dtype_to_np_dtype(attributes(node)["to"]).name
    have = imp.graph.values[imp.alias.get(node.input[0], node.input[0])].dtype
    if wanted == "bool" and have == "float32":
        return to_mask(imp, node)
    if wanted != have:
        raise UnsupportedOp(f"Cast ({node.name}): {have} to {wanted} at run time")
    return identity(imp, node)


@handles("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(imp: Importer, node: onnx.NodeProto) -> list[str]:
    old = imp.shape(node.input[0])
    if node.op_type == "Reshape":
        wanted = [int(n) for n in _constant(imp, node, 1)]
        wanted = [old[i] if n == 0 else n for i, n in enumerate(wanted)]
    elif node.op_type == "Flatten":
        axis = int(attributes(node).get("axis", 1))
        wanted = [int(np.prod(old[:axis])), int(np.prod(old[axis:]))]
    elif node.op_type == "Squeeze":
        axes = _axes(imp, node, 1)
        drop = [i for i, n in enumerate(old) if n == 1] if axes is None else axes
        wanted = [n for i, n in enumerate(old) if i not in drop]
    else:
        given = attributes(node).get("axes")
        axes_in = np.atleast_1d(given if given is not None else _constant(imp, node, 1))
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
    starts, ends, axes, steps = (_constant(imp, node, k) for k in range(1, 5))
    shape = imp.shape(node.input[0])
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    every = [(0, n, 1) for n in shape]
    for start, end, axis, stride in zip(starts, ends, axes, steps, strict=True):
        if stride < 1:
            raise UnsupportedOp(f"Slice ({node.name}): step {stride}; only forward slices")
        n = shape[int(axis)]
        every[int(axis)] = slice(int(start), int(end), int(stride)).indices(n)
    return [imp.emit("slice", [node.input[0]], like=node, bounds=tuple(every))]


@handles("Split")
def split(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = imp.shape(node.input[0])
    axis = int(attributes(node).get("axis", 0)) % len(shape)
    sizes = attributes(node).get("split")
    sizes = _constant(imp, node, 1) if sizes is None else sizes
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
    shape = tuple(int(n) for n in _constant(imp, node, 1))
    return [imp.emit("expand", [node.input[0]], like=node, shape=shape)]


@handles("Pad")
def pad(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = imp.shape(node.input[0])
    pads = np.asarray(_constant(imp, node, 1)).reshape(2, -1)
    fill = _constant(imp, node, 2)
    if attributes(node).get("mode", b"constant") != b"constant" or len(node.input) > 3:
        raise UnsupportedOp(f"Pad ({node.name}): only constant padding of all axes")
    result = node.input[0]
    for axis in range(len(shape)):
        before, after = int(pads[0, axis]), int(pads[1, axis])
        parts = [result]
        for count, at in ((before, 0), (after, len(parts) + 1)):
            if count:
                edge = list(imp.shape(result))
                edge[axis] = count
                value = np.float32(0 if fill is None else fill)
                parts.insert(at, imp.array(np.full(edge, value), "pad"))
        if len(parts) > 1:
            result = imp.emit("concat", parts, like=node, axis=axis)
    return [result]


@handles("Gather")
def gather(imp: Importer, node: onnx.NodeProto) -> list[str]:
    source, index = node.input[0], imp.constant(node.input[1])
    shape = imp.shape(source)
    axis = int(attributes(node).get("axis", 0)) % len(shape)
    if index is None:
        if axis != 0:
            raise UnsupportedOp(f"Gather ({node.name}): a run-time index on axis {axis}, not 0")
        return [imp.emit("gather", [source, node.input[1]], like=node)]
    flat = np.asarray(index).reshape(-1) % shape[axis]
    if not np.array_equal(flat, flat[0] + np.arange(len(flat))):
        raise UnsupportedOp(f"Gather ({node.name}): the constant index is not one range")
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
    weight = _constant(imp, node, 1)
    bias = _constant(imp, node, 2)
    if attrs.get("transA") or attrs.get("alpha", 1.0) != 1.0 or attrs.get("beta", 1.0) != 1.0:
        raise UnsupportedOp(f"Gemm ({node.name}): transA, alpha and beta are not supported")
    rows = weight if attrs.get("transB") else weight.T
    name = imp.array(rows, node.input[1])
    imp.keep_float(name, node.input[1])
    inputs = [node.input[0], name]
    if bias is not None:
        full = np.broadcast_to(np.asarray(bias).reshape(-1), (rows.shape[0],))
        inputs.append(imp.array(full, node.input[2]))
    return [imp.emit("linear", inputs, like=node)]


@handles("Conv")
def conv(imp: Importer, node: onnx.NodeProto) -> list[str]:
    attrs = attributes(node)
    weight = _constant(imp, node, 1)
    if weight.ndim != 3 or any(attrs.get("pads", ())):
        raise UnsupportedOp(f"Conv ({node.name}): only unpadded convolutions over one axis")
    name = imp.array(weight.transpose(0, 2, 1), node.input[1])  # (O, C/g, K) -> (O, K, C/g)
    imp.keep_float(name, node.input[1])
    inputs = [imp.emit("transpose", [node.input[0]], like=node, perm=(0, 2, 1)), name]
    if len(node.input) > 2 and node.input[2]:
        inputs.append(node.input[2])
    options = {key: int(attrs.get(f"{key}s", [1])[0]) for key in ("stride", "dilation")}
    y = imp.emit("conv1d", inputs, like=node, groups=int(attrs.get("group", 1)), **options)
    return [imp.emit("transpose", [y], like=node, perm=(0, 2, 1))]


@handles("BatchNormalization")
def batch_norm(imp: Importer, node: onnx.NodeProto) -> list[str]:
    gamma, beta, mean, var = (_constant(imp, node, k).astype(np.float64) for k in range(1, 5))
    scale = gamma / np.sqrt(var + attributes(node).get("epsilon", 1e-5))
    shape = (-1, *[1] * (len(imp.shape(node.input[0])) - 2))
    factor = imp.array(scale.astype(np.float32).reshape(shape), f"{node.input[1]}.scale")
    shift = (beta - mean * scale).astype(np.float32).reshape(shape)
    scaled = imp.emit("mul", [node.input[0], factor], like=node)
    return [imp.emit("add", [scaled, imp.array(shift, f"{node.input[2]}.shift")], like=node)]


@handles("ReduceSum", "ReduceMean", "ReduceMax")
def reduce(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = imp.shape(node.input[0])
    axes = _axes(imp, node, 1)
    axes = list(range(len(shape))) if axes is None else axes
    op = "reduce_max" if node.op_type == "ReduceMax" else "reduce_sum"
    result = imp.emit(op, [node.input[0]], like=node, axes=tuple(axes))
    if node.op_type == "ReduceMean":
        count = float(np.prod([shape[a] for a in axes]))
        result = imp.emit("mul", [result, imp.literal(1.0 / count)], like=node)
    if not attributes(node).get("keepdims", 1):
        kept = tuple(n for i, n in enumerate(shape) if i not in axes)
        result = imp.emit("reshape", [result], like=node, shape=kept)
    return [result]


@handles("Softmax")
def softmax(imp: Importer, node: onnx.NodeProto) -> list[str]:
    rank = len(imp.shape(node.input[0]))
    if int(attributes(node).get("axis", -1)) % rank != rank - 1:
        raise UnsupportedOp(f"Softmax ({node.name}): only over the last axis")
    return [imp.emit("softmax", [node.input[0]], like=node)]


@handles("LayerNormalization")
def layer_norm(imp: Importer, node: onnx.NodeProto) -> list[str]:
    shape = imp.shape(node.input[0])
    attrs = attributes(node)
    if int(attrs.get("axis", -1)) % len(shape) != len(shape) - 1:
        raise UnsupportedOp(f"LayerNormalization ({node.name}): only over the last axis")
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
