"""Graph to loops and kernel calls: views instead of copies, elementwise chains as one loop."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edgernn.backend import Array
from edgernn.errors import UnsupportedOp
from edgernn.export.c.fuse import fuse
from edgernn.export.c.in_place import make_in_place
from edgernn.export.c.loops import Action, Call, Loop, Statement, View, copy_loop, views_written
from edgernn.export.c.products import PRODUCTS, listed, scaling
from edgernn.export.c.weights import Weights, c_number
from edgernn.graph.ir import ELEMENTWISE, Graph, Node, Value
from edgernn.graph.reference import hold_limit
from edgernn.graph.shapes import slices

GATHERS = {"float32": "gather_f32", "int16": "gather_s16", "int8": "gather_s8"}


@dataclass
class Lowered:
    """A step ready to be planned and printed."""

    graph: Graph
    actions: list[Action] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)
    buffers: dict[str, Value] = field(default_factory=dict)  # storage to plan
    homes: dict[str, str] = field(default_factory=dict)  # the caller's memory -> output it holds
    weights: Weights = field(default_factory=Weights)
    notes: list[str] = field(default_factory=list)  # what was fused


class Lowering:
    """Walks a graph; each node becomes views, loops or calls."""

    def __init__(self, graph: Graph, weights: Weights) -> None:
        self.graph = graph
        self.out = Lowered(graph, weights=weights)
        self.moves: dict[str, list[View]] = {}  # held value -> the lists of what has moved
        for name in (*graph.inputs, *(s.name for s in graph.states)):
            self.out.views[name] = View.whole(name, graph.values[name].shape)

    def storage(self, name: str, value: Value) -> View:
        """A fresh buffer for a value."""
        view = View.whole(name, value.shape)
        self.out.buffers[name] = value
        return view

    def view(self, name: str) -> View:
        """Where a value is; constants used elementwise become flash tables on demand."""
        if name not in self.out.views:
            array = self.graph.constants[name]
            self.out.views[name] = View.whole(self.out.weights.table(name, array), array.shape)
        return self.out.views[name]

    def copy(self, source: View, target: View, value: Value, label: str) -> None:
        """A loop that moves elements."""
        self.out.actions.append(copy_loop(source, target, value.dtype, label))

    def contiguous(self, name: str) -> View:
        """The value's view, copied if its elements do not lie in a row."""
        view = self.view(name)
        if view.contiguous:
            return view
        value = self.graph.values[name]
        packed = self.storage(f"{name}:packed", value)
        self.copy(view, packed, value, name)
        return packed

    def node(self, node: Node) -> None:
        op = node.op.removeprefix("q") if node.op.startswith("q") else node.op
        if node.op in PRODUCTS:
            PRODUCTS[node.op](self, node)
        elif node.op in ELEMENTWISE or (node.op.startswith("q") and op in ELEMENTWISE):
            self.elementwise(node)
        else:
            getattr(self, op)(node)

    def elementwise(self, node: Node) -> None:
        value = self.graph.values[node.output]
        loop = Loop(tuple(n for n in value.shape if n != 1), label=node.name)
        loop.statements.append(Statement(node.op, node.output, node.inputs, node.attrs))
        for name in node.inputs:
            if self.graph.constants.get(name, np.empty(2)).size != 1:
                view = self.view(name)
                loop.reads[name] = view.on(np.broadcast_to(view.cells, value.shape).squeeze())
        view = self.storage(node.output, value)
        self.out.views[node.output] = view
        loop.writes[node.output] = view.on(view.cells.squeeze())
        self.out.actions.append(loop)

    def reshape(self, node: Node) -> None:
        view, shape = self.view(node.inputs[0]), self.graph.values[node.output].shape
        try:
            cells = np.reshape(view.cells, shape, copy=False)
        except ValueError:
            view = self.contiguous(node.inputs[0])
            cells = view.cells.reshape(shape)
        self.out.views[node.output] = view.on(cells)

    def transpose(self, node: Node) -> None:
        view = self.view(node.inputs[0])
        self.out.views[node.output] = view.on(view.cells.transpose(node.attrs["perm"]))

    def slice(self, node: Node) -> None:
        view = self.view(node.inputs[0])
        self.out.views[node.output] = view.on(view.cells[slices(node.attrs)])

    def expand(self, node: Node) -> None:
        view = self.view(node.inputs[0])
        shape = self.graph.values[node.output].shape
        self.out.views[node.output] = view.on(np.broadcast_to(view.cells, shape))

    def concat(self, node: Node) -> None:
        value, axis = self.graph.values[node.output], node.attrs["axis"]
        whole = self.storage(node.output, value)
        self.out.views[node.output] = whole
        start = 0
        for name in node.inputs:
            part = self.graph.values[name]
            window = [slice(None)] * len(value.shape)
            window[axis] = slice(start, start + part.shape[axis])
            start += part.shape[axis]
            if part.size:
                self.copy(self.view(name), whole.on(whole.cells[tuple(window)]), part, name)

    def call(self, kernel: str, args: list[str | View], node: Node, **more: object) -> None:
        """A kernel call whose last view argument is the one it writes."""
        views = [a for a in args if isinstance(a, View)]
        made = Call(kernel, args, views[:-1], views[-1:], label=node.name)
        for key, item in more.items():
            setattr(made, key, item)
        self.out.actions.append(made)

    def kernel_call(self, kernel: str, args: list[str | View], node: Node, **more: object) -> None:
        """A call of a kernel that stands alone in its file."""
        self.out.weights.kernels.use(kernel)
        self.call(kernel, args, node, **more)

    def matmul(self, node: Node) -> None:
        a, b = (self.contiguous(name) for name in node.inputs)
        value = self.graph.values[node.output]
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        m, k, n = a.shape[-2], a.shape[-1], b.shape[-1]
        batch = value.size // (m * n)
        if {a.cells.size // (m * k), b.cells.size // (k * n)} - {1, batch}:
            raise UnsupportedOp(f"{node.name}: matmul of {a.shape} and {b.shape} broadcasts")
        many = {id(v): int(v.cells.size > size) for v, size in ((a, m * k), (b, k * n))}
        advance = {id(a): m * k * many[id(a)], id(b): k * n * many[id(b)], id(y): m * n}
        sizes = [str(m), str(k), str(n)]
        self.kernel_call("matmul_f32", [a, b, y, *sizes], node, repeat=batch, advance=advance)

    def reduce(self, node: Node, kernel: str) -> None:
        view, axes = self.view(node.inputs[0]), node.attrs["axes"]
        kept = [i for i in range(len(view.shape)) if i not in axes]
        turned = view.on(view.cells.transpose(*kept, *axes))
        value = self.graph.values[node.output]
        if not turned.contiguous:
            packed = self.storage(f"{node.output}:rows", Value(turned.shape, value.dtype))
            self.copy(turned, packed, value, node.inputs[0])
            turned = packed
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        count = view.cells.size // value.size
        self.kernel_call(kernel, [turned, y, str(value.size), str(count)], node)

    def reduce_sum(self, node: Node) -> None:
        self.reduce(node, "reduce_sum_f32")

    def reduce_max(self, node: Node) -> None:
        self.reduce(node, "reduce_max_f32")

    def softmax(self, node: Node) -> None:
        x = self.contiguous(node.inputs[0])
        value = self.graph.values[node.output]
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        width = value.shape[-1]
        sizes = [str(value.size // width), str(width)]
        self.kernel_call("softmax_f32", [x, y, *sizes], node)

    def hold(self, node: Node) -> None:
        """What is held of floats, with the list of what moved where a product reads it."""
        threshold, block = node.attrs["threshold"], node.attrs["block"]
        value = self.graph.values[node.output]
        width = value.shape[-1]
        limits = [np.float32(threshold)]
        if block > 1:
            limits = [hold_limit(threshold, count) for count in (block, width % block)]
        tail = [c_number(float(limit), "float32") for limit in limits]
        if node.attrs.get("listed"):
            listed(self, node, "f32", tail)
            return
        if block == 1:
            self.elementwise(node)
            return
        x, held = (self.contiguous(name) for name in node.inputs)
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        sizes = [str(value.size // width), str(width)]
        self.kernel_call("hold_blocks_f32", [x, held, y, *tail, *sizes], node)

    def layernorm(self, node: Node) -> None:
        x, gain, bias = (self.contiguous(name) for name in node.inputs)
        value = self.graph.values[node.output]
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        width = value.shape[-1]
        tail = [c_number(node.attrs["eps"], "float32"), str(value.size // width), str(width)]
        self.kernel_call("layernorm_f32", [x, gain, bias, y, *tail], node)

    def gather(self, node: Node) -> None:
        table = self.graph.constants.get(node.inputs[0])
        value = self.graph.values[node.output]
        if table is None or value.dtype not in GATHERS:
            raise UnsupportedOp(f"{node.name}: gather needs a constant table of reals")
        index = self.contiguous(node.inputs[1])
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        if node.op == "qgather":
            kernel, tables = self.integer_table(node, table)
        else:
            kernel = GATHERS[value.dtype]
            tables = [self.out.weights.table(node.inputs[0], table)]
        tail = [str(index.cells.size), str(table.shape[0]), str(table[0].size)]
        self.kernel_call(kernel, [*tables, index, y, *tail], node)

    def integer_table(self, node: Node, table: Array) -> tuple[str, list[str]]:
        """The kernel that looks up vectors of integers, and its arguments before the index."""
        bits, dtype = node.attrs["bits"], self.graph.values[node.output].dtype
        scales, *gain = (self.graph.constants[name] for name in node.inputs[2:])
        tables = self.out.weights.vectors(node.inputs[0], table, scales, bits, *gain)
        if dtype == "float32":
            return f"gather_s{bits}_f32", tables
        return f"gather_s{bits}_s16", [*tables, *scaling(node)]

    def finish(self) -> None:
        """Outputs reach the caller; new states are settled by `plan`."""
        graph = self.graph
        for name in graph.outputs:
            target = View.whole(f"output:{len(self.out.homes)}", graph.values[name].shape)
            self.out.homes[target.buffer] = name
            self.copy(self.view(name), target, graph.values[name], name)


def lower(graph: Graph, weights: Weights) -> Lowered:
    """The loops and calls of a graph. Raises: UnsupportedOp."""
    work = Lowering(graph, weights)
    for node in graph.nodes:
        work.node(node)
    work.finish()
    out = work.out
    news = {work.view(s.new).buffer for s in graph.states}
    out.notes = [f"placed: {note}" for note in make_in_place(out, news)]
    kept = {work.view(s.new).buffer for s in graph.states} | set(out.homes)
    out.actions, fused = fuse(out.actions, kept)
    out.notes += [f"fuse: {note}" for note in fused]
    written = {v.buffer for action in out.actions for v in views_written(action)}
    out.buffers = {name: value for name, value in out.buffers.items() if name in written}
    return out
