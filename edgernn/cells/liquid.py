"""Liquid-S4: a state space that also hears how its last inputs go together."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.cells.ssm import SSM, STABLE, SSMState, ssm_layout
from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import need_frames
from edgernn.scans.linear import Complex
from edgernn.state import State
from edgernn.streaming import Example

KERNELS = ("pb", "kb")


class LiquidS4State(NamedTuple):
    """What a Liquid-S4 remembers: real and imaginary parts of its states, and the last inputs."""

    re: Tensor  # (B, C, N), or with "kb" (B, order * C, N)
    im: Tensor
    past: Tensor  # (B, order - 1, C)


class LiquidS4(SSM):
    """The linearised liquid state space ds/dt = (a + g u) s + g u, y = 2 Re(c s) + d u.

    Its reply to products of inputs is kept for those of up to `order` frames in a row:

        x_p[t] = x[t] x[t - 1] ... x[t - p + 1];  b = g (exp(dt a) - 1) / a
        pb: y = SSM(x) + sum over p > 1 of 2 Re(c b^p) x_p
        kb: s_p' = exp(dt a) s_p + x_p;  y = sum over p of 2 Re(c b^p s_p') + d x

    Weights: as those of an `SSM`, and `take` (C, N, 2), which is g and begins at 1.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, C, N), with "kb" (B, order * C, N), past
        (B, order - 1, C).
    Raises: as `SSM`; ShapeError for an order below 2, UnknownName for another kernel.
    Source: Hasani et al. 2022, arXiv:2209.12951. Differs: states are diagonal, as an S4D's, so that
        b^p is taken of each; there a is diagonal plus of low rank.
    """

    def __init__(
        self,
        channels: int,
        states: int = 16,
        *,
        order: int = 2,
        kernel: str = "pb",
        dt: tuple[float, float] = (1e-3, 1e-1),
        stable: str = "exp",
    ) -> None:
        super().__init__(channels, states, dt=dt, stable=stable)
        if order < 2:
            raise ShapeError(f"LiquidS4: products of {order} inputs; need an order of at least 2")
        if kernel not in KERNELS:
            raise UnknownName("kernel", kernel, KERNELS)
        self.order, self.kernel = order, kernel
        take = torch.zeros(channels, states, 2)
        take[..., 0] = 1
        self.take = nn.Parameter(take)
        self.layout = ssm_layout(("in", "n"), STABLE[stable].weight, take=("in", "n", ""))

    @property
    def _copies(self) -> int:
        """How many states there are of each: one an order, or one."""
        return self.order if self.kernel == "kb" else 1

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self._copies * self.channels, self.states)
        past = self.new_zeros(batch, self.order - 1, self.channels)
        return LiquidS4State(zeros, torch.zeros_like(zeros), past)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        frames, before = x.shape[1], self.order - 1
        both = torch.cat([state.past, x], dim=1)
        products = [x]
        for back in range(1, self.order):
            products.append(products[-1] * both[:, before - back : before - back + frames])
        skip = torch.cat([self.skip, *[torch.zeros_like(self.skip)] * (self._copies - 1)])
        heard = torch.cat(products, dim=-1) if self._copies > 1 else x
        y, after = self._run(heard, SSMState(state.re, state.im), skip)
        parts = list(y.chunk(self._copies, dim=-1))
        if self.kernel == "pb":
            power = self._powers(torch.ones(1))
            mixes = self._mixes(Complex(power.re[..., 0], power.im[..., 0]))[1:]
            parts += [mix.re.sum(-1) * p for mix, p in zip(mixes, products[1:], strict=True)]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total, LiquidS4State(*after, both[:, frames:])

    def _mixes(self, turn: Complex) -> list[Complex]:
        """2 c b^p (C, N), for p from 1 to the order; turn: exp(dt a) of each state once."""
        take = Complex(self.take[..., 0], self.take[..., 1])
        mixes = [super()._mix(turn) * take]
        b = self._rise(turn) * take
        while len(mixes) < self.order:
            mixes.append(mixes[-1] * b)
        return mixes

    def _powers(self, exponents: Tensor) -> Complex:
        powers = super()._powers(exponents)
        return Complex(*(torch.cat([part] * self._copies) for part in powers))

    def _mix(self, turn: Complex) -> Complex:
        one = Complex(turn.re[: self.channels], turn.im[: self.channels])
        mixes = self._mixes(one)[: self._copies]
        return Complex(*(torch.cat(parts) for parts in zip(*mixes, strict=True)))


EXAMPLES = {
    "default": Example(lambda: LiquidS4(8, 4, dt=(0.02, 0.5))),
    "kb": Example(lambda: LiquidS4(8, 3, order=3, kernel="kb", dt=(0.02, 0.5))),
}
