"""Multi-head state spaces: heads that remember for times of their own, half of them as gates."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edgernn.cells.ssm import SSM
from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class MultiHeadSSM(Streaming):
    """Project to heads, a state space each, heads gate heads, project back.

        u = W_in x;  v = SSM(u);  y = W_out (v[heads 0, 2, ..] * sigmoid(v[heads 1, 3, ..]))

    As in the paper: parallel heads of state spaces, with inter-head gating, in the place of
    attention. Our choice: diagonal state spaces, one of them a channel; the range of dt is cut
    into one band a pair of heads, so that heads begin with short and with long memories; the
    gate is a sigmoid.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, heads * width, N).
    Raises: ShapeError for an odd number of heads, or sizes below 1.
    Source: Fathullah et al. 2023, arXiv:2305.12498.
    """

    def __init__(
        self,
        channels: int,
        heads: int = 4,
        *,
        width: int | None = None,
        states: int = 16,
        dt: tuple[float, float] = (1e-3, 1e-1),
    ) -> None:
        super().__init__()
        if heads < 2 or heads % 2:
            raise ShapeError(f"MultiHeadSSM: {heads} heads; need an even number, half of them gate")
        self.heads, self.width = heads, width or max(1, 2 * channels // heads)
        inner = self.heads * self.width
        self.input = Linear(channels, inner)
        self.ssm = SSM(inner, states, dt=dt)
        self.output = Linear(inner // 2, channels)
        with torch.no_grad():
            self.ssm.log_dt.copy_(self._bands(*(math.log(end) for end in dt)))

    def _bands(self, low: float, high: float) -> Tensor:
        """The logarithm of dt of each channel, (heads * width,), a band for each pair of heads."""
        pairs = self.heads // 2
        at = (torch.arange(pairs)[:, None, None] + torch.rand(pairs, 2, self.width)) / pairs
        return (low + (high - low) * at).flatten()

    def initial_state(self, batch: int) -> State:
        return self.ssm.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        u, _ = self.input.step(x, ())
        v, after = self.ssm.step(u, state)
        pairs = v.reshape(*v.shape[:2], self.heads // 2, 2, self.width)
        heard = pairs[:, :, :, 0] * torch.sigmoid(pairs[:, :, :, 1])
        return self.output.step(heard.flatten(2), ())[0], after


EXAMPLES = {
    "default": Example(lambda: MultiHeadSSM(8, 2, states=3, dt=(0.1, 0.5))),
    "heads": Example(lambda: MultiHeadSSM(8, 4, width=3, states=2, dt=(0.1, 0.5))),
}
