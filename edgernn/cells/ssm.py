"""A diagonal state space a channel: a linear recurrence of complex states."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import join_frames, need_frames
from edgernn.layout import Layout
from edgernn.scans.convolution import CHUNK, by_chunks
from edgernn.scans.linear import Complex, at_once
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class Decay(NamedTuple):
    """The name of a weight w, how a decay above 0 comes of it, and w of a decay."""

    weight: str
    of: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]


STABLE = {
    "exp": Decay("log_decay", torch.exp, torch.log),
    "best": Decay(
        "slowness", lambda w: 1 / (w * w + 0.5), lambda decay: torch.sqrt(1 / decay - 0.5)
    ),
}


class SSMState(NamedTuple):
    """What an SSM remembers: real and imaginary parts of its states."""

    re: Tensor  # (B, C, N)
    im: Tensor  # (B, C, N)


def ssm_layout(rates: tuple[str, ...], decay: str = "log_decay", **others: Sequence[str]) -> Layout:
    """Of an SSM; rates: the axes of the weights by which states turn and fade."""
    return Layout(
        {
            "log_dt": ("in",),
            decay: rates,
            "frequency": rates,
            "mix": ("in", "n", ""),
            "skip": ("in",),
            **others,
        },
        sizes={"channels": "in", "states": "n"},
        units=("n",),
        scores={"n": "loudest"},
        output="in",
    )


class SSM(Streaming):
    """N complex states a channel, each turning and fading at rates of its own.

        s' = exp(dt a) s + x;  y = 2 Re(c b s') + d x;  b = (exp(dt a) - 1) / a,  a = -decay + i f

    That is the zero-order hold of ds/dt = a s + u, y = 2 Re(c s) + d u, with b moved behind the
    state. Whole sequences are computed in chunks by matrix products, one frame as written.

    stable: the decay is exp(w) for "exp", as S4D has it, and 1 / (w^2 + 1/2) for "best", whose
    gradient stays in proportion to w however long the memory.

    Weights: `log_dt` (C,), `log_decay` or for "best" `slowness`, which is w, and `frequency`
    (C, N), `mix` (C, N, 2), which is c, and `skip` (C,), which is d. They begin as S4D-Lin: decay
    1/2, f = pi n; dt is drawn between the two of `dt`, evenly in its logarithm.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, C, N).
    Raises: ShapeError for fewer than one state, a range of dt that is none, or x of another width;
        UnknownName for another `stable`.
    Source: Gu et al. 2022, arXiv:2206.11893 (S4D); "best": Wang and Li 2023, arXiv:2311.14495.
    """

    frequency: Tensor

    parallel = "chunks"

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        dt: tuple[float, float] = (1e-3, 1e-1),
        stable: str = "exp",
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if min(channels, states) < 1:
            raise ShapeError(f"{name}: {channels} channels of {states} states; need at least 1")
        if not 0 < dt[0] <= dt[1]:
            raise ShapeError(f"{name}: dt from {dt[0]:g} to {dt[1]:g}; need 0 < low <= high")
        if stable not in STABLE:
            raise UnknownName("reparametrisation", stable, STABLE)
        self.channels, self.states, self.stable = channels, states, stable
        low, high = (math.log(end) for end in dt)
        self.log_dt = nn.Parameter(low + (high - low) * torch.rand(channels))
        lines = math.pi * torch.arange(float(states))
        self.begin_rates(torch.full((channels, states), 0.5), lines.repeat(channels, 1))
        self.mix = nn.Parameter(torch.randn(channels, states, 2) * math.sqrt(0.5))
        self.skip = nn.Parameter(torch.randn(channels))
        self.layout = ssm_layout(("in", "n"), STABLE[stable].weight)

    def begin_rates(self, decay: Tensor, frequency: Tensor) -> None:
        """Give each state these, (C, N), or the states of all channels, (N,)."""
        how = STABLE[self.stable]
        self.register_parameter(how.weight, nn.Parameter(how.inverse(decay)))
        self.register_parameter("frequency", nn.Parameter(frequency))

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.channels, self.states)
        return SSMState(zeros, torch.zeros_like(zeros))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        return self._run(x, state, self.skip)

    def _run(self, x: Tensor, state: State, skip: Tensor) -> tuple[Tensor, SSMState]:
        """By the powers and the mix of this module, of as many channels as these have."""
        if at_once(x.shape[1]):
            return self._chunks(x, state, skip)
        power = self._powers(torch.ones(1))
        turn = Complex(power.re[..., 0], power.im[..., 0])
        mix = self._mix(turn)
        s, ys = Complex(*state), []
        for t in range(x.shape[1]):
            now = x[:, t]
            s = turn * s
            s = Complex(s.re + now[..., None], s.im)
            ys.append(mix.real_of_product(s).sum(-1) + skip * now)
        return join_frames(ys), SSMState(*s)

    @torch.no_grad()
    def expand_state(self, factor: int) -> None:
        """So many times the states; the new ones begin as fresh ones do, and are not heard yet."""
        more = type(self)(self.channels, self.states * factor, stable=self.stable).to(self.log_dt)
        assert more.layout is not None
        for name, axes in more.layout.tensors.items():
            if "n" not in axes:
                continue
            new, old = getattr(more, name), getattr(self, name)
            new.narrow(axes.index("n"), 0, self.states).copy_(old)
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
        size = torch.exp(-self._decay()[..., None] * dt * exponents)
        angle = self.frequency[..., None] * dt * exponents
        return Complex(size * torch.cos(angle), size * torch.sin(angle))

    def _decay(self) -> Tensor:
        """How fast states fade: all of a real part's size, (C, N)."""
        how = STABLE[self.stable]
        return how.of(getattr(self, how.weight))

    def _mix(self, turn: Complex) -> Complex:
        """That is 2 c b, (C, N); turn: exp(dt a)."""
        b = self._rise(turn)
        return Complex(self.mix[..., 0], self.mix[..., 1]) * Complex(2 * b.re, 2 * b.im)

    def _rise(self, turn: Complex) -> Complex:
        """That is b, (exp(dt a) - 1) / a."""
        decay, f = self._decay(), self.frequency
        scale = 1 / (decay * decay + f * f)
        return Complex(turn.re - 1, turn.im) * Complex(-decay * scale, -f * scale)

    def _chunks(self, x: Tensor, state: State, skip: Tensor) -> tuple[Tensor, SSMState]:
        """Within a chunk a convolution, as one matrix a channel; between chunks the state."""
        size = min(CHUNK, x.shape[1])
        power = self._powers(torch.arange(size + 1))
        mix = self._mix(Complex(power.re[..., 1], power.im[..., 1]))
        mix = Complex(mix.re[..., None], mix.im[..., None])
        reply = mix * power  # (C, N, size + 1): what a state says after so many frames
        kernel = reply.re[..., :size].sum(1)
        kernel = torch.cat([kernel[:, :1] + skip[:, None], kernel[:, 1:]], dim=1)

        def kept(s: Tensor, frames: int) -> Tensor:
            fade = Complex(power.re[..., frames][:, None], power.im[..., frames][:, None])
            return torch.cat(fade * Complex(*s.chunk(2, dim=-1)), dim=-1)

        y, s = by_chunks(
            x,
            torch.cat([*state], dim=-1),
            kernel,
            said=torch.cat([reply.re, -reply.im], dim=1),
            heard=torch.cat([*power], dim=1).transpose(1, 2),
            kept=kept,
        )
        return y, SSMState(*s.chunk(2, dim=-1))


EXAMPLES = {
    "default": Example(lambda: SSM(8, 4, dt=(0.02, 0.5))),
    "many_states": Example(lambda: SSM(8, 6, dt=(0.02, 0.2))),
    "best": Example(lambda: SSM(8, 4, dt=(0.02, 0.5), stable="best")),
}
