"""Lattice: a few memory slots of length 1, each of which takes in only what is new to it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Example, Streaming

LEAST = 1e-12  # of the square of a code's length
OBJECTIVES = ("decode", "encode", "similar")


class LatticeState(NamedTuple):
    """What a Lattice remembers: by head its slots, each of length 1."""

    slots: Tensor  # (B, heads, M, D)


class Lattice(Streaming):
    """Slots s_i on the unit sphere, a step of gradient descent a frame; rows: q, k, v, rate.

        s_i' = normalised(s_i + rate g_i (I - s_i s_i^T) u);  y = W_o sum_i q_i s_i'

    decode, |v - sum_i k_i s_i|^2 grows less: g_i = k_i, u = v - sum_i k_i s_i
    encode, sum_i (k_i - s_i v)^2 grows less: g_i = k_i - s_i v, u = v
    similar, v sum_i k_i s_i grows: g_i = k_i, u = v

    k: a code of the M slots, of length 1. rate: a sigmoid, one a head. What lies along a slot
    changes nothing; as a slot turns to what is new it forgets the old. The next step needs the
    slots of this one, so frames go one after the other, in training too.

    Weights: the buffer `slots` (heads, M, D), where each stream begins: random, of length 1.

    Shapes: x (B, T, C) -> y (B, T, C); state slots (B, heads, M, D), D = C / heads.
    Raises: ShapeError for heads that do not divide C, fewer than one slot, or x of another width;
        UnknownName for another objective.
    Source: Karami et al. 2025, arXiv:2504.05646. Differs: exact, where the paper trains with slots
        held through a chunk. Our choice: slots are normalised in each frame (its proposition that
        this is descent on the sphere), codes are linear, keys of length 1.
    """

    slots: Tensor

    def __init__(
        self, channels: int, heads: int, slots: int = 16, *, objective: str = "decode"
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads or slots < 1:
            raise ShapeError(
                f"Lattice: {heads} heads of {slots} slots must divide {channels} channels, "
                "and have at least 1 slot"
            )
        if objective not in OBJECTIVES:
            raise UnknownName("objective", objective, OBJECTIVES)
        self.channels, self.heads, self.objective = channels, heads, objective
        codes = heads * slots
        self.sizes = [codes, codes, channels, heads]
        self.input = Linear(channels, sum(self.sizes))
        self.output = Linear(channels, channels)
        begin = torch.randn(heads, slots, channels // heads)
        self.register_buffer("slots", F.normalize(begin, dim=-1))

    def initial_state(self, batch: int) -> State:
        return LatticeState(self.slots.repeat(batch, 1, 1, 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        heard, after = fold_frames(self._frame, split_frames(self.input.step(x, ())[0]), state)
        return self.output.step(heard, ())[0], after

    def _frame(self, made: Tensor, state: LatticeState) -> tuple[Tensor, LatticeState]:
        q, k, v, rate = (
            part.reshape(len(made), self.heads, 1, -1)
            for part in torch.split(made, self.sizes, dim=1)
        )
        k, s = k / torch.sqrt((k * k).sum(-1, keepdim=True) + LEAST), state.slots
        u = v - torch.matmul(k, s) if self.objective == "decode" else v
        gain = k.transpose(2, 3)
        if self.objective == "encode":
            gain = gain - torch.matmul(s, v.transpose(2, 3))
        moved = torch.sigmoid(rate) * gain * u
        s = s + moved - s * (moved * s).sum(-1, keepdim=True)
        s = s / torch.sqrt((s * s).sum(-1, keepdim=True))
        return torch.matmul(q, s).flatten(1), LatticeState(s)


EXAMPLES = {
    "decode": Example(lambda: Lattice(16, 2, 6), channels=16),
    "encode": Example(lambda: Lattice(8, 1, 4, objective="encode")),
    "similar": Example(lambda: Lattice(8, 1, 2, objective="similar")),
}
