"""ParaLSTM: an LSTM whose units hear themselves alone, all frames solved at once by Newton."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.cells.paragru import begin_gates, diagonal
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.newton import Parts, recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class ParaLSTMState(NamedTuple):
    """What a ParaLSTM remembers: its cell and its last output."""

    c: Tensor  # (B, H)
    h: Tensor  # (B, H)


class ParaLSTM(Streaming):
    """LSTM with one gate to keep or take, and vectors u and p in the place of recurrent matrices.

        f = sigmoid(W_f x + b_f + u_f * h + p_f * c)
        c' = f * c + (1 - f) * tanh(W_n x + b_n + u_n * h)
        o = sigmoid(W_o x + b_o + u_o * h + p_o * c');  h' = o * tanh(c')

    Weights: `gates` gives the products, rows in the order f, o, n; `own` (3 H,) is u, `peepholes`
    (2 H,) is p of f and o. They begin as those of a `ParaGRU`, p as u.

    Shapes: x (B, T, I) -> y (B, T, H); state c and h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Danieli et al. 2025, arXiv:2510.21450. Differs: W is one product of all of x, not one
        a head.
    """

    layout = Layout(
        {"own": ("3 h",), "peepholes": ("2 h",)},
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
        self.peepholes = nn.Parameter(diagonal(2, hidden_size))
        begin_gates(self.gates.linear, hidden_size)

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.hidden_size)
        return ParaLSTMState(zeros, torch.zeros_like(zeros))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        (_, y), after = recur(self._cell, self.gates.step(x, ())[0], state)
        return y, ParaLSTMState(*after)

    def _cell(self, gates: Tensor, state: Parts) -> Parts:
        (c, h), n = state, self.hidden_size
        to_f, to_o, to_n = (gates + self.own * torch.cat([h, h, h], dim=-1)).chunk(3, dim=-1)
        f = torch.sigmoid(to_f + self.peepholes[:n] * c)
        new = torch.tanh(to_n)
        c = new + f * (c - new)
        o = torch.sigmoid(to_o + self.peepholes[n:] * c)
        return c, o * torch.tanh(c)


EXAMPLES = {"default": Example(lambda: ParaLSTM(8, 6))}
