"""A diagonal state space a channel: a linear recurrence of complex states."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import join_frames, need_frames
from edgernn.layout import Layout
from edgernn.scans.linear import Complex, at_once
from edgernn.state import State
from edgernn.streaming import Example, Streaming

CHUNK = 64  # frames that are computed at once; powers stay exact to float32 over so many


class SSMState(NamedTuple):
    """What an SSM remembers: real and imaginary parts of its states."""

    re: Tensor  # (B, C, N)
    im: Tensor  # (B, C, N)


class SSM(Streaming):
    """N complex states a channel, each turning and fading at rates of its own.

        s' = exp(dt a) s + x;  y = 2 Re(c b s') + d x;  b = (exp(dt a) - 1) / a,  a = -decay + i f

    That is the zero-order hold of ds/dt = a s + u, y = 2 Re(c s) + d u, with b moved behind the
    state. Whole sequences are computed in chunks by matrix products, one frame as written.

    Weights: `log_dt` (C,), `log_decay` and `frequency` (C, N), `mix` (C, N, 2), which is c, and
    `skip` (C,), which is d. They begin as S4D-Lin: decay 1/2, f = pi n; dt is drawn between the
    two of `dt`, evenly in its logarithm.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, C, N).
    Raises: ShapeError for fewer than one state, a range of dt that is none, or x of another width.
    Source: Gu et al. 2022, arXiv:2206.11893 (S4D).
    """

    layout = Layout(
        {
            "log_dt": ("in",),
            "log_decay": ("in", "n"),
            "frequency": ("in", "n"),
            "mix": ("in", "n", ""),
            "skip": ("in",),
        },
        sizes={"channels": "in", "states": "n"},
        units=("n",),
        scores={"n": "loudest"},
        output="in",
    )
    parallel = "chunks"

    def __init__(
        self, channels: int, states: int = 16, *, dt: tuple[float, float] = (1e-3, 1e-1)
    ) -> None:
        super().__init__()
        if min(channels, states) < 1:
            raise ShapeError(f"SSM: {channels} channels of {states} states; need at least 1")
        if not 0 < dt[0] <= dt[1]:
            raise ShapeError(f"SSM: dt from {dt[0]:g} to {dt[1]:g}; need 0 < low <= high")
        self.channels, self.states = channels, states
        low, high = (math.log(end) for end in dt)
        self.log_dt = nn.Parameter(low + (high - low) * torch.rand(channels))
        self.log_decay = nn.Parameter(torch.full((channels, states), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(float(states)).repeat(channels, 1))
        self.mix = nn.Parameter(torch.randn(channels, states, 2) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.randn(channels))

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.channels, self.states)
        return SSMState(zeros, torch.zeros_like(zeros))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        if at_once(x.shape[1]):
            return self._chunks(x, state)
        power = self._powers(torch.ones(1))
        turn = Complex(power.re[..., 0], power.im[..., 0])
        mix = self._mix(turn)
        s, ys = Complex(*state), []
        for t in range(x.shape[1]):
            now = x[:, t]
            s = turn * s
            s = Complex(s.re + now[..., None], s.im)
            ys.append(mix.real_of_product(s).sum(-1) + self.skip * now)
        return join_frames(ys), SSMState(*s)

    @torch.no_grad()
    def expand_state(self, factor: int) -> None:
        """So many times the states; the new ones begin as fresh ones do, and are not heard yet."""
        more = SSM(self.channels, self.states * factor).to(self.log_dt)
        for name in ("log_decay", "frequency", "mix"):
            new, old = getattr(more, name), getattr(self, name)
            new[:, : self.states] = old
            setattr(self, name, nn.Parameter(new.detach(), requires_grad=old.requires_grad))
        self.mix[:, self.states :] = 0
        self.states *= factor

    @torch.no_grad()
    def loudest(self) -> Tensor:
        """How loud each state can be, at the frequency at which it turns, in all channels: (N,).

        |2 c b| / (1 - |exp(dt a)|), what a modal truncation of the filter goes by.
        """
        power = self._powers(torch.ones(1))
        turn = Complex(power.re[..., 0], power.im[..., 0])
        mix = self._mix(turn)
        return (torch.hypot(*mix) / (1 - torch.hypot(*turn))).sum(0)

    def _powers(self, exponents: Tensor) -> Complex:
        """exp(dt a) to each exponent: (C, N, exponents)."""
        dt = self.log_dt.exp()[:, None, None]
        exponents = exponents.to(dt)
        size = torch.exp(-self.log_decay.exp()[..., None] * dt * exponents)
        angle = self.frequency[..., None] * dt * exponents
        return Complex(size * torch.cos(angle), size * torch.sin(angle))

    def _mix(self, turn: Complex) -> Complex:
        """2 c b (C, N); turn: exp(dt a)."""
        rise = Complex(turn.re - 1, turn.im)
        decay, f = self.log_decay.exp(), self.frequency
        scale = 2 / (decay * decay + f * f)
        inverse = Complex(-decay * scale, -f * scale)  # 2 / a
        return Complex(self.mix[..., 0], self.mix[..., 1]) * rise * inverse

    def _chunks(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Within a chunk a convolution, as one matrix a channel; between chunks the state."""
        size = min(CHUNK, x.shape[1])
        power = self._powers(torch.arange(size + 1))
        mix = self._mix(Complex(power.re[..., 1], power.im[..., 1]))
        mix = Complex(mix.re[..., None], mix.im[..., None])
        reply = mix * power  # (C, N, size + 1): what a state says after so many frames
        kernel = reply.re[..., :size].sum(1)
        kernel = torch.cat([kernel[:, :1] + self.skip[:, None], kernel[:, 1:]], dim=1)
        shifted = F.pad(kernel, (size - 1, 0)).unfold(1, size, 1).flip(1)  # (C, from, to)
        s, ys = Complex(*(part.transpose(0, 1) for part in state)), []  # (C, B, N)
        for part in torch.split(x, size, dim=1):
            n, u = part.shape[1], part.permute(2, 0, 1)  # (C, B, n)
            y = u @ shifted[:, :n, :n]
            y = y + s.re @ reply.re[..., 1 : n + 1] - s.im @ reply.im[..., 1 : n + 1]
            fade = Complex(power.re[..., n][:, None], power.im[..., n][:, None]) * s
            heard = [p[..., :n].flip(2).transpose(1, 2) for p in power]
            s = Complex(fade.re + u @ heard[0], fade.im + u @ heard[1])
            ys.append(y)
        after = SSMState(*(part.transpose(0, 1) for part in s))
        return torch.cat(ys, dim=2).permute(1, 2, 0), after


EXAMPLES = {
    "default": Example(lambda: SSM(8, 4, dt=(0.02, 0.5))),
    "many_states": Example(lambda: SSM(8, 6, dt=(0.02, 0.2))),
}
