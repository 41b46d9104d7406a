"""Multi-head state spaces: heads that remember for times of their own, half of them as gates."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from edgernn.cells.ssm import SSM
from edgernn.errors import ShapeError
from edgernn.layers.activation import GLU
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class MultiHeadSSM(Streaming):
    """Project to heads, a state space each, heads gate heads, project back.

        u = W_in x;  v = SSM(u);  y = W_out (v[first half] * sigmoid(v[second half]))

    As in the paper: parallel heads of state spaces, with inter-head gating, in the place of
    attention. Our choice: diagonal state spaces, one of them a channel; the range of dt is cut
    into one band a pair of heads, so that heads begin with short and with long memories; the
    gate is a sigmoid, and a head of the first half is gated by its like of the second.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, heads * width, N).
    Raises: ShapeError for an odd number of heads, or sizes below 1.
    Source: Fathullah et al. 2023, arXiv:2305.12498.
    """

    layout = Layout(chain=("input", "ssm", "gate", "output"))
    parallel = "chunks"

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
        gated = heads // 2 * (width or max(1, 2 * channels // heads))
        self.input = Linear(channels, 2 * gated)
        self.ssm = SSM(2 * gated, states, dt=dt)
        self.gate = GLU()
        self.output = Linear(gated, channels)
        with torch.no_grad():
            low, high = (math.log(end) for end in dt)
            self.ssm.log_dt.copy_(_bands(heads // 2, gated, low, high))

    def initial_state(self, batch: int) -> State:
        return self.ssm.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        u, _ = self.input.step(x, ())
        v, after = self.ssm.step(u, state)
        y, _ = self.gate.step(v, ())
        return self.output.step(y, ())[0], after


def _bands(pairs: int, gated: int, low: float, high: float) -> Tensor:
    """The logarithm of dt of each channel, (2 * gated,), drawn from the band of its heads."""
    band = torch.arange(pairs)[:, None].expand(pairs, gated // pairs).flatten()
    return (low + (high - low) * (band + torch.rand(2, gated)) / pairs).flatten()


EXAMPLES = {
    "default": Example(lambda: MultiHeadSSM(8, 2, states=3, dt=(0.1, 0.5))),
    "heads": Example(lambda: MultiHeadSSM(8, 4, width=3, states=2, dt=(0.1, 0.5))),
}
