"""sLSTM of the xLSTM: exponential gates, a normaliser, and units that mix within their head."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import fold_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Example, Streaming

LEAST = 1e-6  # of a forget gate, so that its logarithm is finite; our choice
NOTHING = -1e4  # m before the first frame: whatever i is, it is higher; our choice


class SLSTMState(NamedTuple):
    """What an sLSTM remembers: output, cell, normaliser, and the stabiliser of the last two."""

    h: Tensor  # (B, H)
    c: Tensor  # (B, H)
    n: Tensor  # (B, H)
    most: Tensor  # (B, H)


class SLSTM(Streaming):
    """The scalar memory; gates in the order i, f, z, o.

        i, f, z, o = W x + b + R h, R h of each unit's own head alone
        c' = sigmoid(f) c + e^i tanh(z);  n' = sigmoid(f) n + e^i;  h' = sigmoid(o) * c' / n'

    c and n are kept divided by e^m, m' = max(log sigmoid(f) + m, i), so that no exponential
    overflows. One frame after the other, for h is heard again.

    Weights: `input`, W and b; `weight_hh` (heads, 4 D, D), R, gates one after the other, which
    begins at 0; the biases of forget gates begin from 5 down to -7 within a head.

    Shapes: x (B, T, I) -> y (B, T, H); state h, c, n, most (B, H).
    Raises: ShapeError for heads that do not divide H, or x of another width.
    Source: Beck et al. 2024, arXiv:2405.04517. Differs: a forget gate keeps 1e-6 at least;
        without the convolution and the norm of the paper's block.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or hidden_size % heads:
            raise ShapeError(f"SLSTM: {heads} heads must divide {hidden_size} units")
        self.hidden_size, self.heads = hidden_size, heads
        width = hidden_size // heads
        self.input = Linear(input_size, 4 * hidden_size)
        self.weight_hh = nn.Parameter(torch.zeros(heads, 4 * width, width))
        place = torch.arange(float(width)) / max(1, width - 1)
        with torch.no_grad():
            self.input.linear.bias.zero_()
            self.input.linear.bias[hidden_size : 2 * hidden_size].copy_(
                (5 - 12 * place**0.3).repeat(heads)
            )

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.hidden_size)
        return SLSTMState(zeros, zeros, zeros, zeros + NOTHING)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        made, _ = self.input.step(x, ())
        return fold_frames(self._frame, split_frames(made), state)

    def _frame(self, given: Tensor, state: State) -> tuple[Tensor, State]:
        h, c, n, most = state
        heard = [
            F.linear(part, weight)
            for part, weight in zip(h.chunk(self.heads, 1), self.weight_hh.unbind(0), strict=True)
        ]
        width = self.hidden_size // self.heads
        gates = [torch.cat([own[:, g * width :][:, :width] for own in heard], 1) for g in range(4)]
        i, f, z, o = (a + b for a, b in zip(given.chunk(4, 1), gates, strict=True))
        faded = torch.log(torch.sigmoid(f).clamp_min(LEAST)) + most
        higher = torch.where(faded > i, faded, i)  # floats, whatever i is
        keep, take = torch.exp(faded - higher), torch.exp(i - higher)
        c, n = keep * c + take * torch.tanh(z), keep * n + take
        h = torch.sigmoid(o) * (c / n)
        return h, SLSTMState(h, c, n, higher)


def _trained() -> SLSTM:
    """One whose units hear each other, as they do not at first."""
    unit = SLSTM(8, 6, 2)
    nn.init.normal_(unit.weight_hh, std=0.5)
    return unit


EXAMPLES = {
    "trained": Example(_trained),
    "new": Example(lambda: SLSTM(8, 6, 1)),
}
