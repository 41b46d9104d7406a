"""Cottention: cosine attention, which as a sum of outer products is a recurrence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.streaming import Example, Streaming

LEAST = 1e-6  # squared length below which a query or a key is no direction; our choice


class CottentionState(NamedTuple):
    """What a Cottention remembers: by head the sum of k v^T, and how many frames there were."""

    sums: Tensor  # (B, H, D, D)
    frames: Tensor  # (B, 1)


class Cottention(Streaming):
    """Attention by the cosine of query and key, without a softmax.

        y[t] = W_o concat_h sum_{i <= t} cos(q[t], k[i]) v[i] / i^sigmoid(m)

    as a recurrence, with q and k of length 1 each:

        S' = S + k v^T / t^sigmoid(m);  y = W_o concat_h q S'

    Weights: `power` (H,), which is m, begins at 1/2. The sums stay in floating point whatever the
    products' type. They and y grow with the frames, as t^(1 - sigmoid(m)) at most, so a stream
    outgrows what 8 bits were calibrated for, the sooner the lower m is.

    Shapes: x (B, T, C) -> y (B, T, C); state sums (B, H, D, D), frames (B, 1), D = C / H.
    Raises: ShapeError for heads that do not divide C, or x of another width.
    Source: Mongaras et al. 2024, arXiv:2409.18747; values divided each by its own place, as in the
        authors' causal form. Differs: nothing turns queries and keys by their place.
    """

    parallel = "chunks"

    def __init__(self, channels: int, heads: int = 2) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"Cottention: {heads} heads must divide {channels} channels")
        self.heads, self.width = heads, channels // heads
        self.power = nn.Parameter(torch.full((heads,), 0.5))
        self.query, self.key, self.value, self.output = (
            Linear(channels, channels, bias=False) for _ in range(4)
        )

    def initial_state(self, batch: int) -> State:
        sums = self.new_zeros(batch, self.heads, self.width, self.width)
        return CottentionState(sums, self.new_zeros(batch, 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        q, k, v = (
            layer.step(x, ())[0].reshape(*x.shape[:2], self.heads, self.width)
            for layer in (self.query, self.key, self.value)
        )
        places = state.frames + torch.arange(1, x.shape[1] + 1).to(x)
        power = torch.sigmoid(self.power)[:, None]
        v = v / torch.exp(power * torch.log(places)[..., None, None])
        y, sums = linear_attention(_unit(q), _unit(k), v, x.new_zeros(1, 1, 1, 1), state.sums)
        after = CottentionState(sums, places[:, -1:])
        return self.output.step(y.reshape(x.shape), ())[0], after


def _unit(x: Tensor) -> Tensor:
    """Vectors of length 1 along the last axis."""
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) + LEAST)


EXAMPLES = {
    "one_head": Example(lambda: Cottention(8, 1)),
    "two_heads": Example(lambda: Cottention(8, 2)),
}
