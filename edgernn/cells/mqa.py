"""Local multi-query attention: heads that ask the same keys of a window, turned by position."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.layers.attention import Window
from edgernn.layers.linear import Linear
from edgernn.layers.rotary import Rotary
from edgernn.state import State
from edgernn.streaming import Example


class LocalMQAState(NamedTuple):
    """How far the next frame is turned, and the window: keys and values of one head."""

    turn: State
    window: State


class LocalMQA(Window):
    """Causal attention of each frame to itself and the `left` before it, with one head of keys.

        q_h, k, v = W_h x, W_k x, W_v x;  q_h, k turned by a `Rotary`
        y[t] = W_o concat_h sum_s softmax_s(q_h[t] . k[s] / sqrt(D)) v[s] + b_o,  t - left <= s <= t

    So the state is by `heads` times smaller than that of as many heads of keys.

    Shapes: x (B, T, C) -> y (B, T, C); state turn.cos, turn.sin (B, D / 2), window.keys,
        window.values (B, left, D), window.heard (B, left); D = C / heads.
    Raises: ShapeError for heads that do not cut C into even widths, no frame beside its own, or x
        of another width.
    Source: De et al. 2024, arXiv:2402.19427, whose window is of 1024 frames.
    """

    parallel = "window"

    def __init__(self, channels: int, heads: int = 2, left: int = 15) -> None:
        if heads < 1 or channels % (2 * heads):
            raise ShapeError(
                f"LocalMQA: {heads} heads must cut {channels} channels into even widths"
            )
        width = channels // heads
        super().__init__(heads, width, left, key_heads=1)
        self.channels = channels
        self.rotary = Rotary(heads + 1, width)
        self.products = Linear(channels, channels + 2 * width, bias=False)
        self.output = Linear(channels, channels)

    def initial_state(self, batch: int) -> State:
        return LocalMQAState(self.rotary.initial_state(batch), super().initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        products, own = self.products.step(x, ())[0], self.channels
        v = products[..., own + self.width :]
        turned, turn = self.rotary.step(products[..., : own + self.width], state.turn)
        near = x.new_zeros(self.heads, self.left + 1)
        q, k = turned[..., :own], turned[..., own:]
        y, window = self.windowed(q, k, v, state.window, near)
        return self.output.step(y, ())[0], LocalMQAState(turn, window)


EXAMPLES = {
    "default": Example(lambda: LocalMQA(8, left=7)),
    "many_heads": Example(lambda: LocalMQA(8, 4, 3)),
}
