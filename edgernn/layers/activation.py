"""Elementwise nonlinearities by name, and the gated linear unit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from edgernn.errors import ShapeError, UnknownName
from edgernn.layout import Layout, elementwise
from edgernn.state import State
from edgernn.streaming import Example, Streaming

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "silu": lambda x: x * torch.sigmoid(x),
    "hard_sigmoid": lambda x: (x * (1 / 6) + 0.5).clamp(0.0, 1.0),
    "hard_swish": lambda x: x * (x * (1 / 6) + 0.5).clamp(0.0, 1.0),
}


class Activation(Streaming):
    """y = f(x): relu, tanh, sigmoid, silu, hard_sigmoid or hard_swish.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: UnknownName for another f.
    """

    layout = elementwise()

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in ACTIVATIONS:
            raise UnknownName("activation", name, ACTIVATIONS)
        self.name = name

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return ACTIVATIONS[self.name](x), state

    def extra_repr(self) -> str:
        return self.name


class GLU(Streaming):
    """Gated linear unit: y = a * sigmoid(b), with a and b the halves of x.

    Shapes: x (B, T, 2 C) -> y (B, T, C); no state.
    Raises: ShapeError for an odd number of channels.
    Source: Dauphin et al. 2016, arXiv:1612.08083.
    """

    layout = Layout(input="2 h", output="h")

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if x.shape[-1] % 2:
            raise ShapeError(f"GLU: x has {x.shape[-1]} channels; need an even number")
        a, b = x.chunk(2, dim=-1)
        return a * torch.sigmoid(b), state


def _example(name: str) -> Example:
    return Example(lambda: Activation(name))


EXAMPLES = {**{name: _example(name) for name in ACTIVATIONS}, "glu": Example(GLU)}
