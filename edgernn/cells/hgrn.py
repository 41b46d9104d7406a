"""HGRN: a complex recurrence whose forget gates have a floor, higher in higher layers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.layout import Layout
from edgernn.scans.linear import Complex, recur_complex
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class HGRNState(NamedTuple):
    """What an HGRN remembers: real and imaginary parts of its states."""

    re: Tensor  # (B, N)
    im: Tensor  # (B, N)


class HGRU(nn.Module):
    """The recurrence of an HGRN; u holds, one after the other, N of m, then 2N of c, then 2N of g.

        lambda = floor + (1 - floor) * sigmoid(m);  c = silu(c_re) + i silu(c_im)
        h' = lambda * exp(i theta) * h + (1 - lambda) * c;  y = sigmoid(g) * [Re h', Im h']

    floor: the least that a forget gate keeps, 0 or more and below 1. theta begins as the
    rates of rotary position embeddings, 10000^(-k / N).

    Shapes: u (B, T, 5 N) -> y (B, T, 2 N); state re, im (B, N).
    Raises: ShapeError for fewer than one state, or a floor that is none.
    Source: Qin et al. 2023, arXiv:2311.04823. Differs: there the floors of all layers are learned
        together, as running sums of a softmax over layers; here a layer's is given. Our choice:
        silu of c, the gate before the norm, and where theta begins.
    """

    layout = Layout(
        {"theta": ("n",)}, sizes={"states": "n"}, units=("n",), input="5 n", output="2 n"
    )

    def __init__(self, states: int, *, floor: float = 0.0) -> None:
        super().__init__()
        if states < 1:
            raise ShapeError(f"HGRU: {states} states; need at least 1")
        if not 0 <= floor < 1:
            raise ShapeError(f"HGRU: a floor of {floor:g}; need one of at least 0 and below 1")
        self.states, self.floor = states, floor
        self.theta = nn.Parameter(10_000.0 ** (-torch.arange(float(states)) / states))

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Step a chunk."""
        n = self.states
        keep = self.floor + (1 - self.floor) * torch.sigmoid(x[..., :n])
        turn = Complex(keep * torch.cos(self.theta), keep * torch.sin(self.theta))
        c = x[..., n : 3 * n]
        re, im = (c * torch.sigmoid(c)).chunk(2, dim=-1)
        hs, h = recur_complex(turn, Complex((1 - keep) * re, (1 - keep) * im), Complex(*state))
        return torch.sigmoid(x[..., 3 * n :]) * torch.cat(hs, dim=-1), HGRNState(*h)


class HGRN(Streaming):
    """y = W_out LayerNorm(HGRU(W_in x)): the token mixer of the paper, with products around it.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, N).
    Raises: as `HGRU`; ShapeError if x's last axis is not C.
    Source: Qin et al. 2023, arXiv:2311.04823.
    """

    layout = Layout(chain=("input", "recurrence", "norm", "output"))
    parallel = "scan"

    def __init__(self, channels: int, states: int | None = None, *, floor: float = 0.0) -> None:
        super().__init__()
        self.recurrence = HGRU(channels if states is None else states, floor=floor)
        n = self.recurrence.states
        self.input = Linear(channels, 5 * n)
        self.norm = LayerNorm(2 * n)
        self.output = Linear(2 * n, channels)

    def initial_state(self, batch: int) -> State:
        zeros = self.new_zeros(batch, self.recurrence.states)
        return HGRNState(zeros, torch.zeros_like(zeros))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        u, _ = self.input.step(x, ())
        h, after = self.recurrence(u, state)
        return self.output.step(self.norm.step(h, ())[0], ())[0], after


EXAMPLES = {
    "default": Example(lambda: HGRN(8, 6)),
    "floor": Example(lambda: HGRN(8, floor=0.5)),
}
