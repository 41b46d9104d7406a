"""GoldFinch: linear attention writes a small cache of keys, which attention over a window reads."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgernn.cells.rwkv6 import NORM_EPS, first_decay
from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.attention import Window
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm, RMSNorm
from edgernn.layers.token_shift import LowRank, TokenShift, put_to_work
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.streaming import Example, Streaming

POWERS = (1.0, 1.0, 1.0, 1.0, 0.5)  # of the mixtures of w, k, v, v2, r


class FinchC2State(NamedTuple):
    """What a Finch-C2 remembers: values by keys, and the frame before."""

    memory: Tensor  # (B, heads, K, K)
    past: Any  # of `TokenShift`


class FinchC2(Streaming):
    """RWKV-6 as GoldFinch has it: keys weigh what they make fade, a second value tells of now.

        r, k, v = W_r m_r(x), ...;  v2 = W_v m_v2(x) + L(m_v2(x));  fade = exp(-exp(decay(m_w(x))))
        y = W_o LayerNorm(r S + v2);  S' = diag(fade) S + ((1 - fade) * k) v^T

    m_i: of a `TokenShift`. L: a `LowRank` of `decay_rank`, as the decay.

    Shapes: x (B, T, C) -> y (B, T, C); state memory (B, heads, C / heads, C / heads), past.past
        (B, 1, C).
    Raises: ShapeError for heads that do not divide C, ranks below 1, or x of another width.
    Source: Goldstein et al. 2024, arXiv:2407.12077. Our choice: ranks of 8 and 16; no matrix of the
        others begins at 0.
    """

    parallel = "chunks"

    def __init__(self, channels: int, heads: int, *, rank: int = 8, decay_rank: int = 16) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"FinchC2: {heads} heads must divide {channels} channels")
        self.channels, self.heads = channels, heads
        self.shift = TokenShift(channels, POWERS, rank)
        self.decay = first_decay(channels, decay_rank)
        self.second = LowRank(channels, channels, decay_rank)
        self.receptance, self.key, self.value, self.output = (
            Linear(channels, channels, bias=False) for _ in range(4)
        )
        self.norm = LayerNorm(channels, eps=NORM_EPS)

    def initial_state(self, batch: int) -> State:
        width = self.channels // self.heads
        memory = self.new_zeros(batch, self.heads, width, width)
        return FinchC2State(memory, self.shift.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        mixed, past = self.shift.step(x, state.past)
        w, k, v, now, r = mixed.chunk(len(POWERS), dim=-1)
        log_decay = -torch.exp(self.decay(w))
        made = (
            self.receptance(r),
            self.key(k) * (1 - torch.exp(log_decay)),
            self.value(v),
            log_decay,
        )
        r, k, v, log_decay = (part.reshape(*x.shape[:2], self.heads, -1) for part in made)
        nothing = torch.zeros_like(k[0, 0])  # a frame is not read by its key but as v2
        y, memory = linear_attention(r, k, v, log_decay, state.memory, bonus=nothing)
        y = self.norm(y.flatten(2) + self.value(now) + self.second(now))
        return self.output.step(y, ())[0], FinchC2State(memory, past)


class GoldFinchState(NamedTuple):
    """What a GoldFinch remembers: its Finch, the frame that asked before, and the ring."""

    finch: Any  # of `FinchC2`
    past: Any  # of `TokenShift`
    ring: Tensor  # (B, left + 1, C + C / squeeze): frames, and their compressed keys
    heard: Tensor  # (B, left + 1), 1 or 0


class GoldFinch(Streaming):
    """A Finch-C2, then attention whose keys and values are made anew of frames and small keys.

        h = x + Finch(LayerNorm(x));  c = W_c h, C / squeeze channels;  cached: x and c
        k = LN(low(shift(RMSNorm(W_k [x, c]))));  v = LN(low(shift(RMSNorm(x))));  low(a) = a + L(a)
        y = h + W_o LayerNorm(Attention(LN(W_q shift(LayerNorm(h))), k, v))

    The cache is a ring of the last `left` frames and one more, for what a `TokenShift` mixes with.
    It holds C + C / squeeze numbers a frame where keys and values would be 2 C, and is the same
    however many layers of attention read it; keys are unpacked when read ("TokenCat").

    Shapes: x (B, T, C) -> y (B, T, C); state finch as of `FinchC2`, past.past (B, 1, C), ring
        (B, left + 1, C + C / squeeze), heard (B, left + 1).
    Raises: ShapeError for heads or a squeeze that do not divide C, a window of no frames, ranks
        below 1, or x of another width.
    Source: Goldstein et al. 2024, arXiv:2407.12077. Differs: there the cache has no end, and frames
        are tokens, cached as one number; one block of each sort. Our choice: a trained bias by
        distance in the place of rotary positions; without the channel mixing.
    """

    parallel = "chunks"

    def __init__(
        self, channels: int, heads: int, *, left: int = 15, squeeze: int = 4, rank: int = 8
    ) -> None:
        super().__init__()
        if squeeze < 1 or channels % squeeze:
            raise ShapeError(f"GoldFinch: a squeeze of {squeeze} must divide {channels} channels")
        self.channels, self.left = channels, left
        self.finch = FinchC2(channels, heads, rank=rank)
        self.window = Window(heads, channels // heads, left)
        self.squeeze = Linear(channels, channels // squeeze, bias=False)
        self.unpack = Linear(channels + channels // squeeze, channels, bias=False)
        self.asking = TokenShift(channels, (0.5,), rank)
        self.cached = TokenShift(channels, (1.0, 1.0), rank)
        self.own_key, self.own_value = (LowRank(channels, channels, rank) for _ in range(2))
        self.query, self.output = (Linear(channels, channels, bias=False) for _ in range(2))
        self.frame_norm, self.key_norm = RMSNorm(channels), RMSNorm(channels)
        self.norms = nn.ModuleDict({name: LayerNorm(channels) for name in ("x", "h", *"qkvy")})
        self.distance = nn.Parameter(torch.zeros(heads, left + 1))

    def initial_state(self, batch: int) -> State:
        ring = self.new_zeros(batch, self.left + 1, self.unpack.linear.in_features)
        return GoldFinchState(
            self.finch.initial_state(batch),
            self.asking.initial_state(batch),
            ring,
            torch.zeros_like(ring[..., 0]),
        )

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        frames, norms = x.shape[1], self.norms
        told, finch = self.finch.step(norms["x"](x), state.finch)
        h = x + told
        ring = torch.cat([state.ring, torch.cat([x, self.squeeze(h)], dim=-1)], dim=1)
        heard = torch.cat([state.heard, torch.ones_like(x[..., 0])], dim=1)
        keys, values = self._unpacked(ring)
        asking, past = self.asking.step(norms["h"](h), state.past)
        q = norms["q"](self.query(asking))
        y = self.window.read(q, keys, values, heard[:, 1:], self.distance)
        after = GoldFinchState(finch, past, ring[:, frames:], heard[:, frames:])
        return h + self.output(norms["y"](y)), after

    def _unpacked(self, ring: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of all frames of a ring but the first: (B, frames - 1, C)."""
        value = self.frame_norm(ring[..., : self.channels])
        key = self.key_norm(self.unpack(ring))
        apart = value[:, :-1] - value[:, 1:]
        by_key, by_value = self.cached.shares(value[:, 1:], apart)
        value = value[:, 1:] + apart * by_value
        key = key[:, 1:] + (key[:, :-1] - key[:, 1:]) * by_key
        key, value = key + self.own_key(key), value + self.own_value(value)
        return self.norms["k"](key), self.norms["v"](value)


def _trained() -> GoldFinch:
    """One whose low ranks are at work, as they are not at first."""
    unit = GoldFinch(32, 2, left=5, rank=3)
    put_to_work(unit)
    nn.init.normal_(unit.distance)
    return unit


EXAMPLES = {
    "trained": Example(_trained, channels=32),
    "new": Example(lambda: GoldFinch(8, 2, left=3, squeeze=2, rank=2)),
    "finch": Example(lambda: FinchC2(8, 2, rank=2, decay_rank=2)),
}
