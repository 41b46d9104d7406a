"""How each plain op of a graph is written in LiteRT's operators, one function an op or a family."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.export.litert.flatbuffer import Writer
from edgernn.graph.ir import Graph, Node
from edgernn.graph.shapes import slices

VALID = 1  # of schema.Padding: none
SINGLE = {
    "neg": "NEG",
    "abs": "ABS",
    "relu": "RELU",
    "sigmoid": "LOGISTIC",
    "tanh": "TANH",
    "exp": "EXP",
    "log": "LOG",
    "sqrt": "SQRT",
    "round": "ROUND",  # half to even, as ours
    "floor": "FLOOR",
}
PAIR = {"maximum": "MAXIMUM", "minimum": "MINIMUM"}
FUSED = {"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div"}  # with options of their own
MASKS = {"greater": "GREATER", "greater_equal": "GREATER_EQUAL"}
REDUCTIONS = {"reduce_sum": "SUM", "reduce_max": "REDUCE_MAX"}
Handler = Callable[["Lowering", Node], None]
HANDLERS: dict[str, Handler] = {}


def handles(*ops: str) -> Callable[[Handler], Handler]:
    """Register a handler for these ops."""

    def register(function: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(ops, function))
        return function

    return register


@dataclass(frozen=True, slots=True)
class Product:
    """An operator whose weights may be rounded, by the names of tensors.

    read, made: the values of the graph that it takes and gives, which `source` and `result` hold.
    weight: the graph's constant.
    """

    kind: str
    source: str
    result: str
    read: str
    made: str
    weight: str


class Lowering:
    """A graph on its way into a writer."""

    def __init__(self, graph: Graph, writer: Writer) -> None:
        self.graph, self.writer = graph, writer
        self.tensors: dict[str, int] = {}
        self.constants: dict[tuple[bytes, tuple[int, ...], str], int] = {}
        self.products: list[Product] = []

    def run(self) -> None:
        """All nodes."""
        for node in self.graph.nodes:
            HANDLERS[node.op](self, node)

    def port(self, name: str, called: str = "") -> int:
        """A tensor of a value of the graph."""
        value = self.graph.values[name]
        index = self.writer.tensor(called or name, value.shape, value.dtype)
        self.tensors[name] = index
        return index

    def tensor(self, name: str) -> int:
        """The index of a value that is there, or of a constant as it is read first."""
        if name not in self.tensors:
            array = self.graph.constants[name]
            self.tensors[name] = self.constant(name, array)
        return self.tensors[name]

    def constant(self, name: str, array: Array) -> int:
        """One tensor for all that are equal, under the name of the first."""
        key = array.tobytes(), array.shape, array.dtype.name
        if key not in self.constants:
            self.constants[key] = self.writer.tensor(name, array.shape, array.dtype.name, array)
        return self.constants[key]

    def integers(self, name: str, values: Sequence[int]) -> int:
        """A constant vector of int32."""
        return self.constant(name, np.array(values, np.int32))

    def between(self, node: Node, what: str, shape: Sequence[int], dtype: str = "float32") -> int:
        """A tensor within what a node becomes."""
        return self.writer.tensor(f"{node.output}/{what}", shape, dtype)

    def name(self, index: int) -> str:
        """A tensor's."""
        return str(self.writer.graph.tensors[index].name)

    def inputs(self, node: Node) -> list[int]:
        return [self.tensor(name) for name in node.inputs]

    def shape(self, name: str) -> tuple[int, ...]:
        return self.graph.values[name].shape

    def write(
        self,
        kind: str,
        node: Node,
        inputs: Sequence[int],
        version: int = 1,
        options: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """The operator that makes the node's own output."""
        self.writer.operator(kind, inputs, [self.port(node.output)], version, options)

    def reshaped(self, source: int, node: Node, what: str, shape: Sequence[int]) -> int:
        """The same values in another shape."""
        made = self.between(node, what, shape)
        self.reshape(source, made, shape)
        return made

    def reshape(self, source: int, result: int, shape: Sequence[int]) -> None:
        to = self.integers(f"shape/{'x'.join(map(str, shape))}", shape)
        options = ("ReshapeOptions", {"newShape": [*shape]})
        self.writer.operator("RESHAPE", [source, to], [result], options=options)


@handles(*SINGLE)
def single(to: Lowering, node: Node) -> None:
    to.write(SINGLE[node.op], node, to.inputs(node))


@handles(*PAIR)
def pair(to: Lowering, node: Node) -> None:
    to.write(PAIR[node.op], node, to.inputs(node), options=("MaximumMinimumOptions", {}))


@handles(*FUSED)
def fused(to: Lowering, node: Node) -> None:
    name = FUSED[node.op]
    to.write(name.upper(), node, to.inputs(node), options=(f"{name}Options", {}))


@handles(*MASKS)
def mask(to: Lowering, node: Node) -> None:
    """A mask of ours is a float: 1 where it holds."""
    holds = to.between(node, "holds", to.shape(node.output), "bool")
    to.writer.operator(MASKS[node.op], to.inputs(node), [holds])
    to.write("CAST", node, [holds])


@handles("where")
def where(to: Lowering, node: Node) -> None:
    chosen, *values = to.inputs(node)
    holds = to.between(node, "holds", to.shape(node.inputs[0]), "bool")
    zero = to.constant(f"{node.output}/zero", np.zeros((), np.float32))
    to.writer.operator("NOT_EQUAL", [chosen, zero], [holds], options=("NotEqualOptions", {}))
    to.write("SELECT_V2", node, [holds, *values], options=("SelectV2Options", {}))


@handles("reshape")
def reshape(to: Lowering, node: Node) -> None:
    (source,) = to.inputs(node)
    to.reshape(source, to.port(node.output), to.shape(node.output))


@handles("transpose")
def transpose(to: Lowering, node: Node) -> None:
    axes = to.integers(f"{node.output}/perm", node.attrs["perm"])
    to.write("TRANSPOSE", node, [*to.inputs(node), axes], options=("TransposeOptions", {}))


@handles("slice")
def sliced(to: Lowering, node: Node) -> None:
    shape = to.shape(node.inputs[0])
    parts = [part.indices(n) for part, n in zip(slices(node.attrs), shape, strict=True)]
    columns = zip(*parts, strict=True)  # begins, ends, strides
    bounds = [to.integers(f"{node.output}/{k}", column) for k, column in enumerate(columns)]
    # a walk to the front ends before the first, which is no index: the mask says "to the end"
    mask = sum(1 << at for at, (_, end, step) in enumerate(parts) if step < 0 and end < 0)
    to.write(
        "STRIDED_SLICE",
        node,
        [*to.inputs(node), *bounds],
        options=("StridedSliceOptions", {"endMask": mask}),
    )


@handles("concat")
def concat(to: Lowering, node: Node) -> None:
    options = ("ConcatenationOptions", {"axis": node.attrs["axis"]})
    to.write("CONCATENATION", node, to.inputs(node), options=options)


@handles("expand")
def expand(to: Lowering, node: Node) -> None:
    shape = to.integers(f"{node.output}/shape", to.shape(node.output))
    to.write("BROADCAST_TO", node, [*to.inputs(node), shape], 2, ("BroadcastToOptions", {}))


@handles("gather")
def gather(to: Lowering, node: Node) -> None:
    to.write("GATHER", node, to.inputs(node), options=("GatherOptions", {"axis": 0}))


@handles(*REDUCTIONS)
def reduction(to: Lowering, node: Node) -> None:
    axes = to.integers(f"{node.output}/axes", node.attrs["axes"])
    options = ("ReducerOptions", {"keepDims": True})
    to.write(REDUCTIONS[node.op], node, [*to.inputs(node), axes], options=options)


@handles("softmax")
def softmax(to: Lowering, node: Node) -> None:
    to.write("SOFTMAX", node, to.inputs(node), options=("SoftmaxOptions", {"beta": 1.0}))


@handles("layernorm")
def layernorm(to: Lowering, node: Node) -> None:
    """There is no such operator: mean, variance, and a scale."""
    x, gain, bias = to.inputs(node)
    shape = to.shape(node.inputs[0])
    last = to.integers(f"{node.output}/axis", [len(shape) - 1])
    narrow = (*shape[:-1], 1)
    mean, variance, near = (to.between(node, what, narrow) for what in ("mean", "var", "var+eps"))
    root = to.between(node, "rsqrt", narrow)
    centred, squares, scaled, gained = (
        to.between(node, what, shape) for what in ("centred", "squares", "scaled", "gained")
    )
    eps = to.constant(f"{node.output}/eps", np.array(node.attrs["eps"], np.float32))
    keep = ("ReducerOptions", {"keepDims": True})
    write = to.writer.operator
    write("MEAN", [x, last], [mean], options=keep)
    write("SUB", [x, mean], [centred], options=("SubOptions", {}))
    write("MUL", [centred, centred], [squares], options=("MulOptions", {}))
    write("MEAN", [squares, last], [variance], options=keep)
    write("ADD", [variance, eps], [near], options=("AddOptions", {}))
    write("RSQRT", [near], [root])
    write("MUL", [centred, root], [scaled], options=("MulOptions", {}))
    write("MUL", [scaled, gain], [gained], options=("MulOptions", {}))
    to.write("ADD", node, [gained, bias], options=("AddOptions", {}))


@handles("linear")
def linear(to: Lowering, node: Node) -> None:
    _note(to, node, "FULLY_CONNECTED", node.inputs[0], node.output)
    options = ("FullyConnectedOptions", {"keepNumDims": True})
    x, weight = (to.tensor(name) for name in node.inputs[:2])
    to.write("FULLY_CONNECTED", node, [x, weight, _bias(to, node)], 5, options)


@handles("matmul")
def matmul(to: Lowering, node: Node) -> None:
    to.write("BATCH_MATMUL", node, to.inputs(node), options=("BatchMatMulOptions", {}))


@handles("conv1d")
def conv1d(to: Lowering, node: Node) -> None:
    """A picture of one row; a filter each channel where groups say so."""
    weight = to.graph.constants[node.inputs[1]]
    channels, groups = to.shape(node.inputs[0])[2], node.attrs["groups"]
    fields = {
        "padding": VALID,
        "strideW": node.attrs["stride"],
        "strideH": 1,
        "dilationWFactor": node.attrs["dilation"],
        "dilationHFactor": 1,
    }
    alone = groups == channels > 1
    array = weight[:, None].transpose(3, 1, 2, 0) if alone else weight[:, None]
    kernel = to.constant(f"{node.output}/filter", np.ascontiguousarray(array))
    shape = to.shape(node.output)
    row = to.reshaped(to.tensor(node.inputs[0]), node, "row", (1, *to.shape(node.inputs[0])))
    made = to.between(node, "made", (1, *shape))
    bias = _bias(to, node)
    if alone:
        fields["depthMultiplier"] = len(weight) // channels
        kind, name, version = "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions", 2
    else:
        kind, name, version = "CONV_2D", "Conv2DOptions", 1
    _note(to, node, kind, to.name(row), to.name(made))
    to.writer.operator(kind, [row, kernel, bias], [made], version, (name, fields))
    to.reshape(made, to.port(node.output), shape)


def _bias(to: Lowering, node: Node) -> int:
    """What it adds; zeros where it has none."""
    if len(node.inputs) > 2:
        return to.tensor(node.inputs[2])
    rows = to.shape(node.inputs[1])[0]
    return to.constant(f"{node.output}/bias", np.zeros(rows, np.float32))


def _note(to: Lowering, node: Node, kind: str, source: str, result: str) -> None:
    """Its weights may be rounded, if they are constants that no one keeps float."""
    name = node.inputs[1]
    if name in to.graph.constants and name not in to.graph.keep_float:
        to.products.append(Product(kind, source, result, node.inputs[0], node.output, name))
