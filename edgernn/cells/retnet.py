"""RetNet's retention: linear attention whose heads turn by position and forget at fixed rates."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.layers.rotary import Rotary
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.state_expansion import merged_heads
from edgernn.streaming import Example, Streaming


class RetNetState(NamedTuple):
    """What a RetNet remembers: values by keys, and how far keys are turned."""

    memory: Tensor  # (B, heads, K, V)
    turn: Any  # of `Rotary`


class RetNet(Streaming):
    """Multi-scale retention; rows of the one product are q, k, v, g.

        S' = gamma S + k^ v^T;  y = W_o (silu(g) * GroupNorm(q^ S'));  k^ = k / sqrt(K), turned
        gamma = 1 - 2^(-5 - head)

    q^, k^: turned by position, see `Rotary`. A head has K = C / heads keys and twice as many
    values; the norm is that of each head. The heads' rates are no weights. The same as the paper's
    parallel form, (Q K^T * D) V with D = gamma^(n - m). merged: so many heads share one memory, in
    which each key keeps its rate and its angle; the norm is then that of all of them.

    Shapes: x (B, T, C) -> y (B, T, C); state memory (B, heads, K, 2 K), K times `merged` and heads
        by it, turn cos, sin (B, K / 2).
    Raises: ShapeError for heads that do not divide C in even parts, merged that does not divide
        them, or x of another width.
    Source: Sun et al. 2023, arXiv:2307.08621; angles: arXiv:2104.09864, as xPos has them. Differs:
        scores are not divided by their sums, for the norm undoes that.
    """

    parallel = "chunks"
    log_decay: Tensor

    def __init__(self, channels: int, heads: int, *, merged: int = 1) -> None:
        super().__init__()
        if heads < 1 or channels % (2 * heads):
            raise ShapeError(f"RetNet: {heads} heads must divide {channels} channels in even parts")
        self.channels, self.heads, self.merged = channels, heads, 1
        self.input = Linear(channels, 6 * channels, bias=False)
        self.rotary = Rotary(2 * heads, channels // heads)
        self.norm = GroupNorm(heads, 2 * channels)
        self.output = Linear(2 * channels, channels, bias=False)
        self.register_buffer("log_decay", torch.log1p(-(2.0 ** (-5 - torch.arange(heads)))))
        at = [0, channels, 2 * channels, 4 * channels, 6 * channels]
        for low, high in pairwise(at):
            nn.init.xavier_uniform_(self.input.linear.weight[low:high], gain=2**-2.5)
        nn.init.xavier_uniform_(self.output.linear.weight)
        if merged != 1:
            self.expand_state(merged)

    def expand_state(self, factor: int) -> None:
        """Merge so many heads into one: their values are told by the keys of all of them.

        Raises: ShapeError for a factor that does not divide the heads.
        """
        self.norm.norm.num_groups = merged_heads(self, factor, self.heads // self.merged)
        self.merged *= factor

    def initial_state(self, batch: int) -> State:
        heads = self.heads // self.merged
        keys = self.channels // heads
        memory = self.new_zeros(batch, heads, keys, 2 * keys)
        return RetNetState(memory, self.rotary.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        c, made = self.channels, self.input.step(x, ())[0]
        turned, turn = self.rotary.step(made[..., : 2 * c], state.turn)
        k = turned[..., c:] * (c / self.heads) ** -0.5
        parts = turned[..., :c], k, made[..., 2 * c : 4 * c]
        heads = self.heads // self.merged
        q, k, v = (part.reshape(*x.shape[:2], heads, -1) for part in parts)
        log_decay = self.log_decay.reshape(1, 1, -1, 1)
        if self.merged > 1:
            log_decay = log_decay.expand(1, 1, -1, c // self.heads).reshape(1, 1, heads, -1)
        heard, memory = linear_attention(q, k, v, log_decay, state.memory)
        y, _ = self.norm.step(heard.flatten(2), ())
        y = F.silu(made[..., 4 * c :]) * y
        return self.output.step(y, ())[0], RetNetState(memory, turn)


EXAMPLES = {
    "default": Example(lambda: RetNet(8, 2)),
    "one_head": Example(lambda: RetNet(8, 1)),
    "merged": Example(lambda: RetNet(8, 4, merged=2)),
}
