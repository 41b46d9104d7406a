"""RWKV-6 (Finch): linear attention whose channels fade as fast as the input says."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.layers.token_shift import LowRank, TokenShift, put_to_work
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.streaming import Example, Streaming

POWERS = (1.0, 1.0, 1.0, 0.5, 0.5)  # of the mixtures of w, k, v, r, g
NORM_EPS = 64e-5  # of the paper's code


class RWKV6State(NamedTuple):
    """What an RWKV-6 remembers: values by keys, and the frame before."""

    memory: Tensor  # (B, heads, K, V)
    past: Any  # of `TokenShift`


class RWKV6(Streaming):
    """Time mixing; each of w, k, v, r, g hears a mixture of this frame and the one before.

        r, k, v, g = W_r m_r(x), ...;  log_decay = -exp(d + D_up tanh(D_down m_w(x)))
        y = W_o (silu(g) * GroupNorm(r (S + (u * k) v^T)));  S' = diag(exp(log_decay)) S + k v^T

    m_i: of a `TokenShift`. rank: of the mixtures. decay_rank: of the decay. A head has C / heads
    keys and values; the norm is that of each head.

    Weights: `bonus` (heads, K), which is u; `decay` has d as the bias of `up`. They begin as those
    of the first of many layers of the paper's code, where no low rank is at work yet.

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
        self.channels, self.heads = channels, heads
        self.shift = TokenShift(channels, POWERS, rank)
        self.decay = first_decay(channels, decay_rank)
        zigzag = 0.1 * ((torch.arange(channels) + 1) % 3 - 1)
        self.bonus = nn.Parameter(zigzag.reshape(heads, -1))
        self.receptance, self.key, self.value, self.gate, self.output = (
            Linear(channels, channels, bias=False) for _ in range(5)
        )
        self.norm = GroupNorm(heads, channels, eps=NORM_EPS)

    def initial_state(self, batch: int) -> State:
        width = self.channels // self.heads
        memory = self.new_zeros(batch, self.heads, width, width)
        return RWKV6State(memory, self.shift.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        mixed, past = self.shift.step(x, state.past)
        w, k, v, r, g = mixed.chunk(len(POWERS), dim=-1)
        made = self.receptance(r), self.key(k), self.value(v), -torch.exp(self.decay(w))
        r, k, v, log_decay = (part.reshape(*x.shape[:2], self.heads, -1) for part in made)
        y, memory = linear_attention(r, k, v, log_decay, state.memory, bonus=self.bonus)
        y = F.silu(self.gate(g)) * self.norm(y.flatten(2))
        return self.output.step(y, ())[0], RWKV6State(memory, past)


def first_decay(channels: int, rank: int) -> LowRank:
    """What says the logarithm of how fast channels fade: from -6, of the slowest, to -1 at first.

    Raises: ShapeError for a rank below 1.
    """
    decay = LowRank(channels, channels, rank, bias=True)
    place = torch.arange(float(channels)) / max(1, channels - 1)
    with torch.no_grad():
        decay.up.linear.bias.copy_(-6 + 5 * place**0.7)
    return decay


def _trained() -> RWKV6:
    """One whose low ranks are at work and whose frames hear themselves, as they do not at first."""
    unit = RWKV6(32, 4, rank=3, decay_rank=4)
    put_to_work(unit)
    nn.init.ones_(unit.bonus)
    return unit


EXAMPLES = {
    "trained": Example(_trained, channels=32),
    "new": Example(lambda: RWKV6(8, 2, rank=2, decay_rank=2)),
}
