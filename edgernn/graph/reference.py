"""The reference run: what each op of a graph means, in numpy, one frame at a time.

Integer ops are exact: a C kernel that differs in one bit is wrong. Float ops are numpy's, so a
C kernel may differ from them in the last places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import Graph, Node, Value
from edgernn.graph.shapes import slices

COMPUTE = frozenset(
    ["linear", "conv1d", "matmul", "reduce_sum", "reduce_max", "gather", "softmax", "layernorm"]
)

DELTA = frozenset(["qhold", "delta_sum", "rescale", "tick", "delta_linear"])


def _windows(x: Array, node: Node, weight: Array) -> Array:
    """X (1, T, C) -> (T', groups, K * C/g) windows of a convolution over time."""
    kernel, stride, dilation = weight.shape[1], node.attrs["stride"], node.attrs["dilation"]
    frames = (x.shape[1] - (kernel - 1) * dilation - 1) // stride + 1
    starts = np.arange(frames)[:, None] * stride + np.arange(kernel)[None] * dilation
    groups = node.attrs["groups"]
    parts = x[0][starts].reshape(frames, kernel, groups, -1).transpose(0, 2, 1, 3)
    return np.asarray(parts.reshape(frames, groups, -1))


def _conv(x: Array, weight: Array, node: Node, dot: Callable[[Array, Array], Array]) -> Array:
    windows = _windows(x, node, weight)
    groups = windows.shape[1]
    rows = weight.reshape(groups, -1, windows.shape[2])
    parts = [dot(windows[:, g], rows[g]) for g in range(groups)]
    return np.concatenate(parts, axis=1)[None]


def _float(op: str, x: list[Array], node: Node) -> Array:
    if op == "relu":
        return np.maximum(x[0], np.float32(0))
    if op == "neg":
        return -x[0]
    if op == "sigmoid":
        return (1.0 / (1.0 + np.exp(-x[0].astype(np.float64)))).astype(np.float32)
    if op in ("abs", "tanh", "exp", "log", "sqrt", "floor", "round"):
        return np.asarray(getattr(np, "rint" if op == "round" else op)(x[0]))
    if op == "where":
        return np.where(x[0] != 0, x[1], x[2])
    if op == "hold":
        return _hold(x[0], x[1], node.attrs["threshold"], node.attrs["block"])
    names = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide"}
    return np.asarray(getattr(np, names.get(op, op))(x[0], x[1]), np.float32)


def hold_limit(threshold: float, count: int) -> np.float32:
    """What the sum of `count` squared differences is compared with."""
    return np.float32(count * float(np.float32(threshold)) ** 2)


def _hold(x: Array, held: Array, threshold: float, block: int) -> Array:
    moved = x - held
    if block == 1:
        return np.where(np.abs(moved) > np.float32(threshold), x, held)
    result = held.copy()
    for start in range(0, x.shape[-1], block):
        part = slice(start, min(start + block, x.shape[-1]))
        squares = [moved[..., k] * moved[..., k] for k in range(part.start, part.stop)]
        far = sum(squares[1:], squares[0]) > hold_limit(threshold, len(squares))
        result[..., part] = np.where(far[..., None], x[..., part], held[..., part])
    return result


def _compute(node: Node, x: list[Array]) -> Array:
    bias = x[2] if len(x) > 2 else np.float32(0)
    if node.op == "linear":
        with np.errstate(invalid="ignore"):  # a BLAS may flag what it read beyond a row and dropped
            return np.asarray(x[0] @ x[1].T + bias)
    if node.op == "conv1d":
        return np.asarray(_conv(x[0], x[1], node, lambda window, rows: window @ rows.T) + bias)
    if node.op == "matmul":
        return np.asarray(x[0] @ x[1])
    if node.op == "reduce_sum":
        return np.asarray(x[0].sum(axis=node.attrs["axes"], keepdims=True))
    if node.op == "reduce_max":
        return np.asarray(x[0].max(axis=node.attrs["axes"], keepdims=True))
    if node.op == "gather":
        return x[0][x[1]]
    if node.op == "layernorm":
        return _layernorm(x[0].astype(np.float64), x[1], x[2], node.attrs["eps"])
    assert node.op == "softmax", node.op
    shifted = np.exp(x[0] - x[0].max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _layernorm(x: Array, gain: Array, bias: Array, eps: float) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    var = (centred * centred).mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(var + eps) * gain + bias, np.float32)


def _move(node: Node, x: list[Array]) -> Array:
    if node.op == "reshape":
        return x[0].reshape(node.attrs["shape"])
    if node.op == "transpose":
        return x[0].transpose(node.attrs["perm"])
    if node.op == "slice":
        return x[0][slices(node.attrs)]
    if node.op == "expand":
        return np.broadcast_to(x[0], np.broadcast_shapes(x[0].shape, node.attrs["shape"]))
    return np.concatenate(x, axis=node.attrs["axis"])


def _integer(node: Node, x: list[Array], graph: Graph) -> Array:
    quants = [graph.values[name].quant for name in node.inputs]
    out = graph.values[node.output]
    if node.op == "qgather":
        return _looked_up(node, x, out)
    if node.op == "quantize":
        assert out.quant
        return fx.quantize(x[0], out.quant.scale, out.quant.zero_point, out.dtype)
    source = quants[0]
    assert source
    if node.op == "dequantize":
        return fx.dequantize(x[0], source.scale, source.zero_point)
    assert out.quant
    if node.op == "requantize":
        scaling = node.attrs["mult"], node.attrs["shift"], out.quant.zero_point, out.dtype
        return fx.requantize(x[0], *scaling, from_zero=source.zero_point)
    if node.op == "qlinear":
        acc = fx.accumulate(x[1], x[2], x[0], *x[4:])
        return fx.rescale(acc, x[3], node.attrs["lead"], node.attrs["shift"])
    if node.op == "qconv1d":
        acc = _conv(x[0], x[1], node, lambda w, rows: fx.accumulate(rows, 0, w, *x[4:])) + x[2]
        return fx.rescale(acc, x[3], node.attrs["lead"], node.attrs["shift"])
    if node.op in ("qsigmoid", "qtanh"):
        return np.asarray(getattr(fx, node.op[1:])(x[0], source.frac))
    if node.op in ("qround", "qfloor"):
        return fx.whole(node.op[1:], x[0], source.frac, out.quant.frac)
    if node.op in ("qrelu", "qneg"):
        value = np.maximum(x[0], 0) if node.op == "qrelu" else -x[0].astype(np.int64)
        return fx.saturate(fx.shift_right(value, source.frac - out.quant.frac), "int16")
    assert quants[1]
    fracs = (source.frac, quants[1].frac, out.quant.frac)
    return fx.binary(node.op[1:], x[0], x[1], fracs)


def _looked_up(node: Node, x: list[Array], out: Value) -> Array:
    """Rows of a table of integers as floats, or rescaled to 16 bits."""
    table, index, scale, *gain = x
    rows, of = fx.rows(table.reshape(len(table), -1), index, *gain), scale[index][..., None]
    if out.quant is None:
        made = rows.astype(np.float32) * of
    else:
        made = fx.rescale(rows, of, node.attrs["lead"], node.attrs["shift"])
    return made.reshape(out.shape)


def _delta(node: Node, x: list[Array], graph: Graph) -> Array:
    """The ops of a delta product; see passes/delta.py."""
    if node.op == "qhold":
        return fx.hold(x[0], x[1], *(node.attrs[key] for key in ("limit", "block", "last")))
    if node.op == "tick":
        return np.asarray((x[0] + 1) % node.attrs["period"], np.int32)
    if node.op == "delta_linear":
        return _running(x, node.attrs["period"])
    if node.op == "delta_sum":
        held, new, total, weight, *gain = x
        moved = (new.astype(np.int64) - held.astype(np.int64)).reshape(-1)
        return fx.accumulate(weight, total, moved, *gain).astype(np.int32)
    made = fx.rescale(x[0], x[1], node.attrs["lead"], node.attrs["shift"])
    return made.reshape(graph.values[node.output].shape)


def _running(x: list[Array], period: int) -> Array:
    """Running sums of floats, of which some rows are summed anew."""
    old, new, total, (age,), weight, bias = x
    held = new.reshape(-1)
    anew = weight @ held + bias
    with np.errstate(invalid="ignore", over="ignore"):  # what is infinite is mended in time
        moved = np.where(new == old, np.float32(0), new - old).reshape(-1)
        sums = total.reshape(-1) + weight @ moved
    begin, end = due_rows(int(age), len(weight), period)
    sums[begin:end] = anew[begin:end]
    return np.asarray(sums, np.float32).reshape(total.shape)


def due_unit(rows: int) -> int:
    """How many rows are summed anew together: 32 at least, and no more than an eighth of them.

    A power of two, so that the strips of every instruction set fit in; a target may not choose
    it, since what it is shows in the bits.
    """
    return next((unit for unit in (256, 128, 64) if 8 * unit <= rows), 32)


def due_rows(age: int, rows: int, period: int) -> tuple[int, int]:
    """First and last (exclusive) of the rows that are summed anew at an age below `period`."""
    unit = due_unit(rows)
    strips = -(-rows // unit)
    begin, end = (unit * (at * strips // period) for at in (age, age + 1))
    return begin, min(end, rows)


def evaluate(graph: Graph, node: Node, x: list[Array]) -> Array:
    """One node on given inputs."""
    if node.op in ("reshape", "transpose", "slice", "expand", "concat"):
        return _move(node, x)
    if node.op in DELTA:
        return _delta(node, x, graph)
    if node.op in ("quantize", "dequantize", "requantize") or node.op.startswith("q"):
        return _integer(node, x, graph)
    if node.op in COMPUTE:
        return _compute(node, x)
    return _float(node.op, x, node)


class Reference:
    """One live stream over a graph. `watch` sees every value of every step."""

    def __init__(self, graph: Graph, watch: Callable[[str, Array], None] | None = None) -> None:
        self.graph, self.watch = graph, watch
        self.leaves: dict[str, Array] = {}
        self.reset()

    def reset(self) -> None:
        """Back to the initial state."""
        self.leaves = {s.name: s.init.copy() for s in self.graph.states}

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """Run one chunk, advance the state, give the outputs by name."""
        env: dict[str, Array] = {**self.graph.constants, **self.leaves, **inputs}
        for node in self.graph.nodes:
            result = evaluate(self.graph, node, [env[name] for name in node.inputs])
            env[node.output] = result
            if self.watch:
                self.watch(node.output, result)
        if self.watch:
            for name in (*inputs, *self.leaves):
                self.watch(name, env[name])
        self.leaves = {s.name: env[s.new] for s in self.graph.states}
        return {name: env[name] for name in self.graph.outputs}

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name."""
        return {name: leaf.copy() for name, leaf in self.leaves.items()}

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves."""
        self.leaves = {name: np.array(leaves[name]) for name in self.leaves}
