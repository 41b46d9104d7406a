"""Comparisons, choices and booleans of ONNX as plain ops.

A boolean that is known only at run time is a mask: float32, 1 where it holds and 0 elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

from edgernn.errors import UnsupportedOp

if TYPE_CHECKING:
    from edgernn.graph.onnx_import import Importer

COMPARISONS = {  # operator -> op, and whether its operands change places
    "Greater": ("greater", False),
    "Less": ("greater", True),
    "GreaterOrEqual": ("greater_equal", False),
    "LessOrEqual": ("greater_equal", True),
}
LOGIC = {"And": "mul", "Or": "maximum"}  # of masks


def _where(node: onnx.NodeProto) -> str:
    return f"{node.op_type} ({node.name or node.output[0]})"


def _real(imp: Importer, node: onnx.NodeProto, name: str) -> str:
    """An operand as float32: constants are converted, masks are float already."""
    array = imp.constant(name)
    if array is not None and array.dtype != np.float32:
        made = imp.array(np.asarray(array, np.float32), name)
        imp.keep_float(made, name)
        return made
    dtype = imp.graph.values[imp.known(name)].dtype
    if dtype != "float32":
        raise UnsupportedOp(f"{_where(node)}: {name} is {dtype}; only float32 at run time")
    return name


def compare(imp: Importer, node: onnx.NodeProto) -> list[str]:
    op, turned = COMPARISONS[node.op_type]
    operands = [_real(imp, node, name) for name in node.input]
    return [imp.emit(op, operands[::-1] if turned else operands, like=node)]


def equal(imp: Importer, node: onnx.NodeProto) -> list[str]:
    a, b = (_real(imp, node, name) for name in node.input)
    both = [imp.emit("greater_equal", pair, like=node) for pair in ([a, b], [b, a])]
    return [imp.emit("mul", both, like=node)]


def logic(imp: Importer, node: onnx.NodeProto) -> list[str]:
    operands = [_real(imp, node, name) for name in node.input]
    if node.op_type == "Not":
        return [imp.emit("sub", [imp.literal(1.0), operands[0]], like=node)]
    return [imp.emit(LOGIC[node.op_type], operands, like=node)]


def where(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [imp.emit("where", [_real(imp, node, name) for name in node.input], like=node)]


def to_mask(imp: Importer, node: onnx.NodeProto) -> list[str]:
    """A cast to bool: whether a number is not zero (NaN is not)."""
    x = _real(imp, node, node.input[0])
    zero = imp.literal(0.0)
    size = imp.emit("abs", [x], like=node)
    is_zero = imp.emit("greater_equal", [zero, size], like=node)
    return [imp.emit("sub", [imp.literal(1.0), is_zero], like=node)]


LOGIC_HANDLERS = {
    **dict.fromkeys(COMPARISONS, compare),
    **dict.fromkeys(("And", "Or", "Not"), logic),
    "Equal": equal,
    "Where": where,
}
