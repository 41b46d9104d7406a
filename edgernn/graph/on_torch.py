"""A step graph in torch: what each op means there, for many streams side by side, on any device.

The graph is written for one stream. It is mapped over streams and traced once for their number, so
that what runs is torch's own ops over all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F

from edgernn.errors import UnsupportedOp
from edgernn.graph.ir import Graph, Node
from edgernn.graph.reference import hold_limit
from edgernn.graph.shapes import slices

BatchedStep = Callable[..., tuple[Tensor, ...]]  # inputs, then states; outputs, then new states

ELEMENTWISE: Mapping[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "neg": torch.neg,
    "abs": torch.abs,
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "round": torch.round,
    "floor": torch.floor,
    "greater": lambda a, b: (a > b).float(),
    "greater_equal": lambda a, b: (a >= b).float(),
    "where": lambda mask, a, b: torch.where(mask != 0, a, b),
}


def _slice(x: Tensor, node: Node) -> Tensor:
    for axis, part in enumerate(slices(node.attrs)):
        places = range(x.shape[axis])[part]
        before = (slice(None),) * axis
        if places.step > 0:
            x = x[(*before, part)]
        else:  # torch has no slices that go backwards
            x = x[(*before, slice(places[-1], places[0] + 1, -places.step))].flip(axis)
    return x


def _conv1d(node: Node, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    how = {key: node.attrs[key] for key in ("stride", "dilation", "groups")}
    made = F.conv1d(x.transpose(1, 2), weight.transpose(1, 2), bias, **how)
    return made.transpose(1, 2)


def _gather(node: Node, table: Tensor, index: Tensor) -> Tensor:
    rows = F.embedding(index.long(), table.flatten(1))
    return rows.reshape(*index.shape, *table.shape[1:])


def _hold(node: Node, x: Tensor, held: Tensor) -> Tensor:
    block, channels = node.attrs["block"], x.shape[-1]
    squares = F.pad((x - held).square(), (0, -channels % block))
    moved = squares.reshape(*x.shape[:-1], -1, block).sum(-1)
    far = moved > float(hold_limit(node.attrs["threshold"], block))
    return torch.where(far.repeat_interleave(block, -1)[..., :channels], x, held)


NODES: Mapping[str, Callable[..., Tensor]] = {
    "linear": lambda node, x, weight, bias=None: F.linear(x, weight, bias),
    "conv1d": _conv1d,
    "matmul": lambda node, a, b: a @ b,
    "reduce_sum": lambda node, x: x.sum(node.attrs["axes"], keepdim=True),
    "reduce_max": lambda node, x: x.amax(node.attrs["axes"], keepdim=True),
    "gather": _gather,
    "softmax": lambda node, x: x.softmax(-1),
    "layernorm": lambda node, x, gain, bias: F.layer_norm(
        x, x.shape[-1:], gain, bias, node.attrs["eps"]
    ),
    "hold": _hold,
    "reshape": lambda node, x: x.reshape(node.attrs["shape"]),
    "transpose": lambda node, x: x.permute(node.attrs["perm"]),
    "slice": lambda node, x: _slice(x, node),
    "concat": lambda node, *x: torch.cat(x, node.attrs["axis"]),
    "expand": lambda node, x: x.expand(np.broadcast_shapes(x.shape, node.attrs["shape"])),
}


def batched_step(graph: Graph, streams: int, device: torch.device) -> BatchedStep:
    """The step of so many streams: (streams, ...) inputs and states in, outputs and states out.

    It was traced on contiguous tensors, and is to be given such.

    Raises: UnsupportedOp for a graph of integers, or with an op that reads by a computed place.
    """
    lacking = sorted({n.op for n in graph.nodes} - {*ELEMENTWISE, *NODES})
    if lacking:
        raise UnsupportedOp(f"{graph.name}: torch runs no {', '.join(lacking)} of a step graph")
    constants = {name: torch.tensor(each, device=device) for name, each in graph.constants.items()}
    names = [*graph.inputs, *(state.name for state in graph.states)]

    def one(*given: Tensor) -> tuple[Tensor, ...]:
        env = {**constants, **dict(zip(names, given, strict=True))}
        for node in graph.nodes:
            x = [env[name] for name in node.inputs]
            known = ELEMENTWISE.get(node.op)
            env[node.output] = known(*x) if known else NODES[node.op](node, *x)
        return tuple(env[name] for name in graph.results())

    first = [*first_inputs(graph, streams, device), *first_states(graph, streams, device)]
    with torch.no_grad():
        traced: Any = make_fx(torch.vmap(one))(*first)
    made: BatchedStep = traced
    return made


def first_inputs(graph: Graph, streams: int, device: torch.device) -> list[Tensor]:
    """Inputs of zeros, (streams, ...)."""
    values = [graph.values[name] for name in graph.inputs]
    return [
        torch.zeros(streams, *value.shape, dtype=getattr(torch, value.dtype), device=device)
        for value in values
    ]


def first_states(graph: Graph, streams: int, device: torch.device) -> list[Tensor]:
    """The states before the first frame, (streams, ...)."""
    states = [torch.tensor(state.init, device=device) for state in graph.states]
    return [state.expand(streams, *state.shape).clone() for state in states]
