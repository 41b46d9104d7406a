"""HGRN2: an HGRN whose state is a matrix; forget gates with a floor, tied input gates."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layers.norm import RMSNorm
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.state_expansion import merged_heads
from edgernn.streaming import Example, Streaming

LEAST = 1e-6  # of a forget gate without a floor, so that its logarithm is finite; our choice


class HGRN2State(NamedTuple):
    """What an HGRN2 remembers: values by keys."""

    memory: Tensor  # (B, heads, K, V)


class HGRN2(Streaming):
    """The outer product in the place of HGRN's product; rows of the one product are o, f, i.

        f = floor + (1 - floor) sigmoid(W_f x);  i = W_i x;  o = silu(W_o x)
        S' = diag(f) S + (1 - f) i^T;  y = W RMSNorm(o S')

    Of each head, which has `expand` keys, by default as many as values, C / heads. The input gate
    is the forget gate's rest. floor: the least that a forget gate keeps, 0 or more and below 1.

    Shapes: x (B, T, C) -> y (B, T, C); state memory (B, heads, expand, C / heads).
    Raises: ShapeError for heads that do not divide C, no keys, a floor that is none, or x of
        another width.
    Source: Qin et al. 2024, arXiv:2404.07904. Differs: there the floors of all layers are learned
        together, as running sums of a softmax over layers; here a layer's is given. Our choice: the
        norm is that of all heads at once.
    """

    parallel = "chunks"

    def __init__(
        self, channels: int, heads: int, *, expand: int | None = None, floor: float = 0.0
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"HGRN2: {heads} heads must divide {channels} channels")
        if not 0 <= floor < 1:
            raise ShapeError(f"HGRN2: a floor of {floor:g}; need one of at least 0 and below 1")
        keys = channels // heads if expand is None else expand
        if keys < 1:
            raise ShapeError(f"HGRN2: {keys} keys a head; need at least 1")
        self.channels, self.heads, self.keys, self.floor = channels, heads, keys, floor
        self.input = Linear(channels, 2 * heads * keys + channels, bias=False)
        self.norm = RMSNorm(channels)
        self.output = Linear(channels, channels, bias=False)

    def initial_state(self, batch: int) -> State:
        width = self.channels // self.heads
        return HGRN2State(self.new_zeros(batch, self.heads, self.keys, width))

    def expand_state(self, factor: int) -> None:
        """Merge so many heads into one: their values are told by the keys of all of them.

        Raises: ShapeError for a factor that does not divide the heads.
        """
        self.heads, self.keys = merged_heads(self, factor), self.keys * factor

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        keys, made = self.heads * self.keys, self.input.step(x, ())[0]
        parts = made[..., :keys], made[..., keys : 2 * keys], made[..., 2 * keys :]
        o, f, i = (part.reshape(*x.shape[:2], self.heads, -1) for part in parts)
        keep = self.floor + (1 - self.floor) * torch.sigmoid(f)
        log_decay = torch.log(keep.clamp_min(LEAST))
        y, memory = linear_attention(o * torch.sigmoid(o), 1 - keep, i, log_decay, state.memory)
        y, _ = self.norm.step(y.flatten(2), ())
        return self.output.step(y, ())[0], HGRN2State(memory)


EXAMPLES = {
    "default": Example(lambda: HGRN2(8, 2)),
    "floor": Example(lambda: HGRN2(8, 2, expand=3, floor=0.5)),
}
