"""Simple recurrent unit: all products are of the input, the recurrence is element by element."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.frames import join_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.layout import Layout
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class SRUState(NamedTuple):
    """What an SRU remembers: its cell."""

    c: Tensor  # (B, H)


class SRU(Streaming):
    """Light recurrence and a highway past it; rows of its product in the order u, f, r and skip.

        f = sigmoid(W_f x + v_f * c + b_f);  c' = f * c + (1 - f) * W_u x
        r = sigmoid(W_r x + v_r * c + b_r);  y = r * c' + (1 - r) * s;  s = alpha x

    Where H is not I, s = W_s x. alpha = sqrt(1 + 2 exp(highway_bias)), which keeps the variance.

    peephole: with v_f and v_r; without them the gates read x alone, and the recurrence is scanned.

    Weights begin uniform within sqrt(3 / I); v as W (our choice); b_f at 0, b_r at highway_bias.

    Shapes: x (B, T, I) -> y (B, T, H); state c (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Lei et al. 2018, arXiv:1709.02755.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        peephole: bool = True,
        highway_bias: float = 0.0,
    ) -> None:
        super().__init__()
        self.hidden_size, self.peephole = hidden_size, peephole
        self.parallel = "" if peephole else "scan"
        self.projects = hidden_size != input_size
        self.alpha = 1.0 if self.projects else math.sqrt(1 + 2 * math.exp(highway_bias))
        self.gates = Linear(input_size, (3 + self.projects) * hidden_size, bias=False)
        bound = math.sqrt(3 / input_size)
        nn.init.uniform_(self.gates.linear.weight, -bound, bound)
        bias = torch.zeros(2 * hidden_size)
        bias[hidden_size:] = highway_bias
        self.bias = nn.Parameter(bias)
        if peephole:
            self.peepholes = nn.Parameter(torch.empty(2 * hidden_size).uniform_(-bound, bound))
        h = "h" if self.projects else "in"  # a skip without weights makes them the same channels
        own = {"bias": (f"2 {h}",), **({"peepholes": (f"2 {h}",)} if peephole else {})}
        units, made = ((h,), "4 h") if self.projects else ((), "3 in")
        sizes = {"hidden_size": h}
        self.layout = Layout(own, {}, sizes, units, output=h, chain=("gates",), made=made)

    def initial_state(self, batch: int) -> State:
        return SRUState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        n = self.hidden_size
        product = self.gates.step(x, ())[0]
        new, gates = product[..., :n], product[..., n : 3 * n] + self.bias
        skip = product[..., 3 * n :] if self.projects else self.alpha * x
        if self.peephole:
            r, cs, c = self._with_peepholes(new, gates, state.c)
        else:
            f, r = torch.sigmoid(gates).chunk(2, dim=-1)
            cs, c = recur(f, (1 - f) * new, state.c)
        return skip + r * (cs - skip), SRUState(c)

    def _with_peepholes(self, new: Tensor, gates: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        """Each frame's r and c, and the last c."""
        rs, cs = [], []
        for u, gate in zip(split_frames(new), split_frames(gates), strict=True):
            f, r = torch.sigmoid(gate + self.peepholes * torch.cat([c, c], dim=1)).chunk(2, dim=1)
            c = u + f * (c - u)
            rs.append(r)
            cs.append(c)
        return join_frames(rs), join_frames(cs), c


EXAMPLES = {
    "default": Example(lambda: SRU(8, 6)),
    "equal_sizes": Example(lambda: SRU(8, 8, highway_bias=-1.0)),
    "no_peephole": Example(lambda: SRU(8, 6, peephole=False)),
}
