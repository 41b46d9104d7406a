"""Softmax attention as a recurrence: the exponential by its Taylor series, cut short."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.errors import ShapeError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.streaming import Example, Streaming

DIVIDED = ("sum", "length")
LEAST = 1e-6  # of a mean square that is divided by; our choice


class SoftmaxRNNState(NamedTuple):
    """What a SoftmaxRNN remembers: by head the sum of phi(k) [v, 1]^T."""

    sums: Tensor  # (B, H, F, D + 1), or (B, H, F, D)


class SoftmaxRNN(Streaming):
    """Attention that weighs frames by the first terms of exp(q . k / sqrt(D)).

        phi(a) = [1, a, a x a / sqrt(2!), a x a x a / sqrt(3!), ...] up to `order` factors
        S' = S + phi(k) [v, 1]^T;  [n, d] = phi(q) S';  y = W_o concat_h n / d

    with q and k over D^(1/4), so that phi(q) . phi(k) is the series: F = 1 + D + ... + D^order
    features a head, so heads are to be narrow. Order 1 is linear attention.

    divided: "sum", d as written, which needs an even order, for then it is never below 1/2 of
    what one frame adds; or "length", n over its root mean square, which the paper finds to do as
    well, and which any order permits.

    Shapes: x (B, T, C) -> y (B, T, C); state sums (B, H, F, D + 1), with "length" (B, H, F, D),
        D = C / H.
    Raises: ShapeError for heads that do not divide C, an order below 1, or an odd one with "sum";
        UnknownName for another `divided`.
    Source: Mongaras and Larson 2025, arXiv:2507.23632. Differs: there the series has no end.
    """

    parallel = "chunks"

    def __init__(
        self, channels: int, heads: int = 2, *, order: int = 2, divided: str = "sum"
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"SoftmaxRNN: {heads} heads must divide {channels} channels")
        if divided not in DIVIDED:
            raise UnknownName("divisor", divided, DIVIDED)
        if order < 1 or (divided == "sum" and order % 2):
            raise ShapeError(
                f"SoftmaxRNN: order {order}; need at least 1, and an even one to divide by the sum"
            )
        self.heads, self.width = heads, channels // heads
        self.order, self.by_sum = order, divided == "sum"
        self.features = sum(self.width**n for n in range(order + 1))
        self.query, self.key, self.value = (Linear(channels, channels) for _ in range(3))
        self.output = Linear(channels, channels)

    def initial_state(self, batch: int) -> State:
        shape = batch, self.heads, self.features, self.width + self.by_sum
        return SoftmaxRNNState(self.new_zeros(*shape))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        # quotients, so that what is summed stays in floating point where products are integers
        q, k, v = (
            layer.step(x, ())[0].reshape(*x.shape[:2], self.heads, self.width) / self.width**power
            for layer, power in ((self.query, 0.25), (self.key, 0.25), (self.value, 0.5))
        )
        if self.by_sum:
            v = torch.cat([v, torch.ones_like(v[..., :1]) / self.width**0.5], dim=-1)
        no_decay = x.new_zeros(1, 1, 1, 1)
        y, sums = linear_attention(self._series(q), self._series(k), v, no_decay, state.sums)
        if self.by_sum:
            y = y[..., : self.width] / y[..., self.width :]
        else:
            y = y / torch.sqrt((y * y).mean(-1, keepdim=True) + LEAST)
        return self.output.step(y.reshape(x.shape), ())[0], SoftmaxRNNState(sums)

    def _series(self, a: Tensor) -> Tensor:
        """phi: (..., D) -> (..., F)."""
        terms = [torch.ones_like(a[..., :1]), a]
        for factors in range(2, self.order + 1):
            more = terms[-1][..., :, None] * a[..., None, :]
            terms.append(more.flatten(-2) / math.sqrt(factors))
        return torch.cat(terms, dim=-1)


EXAMPLES = {
    "sum": Example(lambda: SoftmaxRNN(8)),
    "length": Example(lambda: SoftmaxRNN(8, 4, order=3, divided="length")),
    "linear": Example(lambda: SoftmaxRNN(8, 2, order=1, divided="length")),
}
