"""ParaGRU: a GRU whose units hear themselves alone, all frames solved at once by Newton."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.newton import Parts, recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class ParaGRUState(NamedTuple):
    """What a ParaGRU remembers: its last output."""

    h: Tensor  # (B, H)


class ParaGRU(Streaming):
    """GRU with vectors u in the place of recurrent matrices; rows of its product are z, r, n.

        z = sigmoid(W_z x + b_z + u_z * h);  r = sigmoid(W_r x + b_r + u_r * h)
        h' = (1 - z) * h + z * tanh(W_n x + b_n + u_n * r * h)

    Weights: `gates` gives the products, `own` (3 H,) is u. u begins normal with deviation
    2 / sqrt(5 H), W uniform within sqrt(6 / (I + H)), b_z from 0 down to -1 over the units, other
    biases at 0.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Danieli et al. 2025, arXiv:2510.21450. Differs: W is one product of all of x, not one
        a head.
    """

    layout = Layout(
        {"own": ("3 h",)},
        sizes={"hidden_size": "h"},
        units=("h",),
        output="h",
        chain=("gates",),
        made="3 h",
    )
    parallel = "newton"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.gates = Linear(input_size, 3 * hidden_size)
        self.own = nn.Parameter(diagonal(3, hidden_size))
        begin_gates(self.gates.linear, hidden_size)

    def initial_state(self, batch: int) -> State:
        return ParaGRUState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (y,), after = recur(self._cell, self.gates.step(x, ())[0], state)
        return y, ParaGRUState(*after)

    def _cell(self, gates: Tensor, state: Parts) -> Parts:
        (h,), n = state, self.hidden_size
        past = gates[..., : 2 * n] + self.own[: 2 * n] * torch.cat([h, h], dim=-1)
        z, r = torch.sigmoid(past).chunk(2, dim=-1)
        new = torch.tanh(gates[..., 2 * n :] + self.own[2 * n :] * (r * h))
        return (h + z * (new - h),)


def diagonal(gates: int, hidden_size: int) -> Tensor:
    """How the weights begin that units have for themselves: (gates * H,)."""
    return torch.randn(gates * hidden_size) * 2 / math.sqrt(5 * hidden_size)


@torch.no_grad()
def begin_gates(products: nn.Linear, hidden_size: int) -> None:
    """How the products begin, whose first rows are of the gate that updates or forgets."""
    bound = math.sqrt(6 / (products.in_features + hidden_size))
    products.weight.uniform_(-bound, bound)
    products.bias.zero_()
    products.bias[:hidden_size] = -torch.linspace(0, 1, hidden_size)


EXAMPLES = {"default": Example(lambda: ParaGRU(8, 6))}
