"""RWKV-7: a matrix state a head that fades, unlearns and writes channel by channel."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.activation import Activation
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.scans.delta import delta_rule
from edgernn.state import State
from edgernn.streaming import Delay, DelayState, Example, Sequential, Streaming

FASTEST = math.exp(-0.5)  # decay, as minus its logarithm
LEAST = 1e-12  # of the square of a key's length; our choice


class RWKV7State(NamedTuple):
    """What an RWKV-7 remembers: the frame before, and of each head values by keys."""

    past: Any  # of `Delay`
    memory: Tensor  # (B, heads, K, V)


class RWKV7(Streaming):
    """Time mixing by a generalised delta rule; each of r, w, k, v, a, g hears a mixture of its own.

        x_i = x + m_i (x_before - x), i of r, w, k, v, a, g;  r, k, v = W_r x_r, W_k x_k, W_v x_v
        w = exp(-e^-0.5 sigmoid(L_w x_w));  a = sigmoid(L_a x_a);  g = L_g x_g
        c = k n_c, each head of length 1;  k' = k (1 + (a - 1) n_a)
        S' = (diag(w) - (a c)^T c) S + k'^T v, of each head
        y = W_o (g * (GroupNorm(r S') + (sum n_b r k') v))

    The L are of low rank with a bias: of w by a tanh, of g by a sigmoid and without a bias.

    Weights: `mix` (6, C), in the order above; `remove`, `replace` and `bonus` (C,), the n of c, a
    and b. They begin as those of the first layer of the authors' code.

    Shapes: x (B, T, C) -> y (B, T, C); state past.past (B, 1, C), memory (B, heads, K, K).
    Raises: ShapeError for heads that do not divide C, a rank below 1, or if x's last axis is not C.
    Source: Peng et al. 2025, arXiv:2503.14456. Differs: no matrix begins at 0; later layers take
        nothing of the first one's values. Our choice: one rank for all L, by default that of the
        authors' a and w, but no multiple of 32.
    """

    parallel = "chunks"

    def __init__(self, channels: int, heads: int, *, rank: int | None = None) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"RWKV7: {heads} heads must divide {channels} channels")
        rank = max(1, round(1.8 * channels**0.5)) if rank is None else rank
        if rank < 1:
            raise ShapeError(f"RWKV7: a rank of {rank}; need at least 1")
        self.channels, self.heads = channels, heads
        self.shift = Delay(1, channels)
        place = torch.arange(float(channels)) / channels
        powers = torch.tensor([0.2, 0.9, 0.7, 0.7, 0.9, 0.2])[:, None]
        self.mix = nn.Parameter(1 - place**powers)
        self.receptance, self.key, self.value, self.output = (
            Linear(channels, channels, bias=False) for _ in range(4)
        )
        rising = torch.arange(float(channels)) / max(1, channels - 1)
        self.decay = _low_rank(channels, rank, "tanh", bias=-6.5 + 5 * rising**0.85)
        self.rate = _low_rank(channels, rank, bias=torch.zeros(channels))
        self.gate = _low_rank(channels, rank, "sigmoid")
        self.norm = GroupNorm(heads, channels, eps=64e-5)
        self.remove = nn.Parameter(torch.full((channels,), 0.85))
        self.replace = nn.Parameter(torch.ones(channels))
        self.bonus = nn.Parameter(torch.zeros(channels))

    def initial_state(self, batch: int) -> State:
        keys = self.channels // self.heads
        past = DelayState(self.new_zeros(batch, 1, self.channels))
        return RWKV7State(past, self.new_zeros(batch, self.heads, keys, keys))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = self.heard(x, state)
        return self.output.step(y, ())[0], after

    def heard(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """What its heads give before the last product."""
        need_frames(self, x, self.channels)
        before, past = self.shift.step(x, state.past)
        x_r, x_w, x_k, x_v, x_a, x_g = (x + mix * (before - x) for mix in self.mix.unbind(0))
        flat_k, flat_v = self.key.step(x_k, ())[0], self.value.step(x_v, ())[0]
        rate = torch.sigmoid(self.rate.step(x_a, {})[0])
        r, k, v, c, a, log_w = (
            part.reshape(*x.shape[:2], self.heads, -1)
            for part in (
                self.receptance.step(x_r, ())[0],
                flat_k * (1 + (rate - 1) * self.replace),
                flat_v,
                flat_k * self.remove,
                rate,
                -FASTEST * torch.sigmoid(self.decay.step(x_w, {})[0]),
            )
        )
        c = c / torch.sqrt((c * c).sum(-1, keepdim=True) + LEAST)
        y, memory = delta_rule(r, k, v, log_w, state.memory, a=c, b=-a * c)
        own = (r * k * self.bonus.reshape(self.heads, -1)).sum(-1, keepdim=True) * v
        y = self.norm.step(y.flatten(2), ())[0] + own.flatten(2)
        return y * self.gate.step(x_g, {})[0], RWKV7State(past, memory)


def _low_rank(
    channels: int, rank: int, function: str = "", bias: Tensor | None = None
) -> Sequential:
    """Two thin products, with a function between them, or none; bias: where it begins, if any."""
    inner, outer = Linear(channels, rank, bias=False), Linear(rank, channels, bias=bias is not None)
    nn.init.orthogonal_(outer.linear.weight, gain=0.1)
    if bias is not None:
        outer.linear.bias.data.copy_(bias)
    between = {"function": Activation(function)} if function else {}
    return Sequential(inner=inner, **between, outer=outer)


EXAMPLES = {
    "default": Example(lambda: RWKV7(16, 2), channels=16),
    "one_head": Example(lambda: RWKV7(8, 1, rank=2)),
}
