"""Reading a node of an ONNX model: its name for a person, attributes, inputs that must be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from edgernn.errors import UnsupportedOp

if TYPE_CHECKING:
    from edgernn.graph.onnx_import import Importer


def first_output(node: onnx.NodeProto) -> str:
    """The first output that the node makes; a recurrent one may leave out its sequence."""
    return next((name for name in node.output if name), "")


def label(node: onnx.NodeProto) -> str:
    """Operator and node, as every message names them."""
    return f"{node.op_type} ({node.name or first_output(node)})"


def layer(model: onnx.ModelProto, node: onnx.NodeProto) -> str:
    """The layer that a node is of, by the nearest weight with a module's name, or ""."""
    makers = {name: one for one in model.graph.node for name in one.output}
    weights = {tensor.name for tensor in model.graph.initializer}
    names, seen = [*node.input], set(node.input)
    for name in names:  # which grows, breadth first
        if name in weights and "." in name:
            return str(name).rpartition(".")[0]
        before = [one for one in (makers[name].input if name in makers else ()) if one not in seen]
        names += before
        seen.update(before)
    return ""


def place(model: onnx.ModelProto, node: onnx.NodeProto) -> str:
    """Operator, node and layer."""
    of = layer(model, node)
    return f"{label(node)} of {of}" if of else label(node)


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes that are written; text as bytes."""
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def text_attribute(node: onnx.NodeProto, name: str, default: str) -> str:
    """A text attribute as `str`."""
    return bytes(attributes(node).get(name, default.encode())).decode()


def constant_input(imp: Importer, node: onnx.NodeProto, index: int) -> Any:
    """Input `index` as a numpy array; None if absent. Refuses one known only at run time."""
    if index >= len(node.input) or not node.input[index]:
        return None
    value = imp.constant(node.input[index])
    if value is None:
        raise UnsupportedOp(f"{label(node)}: input {node.input[index]} must be constant")
    return value


def setting(imp: Importer, node: onnx.NodeProto, name: str, index: int) -> Any:
    """What old opsets keep in attribute `name` and new ones in constant input `index`."""
    given = attributes(node).get(name)
    return constant_input(imp, node, index) if given is None else given


def axes_of(imp: Importer, node: onnx.NodeProto, index: int) -> list[int] | None:
    """Axes from an attribute or a constant input, made non-negative; None for all."""
    axes = setting(imp, node, "axes", index)
    rank = len(imp.shape(node.input[0]))
    return None if axes is None else sorted(int(a) % rank for a in np.atleast_1d(axes))
