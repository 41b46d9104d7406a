"""Random step models in ONNX, grown op by op: what the compiler must take without a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgernn.backend import Array
from edgernn.graph.reference import hold_limit
from edgernn.graph.step_graph import Port, StatePair, StepGraph
from edgernn.timing import Timing

Shape = tuple[int, ...]
LARGEST = 600  # elements of a value
WIDEST = 70  # rows or columns of a matrix
SMOOTH = ("Sigmoid", "Tanh")


@dataclass
class Grower:
    """One model. `exact`: only ops whose results do not depend on who computes them.

    integer: values that quantization will make integers, whose sigmoid is a table.
    """

    seed: int
    exact: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    shapes: dict[str, Shape] = field(default_factory=dict)
    states: list[StatePair] = field(default_factory=list)
    integer: set[str] = field(default_factory=set)
    fresh: int = 0

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self.frames = int(self.rng.integers(1, 4))
        self.shapes["x"] = (1, self.frames, int(self.rng.integers(1, 14)))
        self.flat = "x"  # the input as one row, once there is one

    def below(self, top: int, least: int = 1) -> int:
        return int(self.rng.integers(least, max(top, least) + 1))

    def pick(self, items: Any) -> Any:
        items = list(items)
        return items[int(self.rng.integers(len(items)))]

    def name(self, stem: str) -> str:
        self.fresh += 1
        return f"{stem}{self.fresh}"

    def weight(self, array: Array) -> str:
        name = self.name("w")
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def real(self, *shape: int, scale: float = 1.0) -> str:
        return self.weight((self.rng.standard_normal(shape) * scale).astype(np.float32))

    def op(self, kind: str, inputs: list[str], shape: Shape, **attrs: Any) -> str:
        name = self.name(kind.lower())
        self.nodes.append(helper.make_node(kind, inputs, [name], name=f"node_{name}", **attrs))
        self.shapes[name] = tuple(shape)
        if self.integer & set(inputs):
            self.integer.add(name)
        return name

    def value(self, fits: Callable[[Shape], bool] = lambda shape: True) -> str | None:
        """A recent value, or an old one, whose shape fits."""
        names = [name for name, shape in self.shapes.items() if fits(shape)]
        if not names:
            return None
        return names[-1] if self.rng.random() < 0.5 else str(self.pick(names))

    def state(self, shape: Shape) -> str:
        name = self.name("s")
        init = (self.rng.standard_normal(shape) / 2).astype(np.float32)
        started = init if self.rng.random() < 0.5 else None
        self.states.append(StatePair(name, f"new_{name}", shape, "float32", started))
        self.shapes[name] = shape
        return name

    def becomes(self, state: str, new: str) -> None:
        """What a state is in the next step; an Identity names it."""
        self.nodes.append(helper.make_node("Identity", [new], [f"new_{state}"]))

    # what may grow

    def matrix(self, rows: int, cols: int) -> Array:
        """A weight; one in three is mostly zeros, in blocks or scattered."""
        made = self.rng.standard_normal((rows, cols)) / np.sqrt(cols)
        kind = self.rng.random()
        if kind < 0.17:
            made *= self.rng.random((rows, cols)) < 0.1
        elif kind < 0.34:
            blocks = self.rng.random((-(-rows // 8), -(-cols // 4))) < 0.3
            made *= np.kron(blocks, np.ones((8, 4)))[:rows, :cols]
        return made.astype(np.float32)

    def product(self, x: str | None = None, rows: int = 0) -> str | None:
        x = x or self.value(lambda s: len(s) > 0 and prod(s[:-1]) <= 8)
        if x is None:
            return None
        shape = self.shapes[x]
        rows = rows or self.below(WIDEST if prod(shape[:-1]) == 1 else 12)
        w = self.weight(self.matrix(rows, shape[-1]).T)
        y = self.op("MatMul", [x, w], (*shape[:-1], rows))
        self.integer.add(y)
        if self.rng.random() < 0.6:
            y = self.op("Add", [y, self.real(rows)], self.shapes[y])
        return y

    def projections(self) -> str | None:
        """Several products of one input, as attention and cells make them."""
        x = self.value(lambda s: len(s) > 0 and prod(s[:-1]) <= 3)
        if x is None:
            return None
        rows = self.below(20)
        a, b, c = (self.product(x, rows) for _ in range(3))
        assert a is not None
        assert b is not None
        assert c is not None
        gate = self.op("Sigmoid", [a], self.shapes[a])
        return self.op("Add", [self.op("Mul", [gate, b], self.shapes[b]), c], self.shapes[c])

    def convolution(self) -> str | None:
        """Causal: the past is a state, and a window of past and present is convolved."""
        x = self.value(lambda s: len(s) == 3 and s[0] == 1 and s[2] <= 24)
        if x is None:
            return None
        _, frames, channels = self.shapes[x]
        kernel, dilation = self.below(5), self.below(3)
        past = (kernel - 1) * dilation
        window = x
        if past:
            s = self.state((1, past, channels))
            window = self.op("Concat", [s, x], (1, past + frames, channels), axis=1)
            self.becomes(s, self.cut(window, 1, frames, past + frames))
        divisors = [g for g in range(1, channels + 1) if channels % g == 0]
        groups = self.pick([1, channels, self.pick(divisors)])
        rows = groups * self.pick([1, 1, 2, 3])
        w = self.real(rows, channels // groups, kernel, scale=0.5)
        bias = [self.real(rows)] if self.rng.random() < 0.5 else []
        t = self.op("Transpose", [window], (1, channels, past + frames), perm=[0, 2, 1])
        kinds = {"group": groups, "dilations": [dilation], "kernel_shape": [kernel]}
        y = self.op("Conv", [t, w, *bias], (1, rows, frames), **kinds)
        self.integer.add(y)
        return self.op("Transpose", [y], (1, frames, rows), perm=[0, 2, 1])

    def cut(self, x: str, axis: int, start: int, end: int, step: int = 1) -> str:
        shape = list(self.shapes[x])
        shape[axis] = len(range(start, end, step))
        numbers = [self.weight(np.array([n], np.int64)) for n in (start, end, axis, step)]
        return self.op("Slice", [x, *numbers], tuple(shape))

    def recurrence(self) -> str | None:
        """h' = z h + (1 - z) tanh(W x + U h), the gates cut from one product."""
        x = self.value(lambda s: len(s) == 2 and s[0] == 1)
        if x is None:
            return None
        n = self.below(24)
        h = self.state((1, n))
        a, b = self.product(x, 2 * n), self.product(h, 2 * n)
        assert a is not None
        assert b is not None
        total = self.op("Add", [a, b], (1, 2 * n))
        z = self.op("Sigmoid", [self.cut(total, 1, 0, n)], (1, n))
        c = self.op("Tanh", [self.cut(total, 1, n, 2 * n)], (1, n))
        moved = self.op("Mul", [self.op("Sub", [c, h], (1, n)), z], (1, n))
        new = self.op("Add", [h, moved], (1, n))
        self.becomes(h, new)
        return new

    def held(self) -> str | None:
        """A product of what repeats its last value until its input moves.

        A threshold is a cliff, so the input must not depend on who computes it.
        """
        x = self.value(lambda s: len(s) == 2 and s[0] == 1) if self.exact else self.flat
        if x is None:
            return None
        shape = self.shapes[x]
        h = self.state(shape)
        known = set(self.shapes)
        d = self.op("Sub", [x, h], shape)
        if self.rng.random() < 0.5:
            size = self.op("Abs", [d], shape)
            moved = self.op("Greater", [size, self.weight(np.float32(0.4).reshape(()))], shape)
        else:
            moved = self.moved_blocks(d, shape[1])
        for inner in set(self.shapes) - known:
            del self.shapes[inner]  # a mask is no number, and a difference may be a cliff's edge
        now = self.op("Where", [moved, x, h], shape)
        self.becomes(h, now)
        return self.product(now)

    def moved_blocks(self, d: str, cols: int) -> str:
        """The mask of blocks of 4 whose differences (1, cols) are large; the last may be short."""
        blocks = -(-cols // 4)
        sizes = np.full((blocks, 1), 4.0)
        squares = self.op("Mul", [d, d], (1, cols))
        if cols % 4:
            sizes[-1] = cols % 4
            zeros = self.weight(np.zeros((1, -cols % 4), np.float32))
            squares = self.op("Concat", [squares, zeros], (1, 4 * blocks), axis=1)
        shape = (1, blocks, 4)
        by_block = self.op("Reshape", [squares, self.weight(np.array(shape))], shape)
        axis = self.weight(np.array([2], np.int64))
        sums = self.op("ReduceSum", [by_block, axis], (1, blocks, 1), keepdims=1)
        limits = self.weight(hold_limits(0.4, sizes))
        far = self.op("Greater", [sums, limits], (1, blocks, 1))
        spread = self.op("Expand", [far, self.weight(np.array(shape))], shape)
        mask = self.op("Reshape", [spread, self.weight(np.array([1, 4 * blocks]))], (1, 4 * blocks))
        return self.cut(mask, 1, 0, cols) if cols % 4 else mask

    def swap(self) -> str | None:
        """Two states that change places, one of them changed on the way, and a delay."""
        x = self.value(lambda s: 0 < prod(s) <= 60)
        if x is None:
            return None
        shape = self.shapes[x]
        p, q, late = self.state(shape), self.state(shape), self.state(shape)
        self.becomes(p, q)
        self.becomes(q, p if self.rng.random() < 0.5 else self.op("Neg", [p], shape))
        self.becomes(late, p if self.rng.random() < 0.5 else x)
        y = self.op("Max", [self.op("Add", [p, x], shape), late], shape)
        return self.op("Sub", [y, q], shape)

    def unary(self) -> str | None:
        x = self.value()
        assert x
        kinds = ["Relu", "Neg", "Abs"]
        if not self.exact or x in self.integer:
            kinds += [*SMOOTH, *SMOOTH]
        kind = self.pick(kinds)
        y = self.op(kind, [x], self.shapes[x])
        if kind == "Abs":  # has no integer twin
            self.integer.discard(y)
        if not self.exact and self.rng.random() < 0.4:
            safe = self.op(
                "Add", [self.op("Abs", [y], self.shapes[y]), self.real1()], self.shapes[y]
            )
            y = self.op(self.pick(["Sqrt", "Log", "Reciprocal"]), [safe], self.shapes[y])
        return y

    def real1(self) -> str:
        return self.weight(np.float32(0.5 + self.rng.random()).reshape(()))

    def binary(self) -> str | None:
        x = self.value()
        assert x
        shape = self.shapes[x]
        other = self.value(lambda s: _broadcasts(s, shape)) if self.rng.random() < 0.6 else None
        if other is None:
            kept = self.below(len(shape), 0)
            given = tuple(n if self.rng.random() < 0.7 else 1 for n in shape[len(shape) - kept :])
            other = self.real(*given)
        kind = self.pick(["Add", "Sub", "Mul", "Max", "Min"])
        made = np.broadcast_shapes(shape, self.shapes.get(other, shape))
        pair = [x, other] if self.rng.random() < 0.5 else [other, x]
        return self.op(kind, pair, made) if prod(made) <= LARGEST else None

    def move(self) -> str | None:
        """A slice, a transpose or a reshape."""
        x = self.value(lambda s: prod(s) > 1)
        if x is None:
            return None
        shape, kind = self.shapes[x], self.rng.random()
        if kind < 0.4:
            axis = self.pick([i for i, n in enumerate(shape) if n > 1])
            start = self.below(shape[axis] - 1, 0)
            end = self.below(shape[axis], start + 1)
            return self.cut(x, axis, start, end, self.below(2))
        if kind < 0.6 and len(shape) > 1:
            perm = [int(i) for i in self.rng.permutation(len(shape))]
            return self.op("Transpose", [x], tuple(shape[i] for i in perm), perm=perm)
        size = prod(shape)
        rows = self.pick([n for n in range(1, size + 1) if size % n == 0])
        wanted = self.pick([(1, size), (rows, size // rows), (1, rows, size // rows)])
        return self.op("Reshape", [x, self.weight(np.array(wanted, np.int64))], wanted)

    def join(self) -> str | None:
        x = self.value(lambda s: len(s) > 0)
        if x is None:
            return None
        shape = self.shapes[x]
        axis = self.below(len(shape) - 1, 0)

        def fits(s: Shape) -> bool:
            return (
                len(s) == len(shape)
                and s[:axis] + s[axis + 1 :] == shape[:axis] + shape[axis + 1 :]
            )

        parts = [x, *(str(self.value(fits)) for _ in range(self.below(2)))]
        made = list(shape)
        made[axis] = sum(self.shapes[p][axis] for p in parts)
        return self.op("Concat", parts, tuple(made), axis=axis) if prod(made) <= LARGEST else None

    def reduction(self) -> str | None:
        x = self.value(lambda s: prod(s) > 1 and len(s) > 0)
        if x is None:
            return None
        shape = self.shapes[x]
        if not self.exact and self.rng.random() < 0.4:
            return self.op("Softmax", [x], shape, axis=-1)
        axis = self.below(len(shape) - 1, 0)
        kind = "ReduceMax" if self.exact else self.pick(["ReduceMax", "ReduceMean", "ReduceSum"])
        kept = bool(self.rng.random() < 0.7)
        made = tuple(1 if i == axis else n for i, n in enumerate(shape) if kept or i != axis)
        axes = self.weight(np.array([axis], np.int64))
        y = self.op(kind, [x, axes], made, keepdims=int(kept))
        self.integer.discard(y)
        return y

    def grown(self) -> StepGraph:
        """A model of some dozen ops; its output holds every value that nothing else reads."""
        ways = [self.product, self.projections, self.convolution, self.recurrence, self.swap]
        ways += [self.unary, self.binary, self.move, self.join, self.reduction, self.held]
        shares = np.array([2, 1, 2, 2, 1, 3, 3, 3, 2, 1, 1], float)
        size = prod(self.shapes["x"])
        self.flat = self.op("Reshape", ["x", self.weight(np.array([1, -1]))], (1, size))
        for _ in range(self.below(22, 6)):
            ways[int(self.rng.choice(len(ways), p=shares / shares.sum()))]()
        read = {name for node in self.nodes for name in node.input}
        ends = [name for name in self.shapes if name not in read]
        flats = []
        for name in ends:
            size = prod(self.shapes[name])
            flats.append(self.op("Reshape", [name, self.weight(np.array([size]))], (size,)))
        total = sum(prod(self.shapes[name]) for name in flats)
        self.nodes.append(helper.make_node("Concat", flats, ["y"], axis=0))
        return self._step(total)

    def _step(self, total: int) -> StepGraph:
        def info(name: str, shape: Shape) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        x = self.shapes["x"]
        inputs = [info("x", x), *(info(s.name, s.shape) for s in self.states)]
        outputs = [info("y", (total,)), *(info(s.out, s.shape) for s in self.states)]
        name = f"random{self.seed}"
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        onnx.checker.check_model(model, full_check=True)
        ports = (Port("x", x, "float32"),), (Port("y", (total,), "float32"),)
        return StepGraph(name, model, *ports, tuple(self.states), Timing(block=self.frames))


def hold_limits(threshold: float, sizes: Array) -> Array:
    """What sums of so many squares are compared with."""
    return np.vectorize(lambda n: hold_limit(threshold, n), otypes=[np.float32])(sizes)


def _broadcasts(small: Shape, large: Shape) -> bool:
    try:
        return prod(np.broadcast_shapes(small, large)) <= LARGEST
    except ValueError:
        return False


def random_step(seed: int, *, exact: bool) -> StepGraph:
    """The model of a seed. exact: see `Grower`."""
    return Grower(seed, exact).grown()
