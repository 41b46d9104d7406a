"""SWAX: attention to a short window for what is near, an mLSTM behind it for what is far."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgernn.cells.mlstm import MLSTM
from edgernn.errors import ShapeError
from edgernn.layers.attention import Window
from edgernn.layers.linear import Linear
from edgernn.layers.norm import RMSNorm
from edgernn.layers.rotary import Rotary
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class SWAXState(NamedTuple):
    """What a SWAX remembers: how far the next frame is turned, its window, and its mLSTM."""

    turn: Any  # of `Rotary`
    window: Any  # of `Window`
    memory: Any  # of `MLSTM`


class SWAX(Streaming):
    """One layer of each kind, which the paper stacks one to one.

        u = x + W_o attention(R q, R k, v), of q, k, v = W RMSNorm(x), R a `Rotary`
        y = u + W_m MLSTM(RMSNorm(u))

    Attention is to each frame and the `left` before it. short: in training, each sequence is given
    that many frames before each instead, with a chance of 1/2, so that what is further off is
    learned by the mLSTM; None leaves the window as it is.

    Shapes: x (B, T, C) -> y (B, T, C); state turn.cos, turn.sin (B, D / 2), window.keys,
        window.values (B, left, C), window.heard (B, left), memory as that of an `MLSTM`;
        D = C / heads.
    Raises: ShapeError for heads that do not divide C, an odd D, no frame beside its own, a short
        window that is none, or x of another width.
    Source: Cabannes et al. 2025, arXiv:2509.24552. Our choice: the chance of a short window; the
        feed-forward layers between those of the paper are left out.
    """

    parallel = "chunks"

    def __init__(
        self, channels: int, heads: int = 2, left: int = 15, *, short: int | None = None
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"SWAX: {heads} heads must divide {channels} channels")
        if short is not None and not 0 <= short < left:
            raise ShapeError(f"SWAX: a short window of {short}; need 0 or more, below {left}")
        self.short = short
        self.norm, self.memory_norm = RMSNorm(channels), RMSNorm(channels)
        self.products = Linear(channels, 3 * channels, bias=False)
        self.rotary = Rotary(2 * heads, channels // heads)
        self.window = Window(heads, channels // heads, left)
        self.attended, self.remembered = (Linear(channels, channels) for _ in range(2))
        self.memory = MLSTM(channels, channels, heads)

    def initial_state(self, batch: int) -> State:
        turn, memory = self.rotary.initial_state(batch), self.memory.initial_state(batch)
        window = self.window.initial_state(batch)
        return SWAXState(turn, type(window)(*(part.to(memory.memory) for part in window)), memory)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        products, c = self.products.step(self.norm.step(x, ())[0], ())[0], x.shape[2]
        turned, turn = self.rotary.step(products[..., : 2 * c], state.turn)
        seen, window = self.window.windowed(
            turned[..., :c], turned[..., c:], products[..., 2 * c :], state.window, self._near(x)
        )
        u = x + self.attended.step(seen, ())[0]
        told, memory = self.memory.step(self.memory_norm.step(u, ())[0], state.memory)
        return u + self.remembered.step(told, ())[0], SWAXState(turn, window, memory)

    def _near(self, x: Tensor) -> Tensor:
        """What is added to scores by distance: nothing, or no share for what is not near."""
        near = x.new_zeros(self.window.heads, self.window.left + 1)
        if self.training and self.short is not None and bool(torch.rand(()) < 0.5):
            near[:, : self.window.left - self.short] = float("-inf")
        return near


EXAMPLES = {
    "default": Example(lambda: SWAX(8)),
    "short": Example(lambda: SWAX(8, 2, 6, short=2)),
}
