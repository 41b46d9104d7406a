"""Mamba: a state space that chooses by its input how fast it fades and what it takes and tells."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.state_expansion import keep_parts
from edgernn.streaming import Example, Streaming

LEAST_DT = 1e-4  # of a step in time, as it begins


class MambaState(NamedTuple):
    """What a Mamba block remembers: the frames its window still sees, and N states a channel."""

    window: State
    h: Tensor  # (B, E, N)


class Mamba(Streaming):
    """One whole block: project out to E = expand * C, mix in time, gate, project back.

        u, z = W_in x;  v = silu(conv(u));  d, b, c = W_x v;  dt = softplus(W_dt d + b_dt)
        h' = exp(dt a) h + dt v b;  y = W_out ((c . h' + skip v) * silu(z));  a = -exp(log_decay)

    states: N of each channel. rank: of d, by default C / 16, rounded up. kernel_size: frames of
    the window, the last one with it; each channel is convolved alone. The norm and the skip path
    that stacks of blocks have around each are not part of it.

    Weights: `log_decay` (E, N) begins as log 1 ... log N, `skip` (E,) at 1, W_dt uniform within
    rank^(-1/2), its bias so that dt is drawn between the two of `dt`, evenly in its logarithm.

    Shapes: x (B, T, C) -> y (B, T, C); state window.past (B, kernel_size - 1, E), h (B, E, N).
    Raises: ShapeError for sizes below 1, a range of dt that is none, or x of another width.
    Source: Gu and Dao 2023, arXiv:2312.00752.
    """

    parallel = "scan"

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        expand: int = 2,
        kernel_size: int = 4,
        rank: int | None = None,
        dt: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        super().__init__()
        self.rank = math.ceil(channels / 16) if rank is None else rank
        if min(channels, states, expand, self.rank) < 1:
            raise ShapeError(
                f"Mamba: channels {channels}, states {states}, expand {expand} and rank "
                f"{self.rank} must each be at least 1"
            )
        if not 0 < dt[0] <= dt[1]:
            raise ShapeError(f"Mamba: dt from {dt[0]:g} to {dt[1]:g}; need 0 < low <= high")
        self.channels, self.states, self.inner = channels, states, expand * channels
        self.input = Linear(channels, 2 * self.inner, bias=False)
        self.window = Conv1d(self.inner, self.inner, kernel_size, groups=self.inner)
        self.choose = Linear(self.inner, self.rank + 2 * states, bias=False)
        self.pace = Linear(self.rank, self.inner)
        self.output = Linear(self.inner, channels, bias=False)
        decay = torch.arange(1.0, states + 1).repeat(self.inner, 1)
        self.log_decay = nn.Parameter(torch.log(decay))
        self.skip = nn.Parameter(torch.ones(self.inner))
        self._begin_pace(*dt)

    @torch.no_grad()
    def _begin_pace(self, low: float, high: float) -> None:
        linear, share = self.pace.linear, torch.rand(self.inner)
        begin = torch.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        begin = begin.clamp_min(LEAST_DT)
        linear.bias.copy_(torch.log(torch.expm1(begin)))  # so that its softplus is `begin`
        nn.init.uniform_(linear.weight, -(self.rank**-0.5), self.rank**-0.5)

    @torch.no_grad()
    def expand_state(self, factor: int) -> None:
        """So many times the states; the new ones begin as fresh ones do, and are not told yet."""
        more = Mamba(
            self.channels,
            factor * self.states,
            expand=self.inner // self.channels,
            rank=self.rank,
        ).to(self.skip)
        own, new = [self.rank, *[self.states] * 2], [self.rank, *[more.states] * 2]
        keep_parts(more.choose.linear.weight, self.choose.linear.weight, new, own)
        more.choose.linear.weight[self.states - more.states :] = 0
        more.log_decay[:, : self.states] = self.log_decay
        self.choose, self.log_decay, self.states = more.choose, more.log_decay, more.states

    def initial_state(self, batch: int) -> State:
        h = self.new_zeros(batch, self.inner, self.states)
        return MambaState(self.window.initial_state(batch), h)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        u, z = self.input.step(x, ())[0].chunk(2, dim=-1)
        v, window = self.window.step(u, state.window)
        v = F.silu(v)
        sizes = [self.rank, self.states, self.states]
        d, b, c = torch.functional.split(self.choose.step(v, ())[0], sizes, dim=-1)
        dt = F.softplus(self.pace.step(d, ())[0])
        fade = torch.exp(dt.unsqueeze(-1) * -torch.exp(self.log_decay))
        hs, h = recur(fade, (dt * v).unsqueeze(-1) * b.unsqueeze(-2), state.h)
        y = (hs * c.unsqueeze(-2)).sum(-1) + self.skip * v
        return self.output.step(y * F.silu(z), ())[0], MambaState(window, h)


EXAMPLES = {
    "default": Example(lambda: Mamba(24, 4), channels=24),
    "narrow": Example(lambda: Mamba(8, 3, expand=1, kernel_size=1, rank=2)),
}
