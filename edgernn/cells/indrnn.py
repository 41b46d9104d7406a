"""IndRNN: each unit hears itself alone."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import join_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming

FUNCTIONS = {"relu": torch.relu, "tanh": torch.tanh}


class IndRNNState(NamedTuple):
    """What an IndRNN remembers: its last output."""

    h: Tensor  # (B, H)


class IndRNN(Streaming):
    """h' = f(W x + b + u * h), f relu or tanh.

    limit: of |u|, kept in every step. The paper's is 2^(1/T) for sequences of T frames; a stream
    has no last frame, so ours is 1. u begins uniform between 0 and the limit.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I or for a limit that is not above 0; UnknownName
        for another f.
    Source: Li et al. 2018, arXiv:1803.04831. Differs: u is clamped in the step, not after updates.
    """

    layout = Layout(
        {"own": ("h",)}, {}, {"hidden_size": "h"}, ("h",), output="h", chain=("input",), made="h"
    )

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: str = "relu",
        limit: float = 1.0,
    ) -> None:
        super().__init__()
        if nonlinearity not in FUNCTIONS:
            raise UnknownName("nonlinearity", nonlinearity, FUNCTIONS)
        if not limit > 0:
            raise ShapeError(f"IndRNN: a limit of {limit:g}; need one above 0")
        self.hidden_size, self.nonlinearity, self.limit = hidden_size, nonlinearity, limit
        self.input = Linear(input_size, hidden_size)
        self.own = nn.Parameter(torch.empty(hidden_size).uniform_(0, limit))

    def initial_state(self, batch: int) -> State:
        return IndRNNState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        f, own = FUNCTIONS[self.nonlinearity], self.own.clamp(-self.limit, self.limit)
        h, hs = state.h, []
        for new in split_frames(self.input.step(x, ())[0]):
            h = f(new + own * h)
            hs.append(h)
        return join_frames(hs), IndRNNState(h)


EXAMPLES = {
    "relu": Example(lambda: IndRNN(8, 6)),
    "tanh": Example(lambda: IndRNN(8, 6, nonlinearity="tanh")),
}
