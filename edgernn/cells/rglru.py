"""RG-LRU, the recurrence of Griffin: each channel fades at a rate that the input turns down."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming

POWER = 8.0  # c of the paper
LEAST = 1e-6  # of 1 - a^2, below which its root has too steep a gradient; our choice


class RGLRUState(NamedTuple):
    """What an RG-LRU remembers: its last output."""

    h: Tensor  # (B, C)


class RGLRU(Streaming):
    """Gated linear recurrence of a state as wide as the input; rows of its product are r, i.

        r = sigmoid(W_r x + b_r);  i = sigmoid(W_i x + b_i);  a = sigmoid(Lambda)^(8 r)
        h' = a * h + sqrt(1 - a^2) * (i * x)

    Weights: `decay` (C,), which is Lambda; it begins so that sigmoid(Lambda)^8 is uniform between
    the two of `radius`. Those of the gates begin with variance 1 / C, their biases at 0.

    Shapes: x (B, T, C) -> y (B, T, C); state h (B, C).
    Raises: ShapeError if x's last axis is not C, or for a radius that is none.
    Source: De et al. 2024, arXiv:2402.19427. Differs: 1 - a^2 is at least 1e-6.
    """

    layout = Layout({"decay": ("in",)}, output="in", chain=("gates",), made="2 in")
    parallel = "scan"

    def __init__(self, channels: int, *, radius: tuple[float, float] = (0.9, 0.999)) -> None:
        super().__init__()
        low, high = radius
        if not 0 < low < high < 1:
            raise ShapeError(f"RGLRU: radius {low:g} to {high:g}; need 0 < low < high < 1")
        self.gates = Linear(channels, 2 * channels)
        nn.init.normal_(self.gates.linear.weight, std=math.sqrt(1 / channels))
        nn.init.zeros_(self.gates.linear.bias)
        fade = (low + (high - low) * torch.rand(channels)) ** (1 / POWER)
        self.decay = nn.Parameter(torch.logit(fade))

    def initial_state(self, batch: int) -> State:
        return RGLRUState(self.new_zeros(batch, len(self.decay)))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        r, i = torch.sigmoid(self.gates.step(x, ())[0]).chunk(2, dim=-1)
        a = torch.exp(-POWER * F.softplus(-self.decay) * r)
        y, h = recur(a, torch.sqrt((1 - a * a).clamp_min(LEAST)) * (i * x), state.h)
        return y, RGLRUState(h)


EXAMPLES = {
    "default": Example(lambda: RGLRU(8)),
    "short": Example(lambda: RGLRU(8, radius=(0.1, 0.9))),
}
