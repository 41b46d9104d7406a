"""minGRU: a GRU whose gate and candidate read the input alone, so that it can be scanned."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class MinGRUState(NamedTuple):
    """What a minGRU remembers: its last output."""

    h: Tensor  # (B, H)


class MinGRU(Streaming):
    """Gates of the input alone; rows of its product in the order z, n.

        z = sigmoid(W_z x + b_z);  n = g(W_n x + b_n);  h' = (1 - z) * h + z * n
        g(v) = v + 1/2 from 0 on, sigmoid(v) below

    positive: with g, which keeps h above 0 as the paper's log-space form needs; without, g(v) = v.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Feng et al. 2024, arXiv:2410.01201. Differs: the scan is not in log space, for ours
        divides by nothing; h begins at 0.
    """

    layout = Layout(
        sizes={"hidden_size": "h"}, units=("h",), output="h", chain=("gates",), made="2 h"
    )
    parallel = "scan"

    def __init__(self, input_size: int, hidden_size: int, *, positive: bool = True) -> None:
        super().__init__()
        self.hidden_size, self.positive = hidden_size, positive
        self.gates = Linear(input_size, 2 * hidden_size)

    def initial_state(self, batch: int) -> State:
        return MinGRUState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        gate, new = self.gates.step(x, ())[0].chunk(2, dim=-1)
        z, n = torch.sigmoid(gate), above_zero(new) if self.positive else new
        y, h = recur(1 - z, z * n, state.h)
        return y, MinGRUState(h)


def above_zero(v: Tensor) -> Tensor:
    """The paper's g: v + 1/2 from 0 on, sigmoid(v) below; continuous, and never negative."""
    return torch.relu(v) + torch.sigmoid(-torch.relu(-v))


EXAMPLES = {
    "positive": Example(lambda: MinGRU(8, 6)),
    "signed": Example(lambda: MinGRU(8, 6, positive=False)),
}
