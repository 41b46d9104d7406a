"""Sigmoid and tanh in a few bits, as the ramp converter of an analog crossbar gives them.

Such a converter compares what the crossbar has summed with a ramp that is bent, so that its code
counts how many of the function's levels lie below: function and conversion are one.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnknownName
from edgernn.state import State
from edgernn.streaming import Example, Streaming

FUNCTIONS = ("sigmoid", "tanh")
BITS = (2, 8)  # fewest, most


class GateFunctions(Protocol):
    """What a cell computes its gates with."""

    def sigmoid(self, x: Tensor) -> Tensor:
        """In [0, 1]; any shape."""

    def tanh(self, x: Tensor) -> Tensor:
        """In [-1, 1]; any shape."""


class Exact:
    """The functions themselves."""

    def sigmoid(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)


EXACT = Exact()


def check_ramp(name: str, bits: int, noise: float) -> None:
    """Raises: ShapeError for other bits than 2 to 8, or noise that is negative or not finite."""
    if not BITS[0] <= bits <= BITS[1]:
        raise ShapeError(f"{name}: {bits} bits; need {BITS[0]} to {BITS[1]}")
    if not 0 <= noise < float("inf"):
        raise ShapeError(f"{name}: noise {noise} must be finite and at least 0")


class RampFunctions(nn.Module):
    """Sigmoid and tanh at the levels of `bits` bits.

        sigmoid: k / (2^bits - 1), k = 0, 1, ...            2^bits levels
        tanh:    k / (2^(bits-1) - 1), k = ..., -1, 0, 1, ...   2^bits - 1 levels

    noise: in training, standard deviation of what is added before rounding, in levels. Gradients
    are those of the functions without rounding and noise.

    Source: Yang et al. 2025, arXiv:2411.18271. Differs: levels of tanh are symmetric around a
    zero of their own, so that a state at rest rests; one code is unused.
    """

    def __init__(self, bits: int, noise: float = 0.0) -> None:
        super().__init__()
        check_ramp("ramp", bits, noise)
        self.bits, self.noise = bits, noise

    def sigmoid(self, x: Tensor) -> Tensor:
        """In [0, 1]; any shape."""
        return self._at_levels(torch.sigmoid(x), 2**self.bits - 1, 0.0)

    def tanh(self, x: Tensor) -> Tensor:
        """In [-1, 1]; any shape."""
        return self._at_levels(torch.tanh(x), 2 ** (self.bits - 1) - 1, -1.0)

    def _at_levels(self, y: Tensor, steps: int, low: float) -> Tensor:
        if torch.compiler.is_exporting() or not torch.is_grad_enabled():
            return _rounded(y, steps)
        with torch.no_grad():
            noisy = y
            if self.training and self.noise:
                noisy = (y + torch.randn_like(y) * (self.noise / steps)).clamp(low, 1.0)
            rounded = _rounded(noisy, steps)
        return rounded + (y - y.detach())  # the value to the bit, the gradient of y

    def extra_repr(self) -> str:
        return f"{self.bits} bits, noise={self.noise}"


def _rounded(y: Tensor, steps: int) -> Tensor:
    return torch.round(y * steps) * (1 / steps)


class Ramp(Streaming):
    """y = f(x), sigmoid or tanh, at the levels of `RampFunctions`.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: UnknownName for another f, ShapeError for other bits than 2 to 8 or a negative noise.
    """

    def __init__(self, name: str, bits: int, noise: float = 0.0) -> None:
        super().__init__()
        if name not in FUNCTIONS:
            raise UnknownName("ramp", name, FUNCTIONS)
        self.name, self.functions = name, RampFunctions(bits, noise)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y: Tensor = getattr(self.functions, self.name)(x)
        return y, state


EXAMPLES = {
    "sigmoid": Example(lambda: Ramp("sigmoid", 5)),
    "tanh": Example(lambda: Ramp("tanh", 4)),
}
