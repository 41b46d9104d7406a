"""ONNX model in, graph of plain ops out.

Each ONNX operator is one function in `onnx_ops` or a file beside it. Whatever depends on constants
alone is computed here, so that shape arithmetic never reaches the passes. What cannot be held is
collected over the whole model, and refused in one line.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from edgernn.backend import Array
from edgernn.errors import EdgernnError, ModelError, ShapeError, UnsupportedOp
from edgernn.graph.ir import Graph, Node, StateEdge, Value
from edgernn.graph.onnx_node import attributes, first_output, label
from edgernn.graph.onnx_ops import HANDLERS
from edgernn.graph.shapes import result_shape
from edgernn.graph.step_graph import Port, StatePair, StepGraph

MOST_BYTES = 1 << 31  # of one tensor: offsets and counts in the C are of 32 bits
LEAST_OPSET = 9  # older operators mean other things under the same names
DOMAINS = ("", "ai.onnx")
RANDOM = ("Random", "Bernoulli", "Multinomial")  # would be folded into one constant draw
TARGET_SHAPE = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}  # by which input
WEIGHT_TYPES = (
    *("float32", "float64", "bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
)
SEQUENCES = ("Sequence", "SplitToSequence", "ConcatFromSequence", "Optional")


class Importer:
    """Grows a graph node by node; the handlers of `onnx_ops` call `emit` and `constant`."""

    def __init__(self, graph: Graph, opset: int) -> None:
        self.graph, self.opset = graph, opset
        self.alias: dict[str, str] = {}

    def constant(self, name: str) -> Array | None:
        """The value of an input if it is known now."""
        return self.graph.constants.get(self.known(name))

    def shape(self, name: str) -> tuple[int, ...]:
        return self.graph.values[self.known(name)].shape

    def emit(self, op: str, inputs: Sequence[str], *, like: onnx.NodeProto, **attrs: Any) -> str:
        """Append a node; gives the name of its output."""
        graph = self.graph
        names = tuple(self.known(name) for name in inputs)
        try:
            shape = result_shape(op, [graph.values[name].shape for name in names], attrs)
        except ShapeError as cause:
            raise ShapeError(f"{label(like)}: {cause}") from cause
        output = graph.fresh(first_output(like))
        graph.values[output] = checked_size(Value(shape, graph.values[names[0]].dtype), label(like))
        graph.nodes.append(Node(op, like.name or first_output(like), names, output, attrs))
        return output

    def literal(self, value: float, stem: str = "literal") -> str:
        return self.graph.add_constant(stem, np.array(value, np.float32))

    def array(self, value: Array, stem: str) -> str:
        """A constant derived from others; stays float if one of its sources does."""
        return self.graph.add_constant(stem, np.ascontiguousarray(value))

    def known(self, name: str) -> str:
        """The graph's name of a value."""
        return self.alias.get(name, name)

    def keep_float(self, derived: str, *sources: str) -> None:
        """Keep what is made of floats that are kept; a masked parameter is still a parameter."""
        names = [self.known(name) for name in sources]
        arrays = [n for n in names if self.graph.constants[n].dtype.kind == "f"]
        if arrays and self.graph.keep_float.issuperset(arrays):
            self.graph.keep_float |= {derived}

    def store(self, name: str, array: Array, where: str) -> None:
        """Keep a constant of the model. Raises: ModelError if it holds NaN or infinity."""
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            at = np.argwhere(~np.isfinite(array))[0].tolist()
            raise ModelError(f"{where}: holds {array[tuple(at)]} at {at}; all must be finite")
        self.graph.constants[name] = array
        self.graph.values[name] = Value(array.shape, array.dtype.name)


def checked_size(value: Value, where: str) -> Value:
    """The value itself. Raises: ShapeError if it is too large to be addressed."""
    nbytes = math.prod(value.shape) * np.dtype(value.dtype).itemsize
    if nbytes >= MOST_BYTES:
        raise ShapeError(
            f"{where}: shape {value.shape} takes {nbytes:,} bytes; a tensor may have "
            f"{MOST_BYTES - 1:,}"
        )
    return value


def type_name(data_type: int) -> str:
    """A tensor type as ONNX calls it: float, int64, bfloat16."""
    try:
        return str(onnx.TensorProto.DataType.Name(data_type)).lower()
    except ValueError:
        return f"of unknown type {data_type}"


def weight_array(tensor: onnx.TensorProto, *more_types: str) -> Array:
    """A stored tensor. Raises: ModelError for a type that we lack or damaged data."""
    where, kind = f"weight {tensor.name}", type_name(tensor.data_type)
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except (KeyError, ValueError, TypeError) as cause:
        raise ModelError(f"{where}: is {kind}, a type that we lack") from cause
    if dtype.name not in (*WEIGHT_TYPES, *more_types):
        raise ModelError(f"{where}: is {kind}, a type that we lack; convert it to float32")
    checked_size(Value(tuple(tensor.dims), dtype.name), where)
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except Exception as cause:  # onnx raises what numpy and struct raise
        raise ModelError(f"{where}: its data is damaged: {cause}") from cause


def _fold(node: onnx.NodeProto, importer: Importer) -> bool:
    """Compute a node whose inputs are all constants."""
    if node.op_type in ("Shape", "Size"):
        shape = importer.shape(node.input[0])
        given = attributes(node)
        part = np.array(shape[given.get("start", 0) : given.get("end", None)], np.int64)
        result = part if node.op_type == "Shape" else np.array(math.prod(shape), np.int64)
        importer.store(node.output[0], result, label(node))
        return True
    known = {name: importer.constant(name) for name in node.input if name}
    if node.op_type.startswith(RANDOM) or not onnx.defs.has(node.op_type):
        return False
    if any(value is None for value in known.values()):
        return False
    _check_target(node, known)
    names = [name for name in node.output if name]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "fold", [], []),
        opset_imports=[onnx.helper.make_opsetid("", importer.opset)],
    )
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    model.graph.input.extend(onnx.ValueInfoProto(name=name) for name in known)
    with np.errstate(all="ignore"):  # what is not finite is refused below
        results = ReferenceEvaluator(model).run(names, known)
    sizes = {name: value.size for name, value in known.items() if value is not None}
    for name, array in zip(names, map(np.asarray, results), strict=True):
        importer.store(name, array, label(node))
        importer.keep_float(name, *(n for n, size in sizes.items() if size > 1))
    return True


def _check_target(node: onnx.NodeProto, known: Mapping[str, Array | None]) -> None:
    """Refuse what would take too much memory before it is made."""
    if node.op_type in TARGET_SHAPE:
        sizes = known[node.input[TARGET_SHAPE[node.op_type]]]
        shape = tuple(int(n) for n in np.asarray(sizes).reshape(-1))
        if node.op_type == "Tile":
            shape += np.asarray(known[node.input[0]]).shape
        checked_size(Value(shape), label(node))
    elif node.op_type == "Range":
        start, limit, delta = (float(np.asarray(known[name])) for name in node.input)
        checked_size(Value((max(0, math.ceil((limit - start) / delta)),)), label(node))


def _has_graphs(node: onnx.NodeProto) -> bool:
    """Whether the node is control flow: If, Loop, Scan."""
    return any(a.type in (a.GRAPH, a.GRAPHS) for a in node.attribute)


class _Walk:
    """Takes the nodes of a model in order; collects what cannot be held, and why."""

    def __init__(self, model: onnx.ModelProto, importer: Importer) -> None:
        self.model, self.importer = model, importer
        self.unknown: list[str] = []
        self.control: list[str] = []
        self.refused: list[str] = []
        self.lost: set[str] = set()  # what comes after something that cannot be held
        self.inferred: dict[str, tuple[int, ...]] | None = None

    def take(self, node: onnx.NodeProto) -> None:
        where, values = label(node), self.importer.graph.values
        for name in node.input:
            if name and self.importer.known(name) not in values and name not in self.lost:
                raise ModelError(f"{where}: reads {name}, which nothing before it makes")
        try:
            if self._taken(node):
                return
        except UnsupportedOp as cause:
            self.refused.append(str(cause))
        except EdgernnError:
            raise
        except Exception as cause:  # numpy and onnx raise many classes for a malformed node
            raise ModelError(f"{where}: is malformed: {cause}") from cause
        self._lose(node)

    def _taken(self, node: onnx.NodeProto) -> bool:
        """Whether the node is in the graph now; if not, it is noted unless an earlier one was."""
        if _has_graphs(node) or node.op_type.startswith(SEQUENCES):
            self.control.append(label(node))
            return False
        if node.domain not in DOMAINS:
            self.unknown.append(f"{node.domain}.{label(node)}")
            return False
        after_lost = not self.lost.isdisjoint(node.input)
        if not after_lost and _fold(node, self.importer):
            return True
        if node.op_type not in HANDLERS:
            self.unknown.append(label(node))
        if after_lost or node.op_type not in HANDLERS:
            return False
        results = HANDLERS[node.op_type](self.importer, node)
        for name, result in zip(node.output, results, strict=False):
            if name:
                self.importer.alias[name] = result
        return True

    def _lose(self, node: onnx.NodeProto) -> None:
        """Go on with the shapes alone where onnx can tell them, so that more is found at once."""
        if self.inferred is None:
            self.inferred = _inferred_shapes(self.model)
        for name in filter(None, node.output):
            shape = self.inferred.get(name)
            if shape is None:
                self.lost.add(name)
            else:
                self.importer.graph.values[name] = Value(shape)

    def finish(self, name: str) -> None:
        """Raises: UnsupportedOp listing all that was found."""
        parts = []
        if self.unknown:
            parts.append(f"no plain form of {', '.join(self.unknown)}")
        if self.control:
            parts.append(
                f"control flow cannot be compiled, export the branch that runs: "
                f"{', '.join(self.control)}"
            )
        parts += self.refused
        if parts:
            raise UnsupportedOp(f"{name}: {'; '.join(parts)}")


def _inferred_shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Fixed shapes of values as onnx sees them; none where it cannot."""
    try:
        found = shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    except Exception:  # it is only a help in naming more than the first fault
        return {}
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in found}
    return {name: tuple(shape) for name, shape in shapes.items() if shape and all(shape)}


def import_model(
    name: str,
    model: onnx.ModelProto,
    ports: Iterable[Port | StatePair],
    keep_float: frozenset[str] = frozenset(),
) -> Importer:
    """A model's nodes as plain ops; `ports` are all its inputs.

    Raises: UnsupportedOp listing every operator we lack; ShapeError for a dynamic shape, or one
        that is too large; ModelError for weights of another type or not finite, and for a model
        that is no graph.
    """
    graph = Graph(name, [], [], [], [], {}, {}, keep_float)
    importer = Importer(graph, _opset(name, model))
    for tensor in model.graph.initializer:
        importer.store(tensor.name, weight_array(tensor), f"weight {tensor.name}")
    for port in ports:
        if any(n <= 0 for n in port.shape):
            raise ShapeError(f"{port.name}: shape {port.shape} is not fixed")
        value = checked_size(Value(port.shape, port.dtype), f"input {port.name}")
        graph.values[port.name] = value
    walk = _Walk(model, importer)
    for node in model.graph.node:
        walk.take(node)
    walk.finish(name)
    for made in model.graph.output:
        if importer.known(made.name) not in graph.values:
            raise ModelError(f"{name}: output {made.name} is made by no node")
    return importer


def _opset(name: str, model: onnx.ModelProto) -> int:
    versions = [o.version for o in model.opset_import if o.domain in DOMAINS]
    newest = onnx.defs.onnx_opset_version()
    if not versions or not LEAST_OPSET <= versions[0] <= newest:
        have = versions[0] if versions else "none"
        raise ModelError(
            f"{name}: is of opset {have}; {LEAST_OPSET} to {newest} can be read, so export it anew"
        )
    return int(versions[0])


def to_graph(step: StepGraph) -> Graph:
    """The plain-op graph of a captured step. Raises: as `import_model`."""
    importer = import_model(step.name, step.model, (*step.inputs, *step.states), step.keep_float)
    graph = importer.graph
    graph.inputs = [given.name for given in step.inputs]
    graph.outputs = [importer.known(made.name) for made in step.outputs]
    graph.states = [StateEdge(s.name, importer.known(s.out), s.initial()) for s in step.states]
    return graph
