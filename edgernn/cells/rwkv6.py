"""RWKV-6 (Finch): linear attention whose channels fade as fast as the input says."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.streaming import Delay, DelayState, Example, Streaming

MIXED = "wkvrg"  # what hears a mixture of its own, in the order of `mix` and `mix_up`
NORM_EPS = 64e-5  # of the paper's code


class RWKV6State(NamedTuple):
    """What an RWKV-6 remembers: values by keys, and the frame before."""

    memory: Tensor  # (B, heads, K, V)
    past: Any  # of `Delay`


class RWKV6(Streaming):
    """Time mixing; each of w, k, v, r, g hears a mixture of this frame and the one before.

        m_i(x) = x + (x_before - x) * (mu_i + B_i tanh(A_i (x + (x_before - x) * mu)))
        r, k, v, g = W_r m_r(x), ...;  log_decay = -exp(d + D_up tanh(D_down m_w(x)))
        y = W_o (silu(g) * GroupNorm(r (S + (u * k) v^T)));  S' = diag(exp(log_decay)) S + k v^T

    rank: of the mixtures. decay_rank: of the decay. A head has C / heads keys and values; the norm
    is that of each head.

    Weights: `mix` (6, C), mu and mu_i; `mix_down`, all A_i; `mix_up` (5, C, rank), B_i; `decay_up`
    has d as its bias; `bonus` (heads, K), which is u. They begin as those of the first of many
    layers of the paper's code: each A_i and D_down at 0, so that mixtures are fixed at first.

    Shapes: x (B, T, C) -> y (B, T, C); state memory (B, heads, K, K), past.past (B, 1, C).
    Raises: ShapeError for heads that do not divide C, ranks below 1, or x of another width.
    Source: Peng et al. 2024, arXiv:2404.05892. Differs: no matrix of the others begins at 0. Our
        choice: ranks of 8 and 16, for our channels are fewer.
    """

    parallel = "chunks"

    def __init__(self, channels: int, heads: int, *, rank: int = 8, decay_rank: int = 16) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"RWKV6: {heads} heads must divide {channels} channels")
        if min(rank, decay_rank) < 1:
            raise ShapeError(f"RWKV6: ranks {rank} and {decay_rank}; need at least 1")
        self.channels, self.heads = channels, heads
        self.shift = Delay(1, channels)
        place = torch.arange(float(channels)) / channels
        powers = {"r": 0.5, "g": 0.5}
        mu = [1 - place, *(1 - place ** powers.get(name, 1.0) for name in MIXED)]
        self.mix = nn.Parameter(torch.stack(mu))
        self.mix_down = Linear(channels, len(MIXED) * rank, bias=False)
        self.mix_up = nn.Parameter(torch.empty(len(MIXED), channels, rank).uniform_(-0.01, 0.01))
        self.decay_down = Linear(channels, decay_rank, bias=False)
        self.decay_up = Linear(decay_rank, channels)
        for down in (self.mix_down, self.decay_down):
            nn.init.zeros_(down.linear.weight)
        nn.init.uniform_(self.decay_up.linear.weight, -0.01, 0.01)
        last = max(1, channels - 1)
        zigzag = 0.1 * ((torch.arange(channels) + 1) % 3 - 1)
        with torch.no_grad():
            self.decay_up.linear.bias.copy_(-6 + 5 * (torch.arange(channels) / last) ** 0.7)
        self.bonus = nn.Parameter(zigzag.reshape(heads, -1))
        self.receptance, self.key, self.value, self.gate, self.output = (
            Linear(channels, channels, bias=False) for _ in range(5)
        )
        self.norm = GroupNorm(heads, channels, eps=NORM_EPS)

    def initial_state(self, batch: int) -> State:
        width = self.channels // self.heads
        memory = self.new_zeros(batch, self.heads, width, width)
        return RWKV6State(memory, DelayState(self.new_zeros(batch, 1, self.channels)))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        before, past = self.shift.step(x, state.past)
        w, k, v, r, g = self._mixtures(x, before - x)
        made = self.receptance.step(r, ())[0], self.key.step(k, ())[0], self.value.step(v, ())[0]
        slow = torch.tanh(self.decay_down.step(w, ())[0])
        log_decay = -torch.exp(self.decay_up.step(slow, ())[0])
        r, k, v, log_decay = (p.reshape(*x.shape[:2], self.heads, -1) for p in (*made, log_decay))
        y, memory = linear_attention(r, k, v, log_decay, state.memory, bonus=self.bonus)
        y, _ = self.norm.step(y.flatten(2), ())
        y = F.silu(self.gate.step(g, ())[0]) * y
        return self.output.step(y, ())[0], RWKV6State(memory, past)

    def _mixtures(self, x: Tensor, apart: Tensor) -> list[Tensor]:
        """What each of `MIXED` hears; apart: how far the frame before is."""
        first, *mu = self.mix.unbind(0)
        low = torch.tanh(self.mix_down.step(x + apart * first, ())[0]).chunk(len(MIXED), dim=-1)
        ups = self.mix_up.unbind(0)
        return [x + apart * (m + F.linear(a, b)) for m, a, b in zip(mu, low, ups, strict=True)]


def _trained() -> RWKV6:
    """One whose low ranks are at work, as they are not at first."""
    unit = RWKV6(32, 2, rank=3, decay_rank=4)
    for down in (unit.mix_down, unit.decay_down):
        nn.init.normal_(down.linear.weight, std=0.3)
    for up in (unit.mix_up, unit.decay_up.linear.weight):
        nn.init.normal_(up, std=0.3)
    return unit


EXAMPLES = {
    "trained": Example(_trained, channels=32),
    "new": Example(lambda: RWKV6(8, 2, rank=2, decay_rank=2)),
}
