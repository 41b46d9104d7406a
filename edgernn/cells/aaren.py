"""Aaren: attention by a learned query; its sums over all frames so far are the state."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.scans.linear import recur
from edgernn.scans.log_sums import NOTHING, log_sums
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class AarenState(NamedTuple):
    """What an Aaren remembers: by head the logarithm of its sum of shares, and the mean so far."""

    log_sum: Tensor  # (B, H, 1)
    mean: Tensor  # (B, H, D)


class Aaren(Streaming):
    """Softmax attention of each head's own trained query to all frames so far.

        s[t] = q . (K x[t]) / sqrt(D);  y[t] = W_o concat_h sum_{i <= t} softmax_i(s) V x[i]

    as a recurrence whose state neither overflows nor grows with the frames:

        g = sigmoid(s - c);  m' = (1 - g) m + g V x;  c' = log(exp(c) + exp(s))

    Whole sequences take c by a running log-sum and m by the scan of linear recurrences. The sums
    over frames stay in floating point whatever the products' type.

    Shapes: x (B, T, C) -> y (B, T, C); state log_sum (B, H, 1), mean (B, H, D), D = C / H.
    Raises: ShapeError for heads that do not divide C, or x of another width.
    Source: Feng et al. 2024, arXiv:2405.13956. Differs: the triple (maximum, sum, weighted sum) of
        its prefix scan is kept as (log of the sum, weighted sum over sum). Our choice: a query
        begins as normal numbers.
    """

    parallel = "scan"

    def __init__(self, channels: int, heads: int = 2) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"Aaren: {heads} heads must divide {channels} channels")
        self.heads, self.width = heads, channels // heads
        self.query = nn.Parameter(torch.randn(heads, self.width))
        self.key = Linear(channels, channels, bias=False)  # the softmax takes a bias of keys out
        self.value = Linear(channels, channels)
        self.output = Linear(channels, channels)

    def initial_state(self, batch: int) -> State:
        mean = self.new_zeros(batch, self.heads, self.width)
        return AarenState(mean[..., :1] + NOTHING, mean)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        k, v = (self._by_head(layer.step(x, ())[0]) for layer in (self.key, self.value))
        query = (self.query[..., None] * self.width**-0.5).expand(*k.shape[:3], -1, 1)
        scores = torch.matmul(k, query).squeeze(-1)
        before, sums = log_sums(scores, state.log_sum)
        share = torch.sigmoid(scores - before)
        new = torch.matmul(share[..., None], v).squeeze(-2)
        means, mean = recur(1 - share, new, state.mean)
        y, _ = self.output.step(means.reshape(x.shape), ())
        return y, AarenState(sums[:, -1], mean)

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, H, 1, D)."""
        return x.reshape(*x.shape[:2], self.heads, 1, self.width)


EXAMPLES = {
    "default": Example(lambda: Aaren(8)),
    "one_head": Example(lambda: Aaren(8, 1)),
}
