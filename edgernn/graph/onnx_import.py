"""ONNX model in, graph of plain ops out.

Each ONNX operator is one function in `onnx_ops`. Whatever depends on constants alone is computed
here, so that shape arithmetic never reaches the passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from edgernn.backend import Array
from edgernn.errors import ShapeError, UnsupportedOp
from edgernn.graph.ir import Graph, Node, StateEdge, Value
from edgernn.graph.onnx_ops import HANDLERS
from edgernn.graph.shapes import result_shape
from edgernn.graph.step_graph import Port, StatePair, StepGraph


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
        shapes = [graph.values[name].shape for name in names]
        output = graph.fresh(like.output[0])
        graph.values[output] = Value(result_shape(op, shapes, attrs), graph.values[names[0]].dtype)
        graph.nodes.append(Node(op, like.name or like.output[0], names, output, attrs))
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


def _fold(node: onnx.NodeProto, importer: Importer) -> bool:
    """Compute a node whose inputs are all constants."""
    if node.op_type == "Shape":
        importer.graph.constants[node.output[0]] = np.array(importer.shape(node.input[0]), np.int64)
    else:
        known = {name: importer.constant(name) for name in node.input if name}
        if any(value is None for value in known.values()):
            return False
        model = onnx.helper.make_model(
            onnx.helper.make_graph([node], "fold", [], []),
            opset_imports=[onnx.helper.make_opsetid("", importer.opset)],
        )
        names = list(node.output)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        model.graph.input.extend(onnx.ValueInfoProto(name=name) for name in known)
        results = ReferenceEvaluator(model).run(names, known)
        importer.graph.constants.update(zip(names, map(np.asarray, results), strict=True))
    sizes = {n: value.size for n in node.input if (value := importer.constant(n)) is not None}
    for name in node.output:
        array = importer.graph.constants[name]
        importer.graph.values[name] = Value(array.shape, array.dtype.name)
        importer.keep_float(name, *(n for n, size in sizes.items() if size > 1))
    return True


def _check_supported(model: onnx.ModelProto) -> None:
    unknown = [n for n in model.graph.node if n.op_type not in HANDLERS and n.op_type != "Shape"]
    if unknown:
        names = ", ".join(f"{n.op_type} ({n.name or n.output[0]})" for n in unknown)
        raise UnsupportedOp(f"{model.graph.name}: no plain form of {names}")


def to_graph(step: StepGraph) -> Graph:
    """The plain-op graph of a captured step.

    Raises: UnsupportedOp listing every operator we lack; ShapeError for a dynamic shape.
    """
    model = step.model
    _check_supported(model)
    graph = Graph(step.name, [], [], [], [], {}, {}, step.keep_float)
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        graph.constants[tensor.name] = array
        graph.values[tensor.name] = Value(array.shape, array.dtype.name)
    ports: tuple[Port | StatePair, ...] = (*step.inputs, *step.states)
    for port in ports:
        if any(n <= 0 for n in port.shape):
            raise ShapeError(f"{port.name}: shape {port.shape} is not fixed")
        graph.values[port.name] = Value(port.shape, port.dtype)
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    importer = Importer(graph, opset)
    for node in model.graph.node:
        if not _fold(node, importer):
            results = HANDLERS[node.op_type](importer, node)
            for name, result in zip(node.output, results, strict=False):
                if name:
                    importer.alias[name] = result
    graph.inputs = [given.name for given in step.inputs]
    graph.outputs = [importer.alias.get(made.name, made.name) for made in step.outputs]
    graph.states = [
        StateEdge(s.name, importer.alias.get(s.out, s.out), s.initial()) for s in step.states
    ]
    return graph
