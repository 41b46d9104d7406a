"""Leaky units, each with a time constant that it learns."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.factored import product, read_weight, whole
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class LeakyState(NamedTuple):
    """What leaky units remember: their last output."""

    h: Tensor  # (B, H)


class LeakyRNN(Streaming):
    """Units that move a part 1 / tau of the way in a frame; none is connected with itself.

        h' = f((1 - 1 / tau) * h + (W x + (U - diag U) h + b) / tau),  f a leaky ReLU

    tau: each unit's, in frames, at least 1; they begin evenly between 1 and 2, the weights uniform
    within 1 / sqrt(their columns), as in the authors' code. slope: of f below 0, as there.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Khajehabdollahi et al. 2023, arXiv:2309.12927. Differs: one bias where the input and
        the recurrent product have one each; states begin at 0, not at random.
    """

    layout = Layout(
        {"weight_ih": ("h", "in"), "weight_hh": ("h", "h"), "bias": ("h",), "tau": ("h",)},
        kinds={"weight_ih": "input", "weight_hh": "recurrent"},
        sizes={"input_size": "in", "hidden_size": "h"},
        units=("h",),
        output="h",
    )

    def __init__(self, input_size: int, hidden_size: int, *, slope: float = 0.01) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.slope = input_size, hidden_size, slope
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        for weight in (self.weight_ih, self.weight_hh):
            nn.init.uniform_(weight, -(weight.shape[1] ** -0.5), weight.shape[1] ** -0.5)
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.tau = nn.Parameter(1 + torch.rand(hidden_size))

    def initial_state(self, batch: int) -> State:
        return LeakyState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        weight, rate = read_weight(self, "weight_hh"), 1 / self.tau.clamp_min(1.0)
        own_weight = torch.diagonal(whole([weight])[0])

        def frame(own: Tensor, state: LeakyState) -> tuple[Tensor, LeakyState]:
            others = product(state.h, weight) - own_weight * state.h
            h = F.leaky_relu(state.h + rate * (own + others - state.h), self.slope)
            return h, LeakyState(h)

        frames = projected_frames(x, read_weight(self, "weight_ih"), self.bias)
        return fold_frames(frame, frames, state)


EXAMPLES = {"default": Example(lambda: LeakyRNN(8, 6))}
