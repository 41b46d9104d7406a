"""LRNN: a linear recurrence whose small matrices are chosen by the input, so that it can count."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming

POWER = 1.2  # p of the norm that columns are held below
LEAST = 1e-12  # of what a logarithm is taken; our choice


class LRNNState(NamedTuple):
    """What an LRNN remembers: its last output, by blocks."""

    h: Tensor  # (B, C / block, block)


class LRNN(Streaming):
    """Blocks of channels, each multiplied by a matrix of its own that the frame makes.

        m = M2 relu(M1 x + b_m1) + b_m2, a matrix a block;  m = m - mean of each column
        A = m / max over columns of their p-norm, p = 1.2
        h' = A h + V2 relu(V1 x + b_v1) + b_v2

    Such a matrix can turn what is remembered or swap it, which rates of single channels cannot:
    it follows regular languages, at lengths that it was not trained on. h begins at the weights
    `begin`, (C / block, block), which are normal with deviation 1.

    Shapes: x (B, T, C) -> y (B, T, C); state h (B, C / block, block).
    Raises: ShapeError for a block below 2 or one that does not divide C, or x of another width.
    Source: Fan et al. 2023, arXiv:2309.07412.
    """

    parallel = "scan"

    def __init__(self, channels: int, *, block: int = 8) -> None:
        super().__init__()
        if block < 2 or channels % block:
            raise ShapeError(
                f"LRNN: blocks of {block} must be of 2 channels or more and divide {channels}"
            )
        self.channels, self.block = channels, block
        entries = channels * block
        self.spread, self.turn = Linear(channels, entries), Linear(entries, entries)
        self.hear, self.value = Linear(channels, channels), Linear(channels, channels)
        self.begin = nn.Parameter(torch.randn(channels // block, block))

    def initial_state(self, batch: int) -> State:
        return LRNNState(self.begin.expand(batch, -1, -1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        made, _ = self.turn.step(torch.relu(self.spread.step(x, ())[0]), ())
        value, _ = self.value.step(torch.relu(self.hear.step(x, ())[0]), ())
        shape = (*x.shape[:2], self.channels // self.block, self.block)
        turns = self._matrices(made.reshape(*shape, self.block))
        hs, h = recur(turns, value.reshape(shape), state.h)
        return hs.reshape(x.shape), LRNNState(h)

    def _matrices(self, made: Tensor) -> Tensor:
        """With columns of no mean, none of which is longer than 1: (..., block, block)."""
        made = made - made.mean(-2, keepdim=True)
        powers = torch.exp(POWER * torch.log(made.abs().clamp_min(LEAST)))
        longest = powers.sum(-2, keepdim=True).amax(-1, keepdim=True)
        return made * torch.exp(torch.log(longest) * (-1 / POWER))


EXAMPLES = {
    "default": Example(lambda: LRNN(8, block=4)),
    "pairs": Example(lambda: LRNN(8, block=2)),
}
