"""minLSTM: an LSTM whose gates and candidate read the input alone, so that it can be scanned."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.cells.mingru import above_zero
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming

LEAST = 1e-30  # of f + i, so that two gates that are shut divide by no zero


class MinLSTMState(NamedTuple):
    """What a minLSTM remembers: its last output."""

    h: Tensor  # (B, H)


class MinLSTM(Streaming):
    """Gates of the input alone; rows of its product in the order f, i, n.

        f = sigmoid(W_f x + b_f);  i = sigmoid(W_i x + b_i);  n = g(W_n x + b_n)
        h' = f / (f + i) * h + i / (f + i) * n

    positive: n by the g of `MinGRU`; without, g(v) = v.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Feng et al. 2024, arXiv:2410.01201. Differs: the scan is not in log space, for ours
        divides by nothing; h begins at 0.
    """

    layout = Layout(
        sizes={"hidden_size": "h"}, units=("h",), output="h", chain=("gates",), made="3 h"
    )
    parallel = "scan"

    def __init__(self, input_size: int, hidden_size: int, *, positive: bool = True) -> None:
        super().__init__()
        self.hidden_size, self.positive = hidden_size, positive
        self.gates = Linear(input_size, 3 * hidden_size)

    def initial_state(self, batch: int) -> State:
        return MinLSTMState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        forget, take, new = self.gates.step(x, ())[0].chunk(3, dim=-1)
        f, i, n = torch.sigmoid(forget), torch.sigmoid(take), new
        if self.positive:
            n = above_zero(new)
        both = (f + i).clamp_min(LEAST)
        y, h = recur(f / both, i / both * n, state.h)
        return y, MinLSTMState(h)


EXAMPLES = {
    "positive": Example(lambda: MinLSTM(8, 6)),
    "signed": Example(lambda: MinLSTM(8, 6, positive=False)),
}
