"""Linear recurrent unit: one diagonal recurrence of complex states between two products."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.linear import Complex, recur_complex
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class LRUState(NamedTuple):
    """What an LRU remembers: real and imaginary parts of its states."""

    re: Tensor  # (B, N)
    im: Tensor  # (B, N)


class Reparametrised(NamedTuple):
    """How |lambda| below 1 comes of a free number w, and w of |lambda|."""

    size: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor]


STABLE = {
    "exp": Reparametrised(lambda w: torch.exp(-torch.exp(w)), lambda r: torch.log(-torch.log(r))),
    "best": Reparametrised(
        lambda w: 1 - 1 / (w * w + 0.5), lambda r: torch.sqrt(1 / (1 - r) - 0.5)
    ),
}


class ComplexDecay(Streaming):
    """N complex states, each turning and fading at a rate of its own.

        h' = lambda * h + gamma * u;  lambda = size(w) exp(i exp(theta)),  gamma = exp(log_gain)

    stable: size(w) is exp(-exp(w)) for "exp", as the LRU has it, and 1 - 1 / (w^2 + 1/2) for
    "best", whose gradient stays in proportion to w however long the memory.

    Weights: `decay`, which is w, `log_angle`, which is theta, and `log_gain`, (N,) each. |lambda|
    begins uniform on the ring between `radius`, its angle uniform below `most_angle`, gamma as
    sqrt(1 - |lambda|^2).

    Shapes: u (B, T, 2 N), real parts first -> h (B, T, 2 N); state re, im (B, N).
    Raises: ShapeError for fewer than one state, a ring or an angle that is none, or u of another
        width; UnknownName for another `stable`.
    Source: Orvieto et al. 2023, arXiv:2303.06349; "best": Wang and Li 2023, arXiv:2311.14495.
    """

    layout = Layout(
        dict.fromkeys(("decay", "log_angle", "log_gain"), ("n",)),
        sizes={"states": "n"},
        units=("n",),
        input="2 n",
        output="2 n",
    )
    parallel = "scan"

    def __init__(
        self,
        states: int,
        *,
        radius: tuple[float, float] = (0.0, 1.0),
        most_angle: float = 2 * math.pi,
        stable: str = "exp",
    ) -> None:
        super().__init__()
        low, high = radius
        if states < 1:
            raise ShapeError(f"ComplexDecay: {states} states; need at least 1")
        if not 0 <= low < high <= 1:
            raise ShapeError(f"ComplexDecay: radius {low:g} to {high:g}; need 0 <= low < high <= 1")
        if not most_angle > 0:
            raise ShapeError(f"ComplexDecay: most_angle {most_angle:g}; need one above 0")
        if stable not in STABLE:
            raise UnknownName("reparametrisation", stable, STABLE)
        self.states, self.stable = states, stable
        share = torch.rand(states).clamp(1e-4, 1 - 1e-4)  # of the ring's area: never its edge
        size = torch.sqrt(share * (high * high - low * low) + low * low)
        self.decay = nn.Parameter(STABLE[stable].inverse(size))
        self.log_angle = nn.Parameter(torch.log(most_angle * torch.rand(states).clamp_min(1e-4)))
        self.log_gain = nn.Parameter(0.5 * torch.log(1 - size * size))

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.states)
        return LRUState(zeros, torch.zeros_like(zeros))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, 2 * self.states)
        size, angle = STABLE[self.stable].size(self.decay), torch.exp(self.log_angle)
        turn = Complex(size * torch.cos(angle), size * torch.sin(angle))
        gain = torch.exp(self.log_gain)
        u = Complex(*(gain * part for part in x.chunk(2, dim=-1)))
        hs, h = recur_complex(turn, u, Complex(*state))
        return torch.cat(hs, dim=-1), LRUState(*h)


class LRU(Streaming):
    """y = Re(C h) + d x of complex states h' = lambda * h + gamma * (B x), see `ComplexDecay`.

    Weights: `input` gives B x, real parts first; `output` reads real and imaginary parts, so that
    it holds Re C and -Im C. Variances begin as in the paper: 1 / 2C of each part of B, 1 / N of C,
    1 of d.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, N).
    Raises: as `ComplexDecay`; ShapeError if x's last axis is not C.
    Source: Orvieto et al. 2023, arXiv:2303.06349.
    """

    layout = Layout({"skip": ("in",)}, output="in", chain=("input", "recurrence", "output"))
    parallel = "scan"

    def __init__(
        self,
        channels: int,
        states: int | None = None,
        *,
        radius: tuple[float, float] = (0.0, 1.0),
        most_angle: float = 2 * math.pi,
        stable: str = "exp",
    ) -> None:
        super().__init__()
        self.recurrence = ComplexDecay(
            channels if states is None else states,
            radius=radius,
            most_angle=most_angle,
            stable=stable,
        )
        n = self.recurrence.states
        self.input = Linear(channels, 2 * n, bias=False)
        self.output = Linear(2 * n, channels, bias=False)
        nn.init.normal_(self.input.linear.weight, std=math.sqrt(0.5 / channels))
        nn.init.normal_(self.output.linear.weight, std=math.sqrt(1 / n))
        self.skip = nn.Parameter(torch.randn(channels))

    def initial_state(self, batch: int) -> State:
        return self.recurrence.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        u, _ = self.input.step(x, ())
        h, after = self.recurrence.step(u, state)
        return self.output.step(h, ())[0] + self.skip * x, after


EXAMPLES = {
    "default": Example(lambda: LRU(8, 6)),
    "best": Example(lambda: LRU(8, radius=(0.5, 0.9), most_angle=1.0, stable="best")),
    "decay": Example(lambda: ComplexDecay(4)),
}
