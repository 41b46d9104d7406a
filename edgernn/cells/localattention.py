"""Attention to the last frames alone: the keys and values of a window are its state."""

from __future__ import annotations

from edgernn.layers.attention import WindowAttention
from edgernn.streaming import Example


class LocalAttention(WindowAttention):
    """The layer `WindowAttention` as a recurrent unit: causal, of each frame and `left` before it.

        y[t] = W_o concat_h sum_s softmax_s(q[t] . k[s] / sqrt(D) + r_h[s - t]) v[s]
        t - left <= s <= t

    Shapes: x (B, T, C) -> y (B, T, C); state keys, values (B, left, C), heard (B, left).
    Raises: ShapeError for heads that do not divide C, a window without a frame beside its own, or x
        of another width.
    Source: Zhang et al. 2020, arXiv:2002.02562.
    """

    parallel = "window"

    def __init__(self, channels: int, heads: int = 2, left: int = 15) -> None:
        super().__init__(channels, heads, left)


EXAMPLES = {
    "default": Example(lambda: LocalAttention(8)),
    "short": Example(lambda: LocalAttention(8, 1, 3)),
}
