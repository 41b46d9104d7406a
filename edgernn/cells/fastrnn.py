"""FastRNN: an Elman network with a residual path of two learned scalars."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import UnknownName
from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming

FUNCTIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


class FastRNNState(NamedTuple):
    """What a FastRNN remembers: its last output."""

    h: Tensor  # (B, H)


class FastRNN(Streaming):
    """A residual of an Elman network, weighted by scalars.

        c = f(W x + U h + b);  h' = alpha c + beta h

    alpha and beta are sigmoids of what is stored, which begins at -3 and 3; the weights begin
    normal with a deviation of 0.1, the bias at 1, as in the authors' code.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I; UnknownName for an f but tanh, relu, sigmoid.
    Source: Kusupati et al. 2018, arXiv:1901.02358.
    """

    layout = Layout(
        {"weight_ih": ("h", "in"), "weight_hh": ("h", "h"), "bias": ("h",)},
        kinds={"weight_ih": "input", "weight_hh": "recurrent"},
        sizes={"input_size": "in", "hidden_size": "h"},
        units=("h",),
        output="h",
    )

    def __init__(self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh") -> None:
        super().__init__()
        if nonlinearity not in FUNCTIONS:
            raise UnknownName("nonlinearity", nonlinearity, FUNCTIONS)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.nonlinearity = nonlinearity
        self.weight_ih = nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        self.weight_hh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.bias = nn.Parameter(torch.ones(hidden_size))
        self.alpha, self.beta = (
            nn.Parameter(torch.full((1,), -3.0)),
            nn.Parameter(torch.tensor([3.0])),
        )

    def initial_state(self, batch: int) -> State:
        return FastRNNState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        f, weight = FUNCTIONS[self.nonlinearity], read_weight(self, "weight_hh")
        alpha, beta = torch.sigmoid(self.alpha), torch.sigmoid(self.beta)

        def frame(own: Tensor, state: FastRNNState) -> tuple[Tensor, FastRNNState]:
            h = alpha * f(own + product(state.h, weight)) + beta * state.h
            return h, FastRNNState(h)

        frames = projected_frames(x, read_weight(self, "weight_ih"), self.bias)
        return fold_frames(frame, frames, state)


EXAMPLES = {
    "tanh": Example(lambda: FastRNN(8, 6)),
    "relu": Example(lambda: FastRNN(8, 6, nonlinearity="relu")),
}
