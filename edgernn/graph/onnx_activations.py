"""Activations of ONNX that are no plain op, made of plain ops.

`activation` also serves the recurrent operators, whose activations are named by an attribute.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import onnx

from edgernn.errors import UnsupportedOp
from edgernn.graph.onnx_node import attributes, label, text_attribute

if TYPE_CHECKING:
    from edgernn.graph.onnx_import import Importer

Alphas = tuple[float | None, float | None]  # alpha and beta; None for one that it has not
Activation = Callable[["Importer", onnx.NodeProto, str, Alphas], str]
ERF = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
ERF_P = 0.3275911  # Abramowitz and Stegun 7.1.26: |error| <= 1.5e-7
SELU = {"alpha": 1.6732632423543772, "gamma": 1.0507009873554805}  # the defaults of ONNX


class _Chain:
    """Plain ops in the words of a formula, all of one node."""

    def __init__(self, imp: Importer, node: onnx.NodeProto) -> None:
        self.imp, self.node = imp, node

    def __call__(self, op: str, *operands: str | float | None) -> str:
        names = [o if isinstance(o, str) else self.imp.literal(float(o or 0)) for o in operands]
        return self.imp.emit(op, names, like=self.node)


def _plain(op: str) -> Activation:
    return lambda imp, node, x, alphas: imp.emit(op, [x], like=node)


def _affine(imp: Importer, node: onnx.NodeProto, x: str, alphas: Alphas) -> str:
    f = _Chain(imp, node)
    return f("add", f("mul", x, alphas[0]), alphas[1])


def _hard_sigmoid(imp: Importer, node: onnx.NodeProto, x: str, alphas: Alphas) -> str:
    f = _Chain(imp, node)
    return f("minimum", f("maximum", _affine(imp, node, x, alphas), 0.0), 1.0)


def _leaky_relu(imp: Importer, node: onnx.NodeProto, x: str, alphas: Alphas) -> str:
    f = _Chain(imp, node)
    return f("add", f("relu", x), f("mul", f("minimum", x, 0.0), alphas[0]))


def _elu(imp: Importer, node: onnx.NodeProto, x: str, alphas: Alphas) -> str:
    f = _Chain(imp, node)
    below = f("sub", f("exp", f("minimum", x, 0.0)), 1.0)
    return f("add", f("relu", x), f("mul", below, alphas[0]))


def _softplus(imp: Importer, node: onnx.NodeProto, x: str, alphas: Alphas) -> str:
    f = _Chain(imp, node)
    small = f("exp", f("neg", f("abs", x)))  # at most 1, so that nothing overflows
    return f("add", f("relu", x), f("log", f("add", small, 1.0)))


def _softsign(imp: Importer, node: onnx.NodeProto, x: str, alphas: Alphas) -> str:
    f = _Chain(imp, node)
    return f("div", x, f("add", f("abs", x), 1.0))


ACTIVATIONS: dict[str, tuple[Activation, Alphas]] = {  # with the default alpha and beta
    "Sigmoid": (_plain("sigmoid"), (None, None)),
    "Tanh": (_plain("tanh"), (None, None)),
    "Relu": (_plain("relu"), (None, None)),
    "Affine": (_affine, (1.0, 0.0)),
    "HardSigmoid": (_hard_sigmoid, (0.2, 0.5)),
    "LeakyRelu": (_leaky_relu, (0.01, None)),
    "Elu": (_elu, (1.0, None)),
    "Softplus": (_softplus, (None, None)),
    "Softsign": (_softsign, (None, None)),
}


def activation(node: onnx.NodeProto, name: str) -> tuple[Activation, Alphas]:
    """An activation by ONNX's name, and its default alpha and beta. Raises: UnsupportedOp."""
    for known, found in ACTIVATIONS.items():
        if known.lower() == name.lower():
            return found
    raise UnsupportedOp(f"{label(node)}: no plain form of the activation {name}")


def named(imp: Importer, node: onnx.NodeProto) -> list[str]:
    """An operator that is one of ACTIVATIONS."""
    make, (alpha, beta) = activation(node, node.op_type)
    given = attributes(node)
    return [make(imp, node, node.input[0], (given.get("alpha", alpha), given.get("beta", beta)))]


def hard_swish(imp: Importer, node: onnx.NodeProto) -> list[str]:
    gate = _hard_sigmoid(imp, node, node.input[0], (1 / 6, 0.5))
    return [_Chain(imp, node)("mul", node.input[0], gate)]


def selu(imp: Importer, node: onnx.NodeProto) -> list[str]:
    alpha, gamma = (float(attributes(node).get(k, v)) for k, v in SELU.items())
    return [_Chain(imp, node)("mul", _elu(imp, node, node.input[0], (alpha, None)), gamma)]


def prelu(imp: Importer, node: onnx.NodeProto) -> list[str]:
    f, x = _Chain(imp, node), node.input[0]
    return [f("add", f("relu", x), f("mul", f("minimum", x, 0.0), node.input[1]))]


def _erf(imp: Importer, node: onnx.NodeProto, x: str) -> str:
    f = _Chain(imp, node)
    size = f("abs", x)
    t = f("div", 1.0, f("add", f("mul", size, ERF_P), 1.0))
    total = f("mul", t, ERF[-1])
    for factor in ERF[-2::-1]:
        total = f("mul", f("add", total, factor), t)
    above = f("sub", 1.0, f("mul", total, f("exp", f("neg", f("mul", x, x)))))
    return f("where", f("greater_equal", x, 0.0), above, f("neg", above))


def erf(imp: Importer, node: onnx.NodeProto) -> list[str]:
    return [_erf(imp, node, node.input[0])]


def gelu(imp: Importer, node: onnx.NodeProto) -> list[str]:
    f, x = _Chain(imp, node), node.input[0]
    if text_attribute(node, "approximate", "none") == "tanh":
        cube = f("mul", f("mul", f("mul", x, x), x), 0.044715)
        bent = f("tanh", f("mul", f("add", x, cube), float(np.sqrt(2 / np.pi))))
    else:
        bent = _erf(imp, node, f("mul", x, float(np.sqrt(0.5))))
    return [f("mul", f("mul", x, 0.5), f("add", bent, 1.0))]


ACTIVATION_HANDLERS = {
    **dict.fromkeys(("HardSigmoid", "LeakyRelu", "Elu", "Softplus", "Softsign"), named),
    "HardSwish": hard_swish,
    "Selu": selu,
    "PRelu": prelu,
    "Erf": erf,
    "Gelu": gelu,
}
