"""Mamba-2: state spaces with one decay a head, which is linear attention, behind a convolution."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import RMSNorm
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.state_expansion import keep_parts
from edgernn.streaming import Example, Streaming

DT, DECAY, LEAST_DT = (1e-3, 1e-1), (1.0, 16.0), 1e-4  # where they begin, as in the paper's code


class Mamba2State(NamedTuple):
    """What a Mamba-2 remembers: values by keys, and the past of the convolution."""

    memory: Tensor  # (B, heads, N, P)
    conv: Any  # of `Conv1d`


class Mamba2(Streaming):
    """State space duality; rows of the first product are z, then x, B, C, then dt.

        x, B, C = silu(conv(x, B, C));  dt = softplus(dt + b);  a = exp(-dt exp(log_decay))
        S' = a S + B (dt x)^T;  y = W_o RMSNorm((C S' + d x) * silu(z))

    One dt, a and d a head; B and C are those of all heads. In the words of attention C is the
    query, B the key, dt x the value. The inner width is `expand` C; it has C / heads * expand
    channels a head, and N = `states` keys.

    Shapes: x (B, T, C) -> y (B, T, C); state memory (B, heads, N, expand C / heads), conv past
        (B, kernel - 1, expand C + 2 N).
    Raises: ShapeError for heads that do not divide the inner width, sizes below 1, or x of another
        width.
    Source: Dao and Gu 2024, arXiv:2405.21060.
    """

    parallel = "chunks"

    def __init__(
        self, channels: int, heads: int, *, states: int = 16, expand: int = 2, kernel_size: int = 4
    ) -> None:
        super().__init__()
        if min(states, expand) < 1:
            raise ShapeError(f"Mamba2: {states} states, expand {expand}; need at least 1")
        if heads < 1 or expand * channels % heads:
            raise ShapeError(f"Mamba2: {heads} heads must divide {expand * channels} channels")
        self.heads, self.states, self.inner = heads, states, expand * channels
        mixed = self.inner + 2 * states
        self.input = Linear(channels, self.inner + mixed + heads, bias=False)
        self.conv = Conv1d(mixed, mixed, kernel_size, groups=mixed)
        low, high = (math.log(end) for end in DT)
        dt = torch.exp(low + (high - low) * torch.rand(heads)).clamp_min(LEAST_DT)
        self.dt_bias = nn.Parameter(dt + torch.log(-torch.expm1(-dt)))
        self.log_decay = nn.Parameter(torch.empty(heads).uniform_(*DECAY).log())
        self.skip = nn.Parameter(torch.ones(heads))
        self.norm = RMSNorm(self.inner)
        self.output = Linear(self.inner, channels, bias=False)

    @torch.no_grad()
    def expand_state(self, factor: int) -> None:
        """So many times the keys; the new ones begin as fresh ones do, and are not asked yet."""
        channels, size = self.output.linear.out_features, self.conv.conv.kernel_size[0]
        more = Mamba2(
            channels,
            self.heads,
            states=factor * self.states,
            expand=self.inner // channels,
            kernel_size=size,
        ).to(self.log_decay)
        inner, mixed = [self.inner, self.inner], [self.inner]
        old, new = [self.states] * 2, [more.states] * 2
        for part in ("weight", "bias"):
            own, wider = getattr(self.conv.conv, part), getattr(more.conv.conv, part)
            keep_parts(wider, own, [*mixed, *new], [*mixed, *old])
        keep_parts(
            more.input.linear.weight,
            self.input.linear.weight,
            [*inner, *new, self.heads],
            [*inner, *old, self.heads],
        )
        asked = slice(2 * self.inner + more.states + self.states, -self.heads)
        more.input.linear.weight[asked] = 0
        assert more.conv.conv.bias is not None
        more.conv.conv.bias[asked.start - self.inner :] = 0
        self.input, self.conv, self.states = more.input, more.conv, more.states

    def initial_state(self, batch: int) -> State:
        memory = self.new_zeros(batch, self.heads, self.states, self.inner // self.heads)
        return Mamba2State(memory, self.conv.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        made, n = self.input.step(x, ())[0], self.inner
        z, dt = made[..., :n], F.softplus(made[..., -self.heads :] + self.dt_bias)
        mixed, conv = self.conv.step(made[..., n : -self.heads], state.conv)
        mixed = mixed * torch.sigmoid(mixed)
        values = mixed[..., :n].reshape(*x.shape[:2], self.heads, -1)
        k, q = mixed[..., n:].unsqueeze(2).chunk(2, dim=-1)
        k, q = (part.expand(-1, -1, self.heads, -1) for part in (k, q))
        log_decay = (-dt * torch.exp(self.log_decay)).unsqueeze(-1)
        y, memory = linear_attention(q, k, dt.unsqueeze(-1) * values, log_decay, state.memory)
        y = (y + self.skip[:, None] * values).flatten(2)
        y, _ = self.norm.step(y * (z * torch.sigmoid(z)), ())
        return self.output.step(y, ())[0], Mamba2State(memory, conv)


EXAMPLES = {
    "default": Example(lambda: Mamba2(16, 2, states=4), channels=16),
    "one_head": Example(lambda: Mamba2(8, 1, states=3, expand=1, kernel_size=2)),
}
