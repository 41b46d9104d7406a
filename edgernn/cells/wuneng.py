"""WuNeng: heads of attention and of RWKV-7 side by side, and heads between them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgernn.cells.rwkv7 import RWKV7
from edgernn.layers.attention import Window
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class WuNengState(NamedTuple):
    """What a WuNeng remembers: the window of its attention, and what its RWKV-7 does."""

    window: Any  # of `Window`
    rwkv: Any  # of `RWKV7`


class WuNeng(Streaming):
    """Attention to the last frames, with RWKV-7 heads added, none replaced.

        A = softmax attention of W_q x, W_k x, W_v x, to each frame and the `left` before it
        R = what an RWKV-7 gives before its last product;  g = sigmoid(W_g x)
        M = g * A + (1 - g) * R, the middle heads;  y = W_o [A, M] + W_r R

    The last is one product of all heads side by side; W_r is the RWKV-7's own.

    Shapes: x (B, T, C) -> y (B, T, C); state window.keys, values (B, left, C), heard (B, left),
        rwkv.past.past (B, 1, C), rwkv.memory (B, heads, K, K).
    Raises: as `RWKV7` and `Window`.
    Source: Xiao et al. 2025, arXiv:2504.19191 (hybrid heads, gated fusion). Differs: attention
        keeps a window, where the paper's keeps all frames. Our choice: all three kinds have as many
        heads; a gate of each channel fuses the middle ones; the paper's state for several tokens
        at once is left out.
    """

    parallel = "chunks"

    def __init__(self, channels: int, heads: int, left: int = 15) -> None:
        super().__init__()
        self.rwkv = RWKV7(channels, heads)
        self.window = Window(heads, channels // heads, left)
        self.attention = Linear(channels, 3 * channels)
        self.gate = Linear(channels, channels)
        self.output = Linear(2 * channels, channels, bias=False)

    def initial_state(self, batch: int) -> State:
        rwkv = self.rwkv.initial_state(batch)
        window = self.window.initial_state(batch)
        return WuNengState(type(window)(*(part.to(rwkv.memory) for part in window)), rwkv)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        by_state, rwkv = self.rwkv.heard(x, state.rwkv)
        attended, window = self.window.step(self.attention.step(x, ())[0], state.window)
        gate = torch.sigmoid(self.gate.step(x, ())[0])
        middle = by_state + gate * (attended - by_state)
        y, _ = self.output.step(torch.cat([attended, middle], dim=-1), ())
        return y + self.rwkv.output.step(by_state, ())[0], WuNengState(window, rwkv)


EXAMPLES = {
    "default": Example(lambda: WuNeng(16, 2, 3), channels=16),
    "one_head": Example(lambda: WuNeng(8, 1, 2)),
}
