"""Mixtures of each frame with the one before, in shares that the two say by maps of low rank."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Delay, DelayState, Example, Streaming


class LowRank(Streaming):
    """y = W_up tanh(W_down x) + b, which begins at b alone: W_down at 0, W_up within 0.01.

    Shapes: x (B, T, C) -> y (B, T, C'); no state.
    Raises: ShapeError for a rank below 1, or x of another width.
    Source: Peng et al. 2024, arXiv:2404.05892.
    """

    def __init__(
        self, in_features: int, out_features: int, rank: int, *, bias: bool = False
    ) -> None:
        super().__init__()
        if rank < 1:
            raise ShapeError(f"LowRank: rank {rank}; need at least 1")
        self.down = Linear(in_features, rank, bias=False)
        self.up = Linear(rank, out_features, bias=bias)
        nn.init.zeros_(self.down.linear.weight)
        nn.init.uniform_(self.up.linear.weight, -0.01, 0.01)
        if bias:
            nn.init.zeros_(self.up.linear.bias)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self.up.step(torch.tanh(self.down.step(x, ())[0]), state)


def put_to_work(unit: nn.Module) -> None:
    """Give every low rank in it weights that are none of those it begins with."""
    for part in unit.modules():
        if isinstance(part, LowRank):
            nn.init.normal_(part.down.linear.weight, std=0.1)
            nn.init.normal_(part.up.linear.weight, std=0.1)


class TokenShift(Streaming):
    """Mixtures one after the other, each in shares of its own, which the input moves.

        y_i = x + (before - x) * (mu_i + L_i(x + (before - x) * mu));  L_i a `LowRank`

    powers: one of each mixture; mu_i begins as 1 - (channel / C)^power, mu with a power of 1. A
    frame's own share is 1 - mu_i at first.

    Weights: `mix` (1 + mixtures, C), which is mu, then each mu_i.

    Shapes: x (B, T, C) -> y (B, T, mixtures * C); state past (B, 1, C).
    Raises: ShapeError for no mixtures, a rank below 1, or x of another width.
    Source: Peng et al. 2024, arXiv:2404.05892.
    """

    def __init__(self, channels: int, powers: Sequence[float], rank: int) -> None:
        super().__init__()
        if not powers:
            raise ShapeError("TokenShift: no mixtures; need at least 1")
        self.channels = channels
        self.delay = Delay(1, channels)
        place = torch.arange(float(channels)) / channels
        self.mix = nn.Parameter(torch.stack([1 - place**power for power in (1.0, *powers)]))
        self.moved = nn.ModuleList(LowRank(channels, channels, rank) for _ in powers)

    def initial_state(self, batch: int) -> State:
        return DelayState(self.new_zeros(batch, 1, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        before, after = self.delay.step(x, state)
        apart = before - x
        return torch.cat([x + apart * share for share in self.shares(x, apart)], dim=-1), after

    def shares(self, x: Tensor, apart: Tensor) -> list[Tensor]:
        """What each mixture takes of the frame before; apart: how far that is from x."""
        asking = x + apart * self.mix[0]
        return [mu + moved(asking) for mu, moved in zip(self.mix[1:], self.moved, strict=True)]


EXAMPLES = {
    "low_rank": Example(lambda: LowRank(8, 5, 3, bias=True)),
    "token_shift": Example(lambda: TokenShift(8, (1.0, 0.5), 2)),
}
