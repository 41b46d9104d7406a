"""Graph to loops and kernel calls: views instead of copies, elementwise chains as one loop."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import as_strided

from edgernn.backend import Array
from edgernn.errors import UnsupportedOp
from edgernn.export.c.loops import Action, Call, Loop, Statement, View, views_read, views_written
from edgernn.export.c.weights import Weights
from edgernn.graph.ir import ELEMENTWISE, Graph, Node, Value
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


class _Lowering:
    def __init__(self, graph: Graph, weights: Weights) -> None:
        self.graph = graph
        self.out = Lowered(graph, weights=weights)
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
        name = f"{label}.copied"
        loop = Loop(target.shape, label=f"copy {label}")
        loop.statements.append(Statement("copy", name, ("source",), {"dtype": value.dtype}))
        loop.reads["source"], loop.writes[name] = source, target
        self.out.actions.append(loop)

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
        if node.op in ELEMENTWISE or (node.op.startswith("q") and op in ELEMENTWISE):
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
        self.out.weights.use(kernel)
        made = Call(kernel, args, views[:-1], views[-1:], label=node.name)
        for key, item in more.items():
            setattr(made, key, item)
        self.out.actions.append(made)

    def linear(self, node: Node) -> None:
        x = self.contiguous(node.inputs[0])
        y = self.storage(node.output, self.graph.values[node.output])
        self.out.views[node.output] = y
        weight = self.graph.constants[node.inputs[1]]
        frames = y.cells.size // weight.shape[0]
        self.matvec(node, weight, x, y, frames, weight.shape[1])

    def matvec(
        self, node: Node, weight: Array, x: View, y: View, frames: int, hop: int, group: int = 0
    ) -> None:
        """`frames` products of one matrix, the input advancing by `hop` elements.

        weight: the rows of this group, which write as many elements of every output frame.
        """
        rows = weight.shape[0]
        part = slice(group * rows, (group + 1) * rows)
        name = f"{node.inputs[1]}.group{group}" if group else node.inputs[1]
        constants, width = self.graph.constants, self.graph.values[node.output].shape[-1]
        repeat = {"repeat": frames, "advance": {id(x): hop, id(y): width}}
        if node.op.startswith("q"):
            start, mult = (constants[name][part] for name in node.inputs[2:4])
            packed, tail = self.out.weights.matvec_s8(name, weight, start, mult)
            args: list[str | View] = [*packed, *_scaling(node), x, y, *tail]
            self.call("matvec_s8", args, node, **repeat)
            return
        bias = np.zeros(rows, np.float32)
        if len(node.inputs) > 2:
            bias = constants[node.inputs[2]][part]
        kernel, packed, tail = self.out.weights.matvec_f32(name, weight, bias)
        self.call(kernel, [*packed, x, y, *tail], node, **repeat)

    def conv1d(self, node: Node) -> None:
        x = self.contiguous(node.inputs[0])
        value = self.graph.values[node.output]
        weight = self.graph.constants[node.inputs[1]]
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        out, kernel, depth = weight.shape
        groups, frames, channels = node.attrs["groups"], value.shape[1], x.shape[2]
        stride, dilation = node.attrs["stride"], node.attrs["dilation"]
        if depth == 1 and groups == out:
            args = self.depthwise_weights(node, weight[:, :, 0])
            tail = [str(channels), str(kernel), str(dilation * channels)]
            name = "depthwise_s8" if node.op.startswith("q") else "depthwise_f32"
            advance = {id(x): stride * channels, id(y): out}
            self.call(name, [*args, x, y, *tail], node, repeat=frames, advance=advance)
        elif dilation == 1 and groups == 1:
            self.matvec(node, weight.reshape(out, -1), x, y, frames, stride * channels)
        else:
            self.grouped(node, weight, x, y)

    def grouped(self, node: Node, weight: Array, x: View, y: View) -> None:
        """A convolution as one matrix a group, on windows copied into a row where they are not."""
        groups, frames = node.attrs["groups"], y.shape[1]
        out, kernel, depth = weight.shape
        rows, channels = out // groups, x.shape[2]
        shape = (frames, kernel, depth)
        steps = (node.attrs["stride"] * channels, node.attrs["dilation"] * channels, 1)
        value = Value((1, *shape), self.graph.values[node.inputs[0]].dtype)
        for g in range(groups):
            cells = as_strided(x.cells[0, :, g * depth :], shape, steps)
            window, hop = x.on(cells), steps[0]
            if kernel > 1:
                packed = self.storage(f"{node.output}:window{g}", value)
                target, hop = packed.on(packed.cells[0]), kernel * depth
                self.copy(window, target, value, node.inputs[0])
                window = target
            part = weight[g * rows : (g + 1) * rows].reshape(rows, -1)
            made = y.on(y.cells[:, :, g * rows : (g + 1) * rows])
            self.matvec(node, part, window, made, frames, hop, g)

    def depthwise_weights(self, node: Node, weight: Array) -> list[str | View]:
        constants, table = self.graph.constants, self.out.weights.table
        if node.op.startswith("q"):
            names = [table(n, constants[n]) for n in node.inputs[2:4]]
            return [table(node.inputs[1], weight), *names, *_scaling(node)]
        bias = np.zeros(len(weight), np.float32)
        if len(node.inputs) > 2:
            bias = constants[node.inputs[2]]
        return [table(node.inputs[1], weight), table(f"{node.inputs[1]}.bias", bias)]

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
        self.call("matmul_f32", [a, b, y, *sizes], node, repeat=batch, advance=advance)

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
        self.call(kernel, [turned, y, str(value.size), str(count)], node)

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
        self.call("softmax_f32", [x, y, *sizes], node)

    def gather(self, node: Node) -> None:
        table = self.graph.constants.get(node.inputs[0])
        value = self.graph.values[node.output]
        kernel = GATHERS.get(value.dtype)
        if table is None or kernel is None:
            raise UnsupportedOp(f"{node.name}: gather needs a constant table of reals")
        index = self.contiguous(node.inputs[1])
        y = self.storage(node.output, value)
        self.out.views[node.output] = y
        name = self.out.weights.table(node.inputs[0], table)
        count = int(np.prod(index.shape))
        tail = [str(count), str(table.shape[0]), str(table[0].size)]
        self.call(kernel, [name, index, y, *tail], node)

    def finish(self) -> None:
        """Outputs reach the caller; new states are settled by `plan`."""
        graph = self.graph
        for name in graph.outputs:
            target = View.whole(f"output:{len(self.out.homes)}", graph.values[name].shape)
            self.out.homes[target.buffer] = name
            self.copy(self.view(name), target, graph.values[name], name)


def _scaling(node: Node) -> list[str]:
    """The arguments `lead` and `shift` of an integer kernel."""
    return [str(node.attrs["lead"]), str(node.attrs["shift"])]


def _fuse(actions: list[Action], kept: set[str]) -> list[Action]:
    """Merge neighbouring loops of one shape; values used only inside become locals."""
    fused: list[Action] = []
    for action in actions:
        last = fused[-1] if fused else None
        if isinstance(action, Loop) and isinstance(last, Loop) and _can_join(last, action):
            _join(last, action)
        else:
            fused.append(action)
    for index, action in enumerate(fused):
        if isinstance(action, Loop):
            later = {v.buffer for other in fused[index + 1 :] for v in views_read(other)}
            action.writes = {
                name: view
                for name, view in action.writes.items()
                if view.buffer in later or view.buffer in kept
            }
    return fused


def _join(loop: Loop, following: Loop) -> None:
    """Append a loop's statements; what the first loop made is read from its locals."""
    made = {view.buffer: name for name, view in loop.writes.items()}
    for name, view in following.reads.items():
        if view.buffer not in made:
            loop.reads[name] = view
        elif name != made[view.buffer]:
            loop.aliases[name] = made[view.buffer]
    loop.statements += following.statements
    loop.writes.update(following.writes)


def _can_join(loop: Loop, following: Loop) -> bool:
    """Whether each element of `following` needs only the same element of `loop`."""
    if loop.shape != following.shape:
        return False
    if any(s.op == "copy" for s in (*loop.statements, *following.statements)):
        return False
    written = {view.buffer: view for view in loop.writes.values()}
    return all(
        view.buffer not in written or view.same_cells(written[view.buffer])
        for view in following.reads.values()
    )


def lower(graph: Graph, weights: Weights) -> Lowered:
    """The loops and calls of a graph. Raises: UnsupportedOp."""
    work = _Lowering(graph, weights)
    for node in graph.nodes:
        work.node(node)
    work.finish()
    out = work.out
    kept = {work.view(s.new).buffer for s in graph.states} | set(out.homes)
    out.actions = _fuse(out.actions, kept)
    written = {v.buffer for action in out.actions for v in views_written(action)}
    out.buffers = {name: value for name, value in out.buffers.items() if name in written}
    return out
