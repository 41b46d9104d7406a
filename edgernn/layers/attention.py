"""Self-attention over a window that moves along: some frames back, a few ahead."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing

LEAST = 32  # frames that are read at once, at least
HEARD = 30.0  # added to the score of a frame that was heard: beside it no other has a share


class AttentionState(NamedTuple):
    """What later frames still attend to, and whether it was heard or lies before the first."""

    keys: Tensor  # (B, left + right, key_heads * width)
    values: Tensor  # (B, left + right, key_heads * width)
    heard: Tensor  # (B, left + right), 1 or 0


class WaitingState(NamedTuple):
    """The same, and what asks once its future is known."""

    keys: Tensor
    values: Tensor
    heard: Tensor
    queries: Tensor  # (B, right, heads * width)


class Window(Streaming):
    """What is asked for among `left` frames before each, itself, and `right` after it.

        y[t] = concat_h softmax(q[t] . k[s] / sqrt(width) + r_h[s - t]) v[s]
        t - left <= s <= t + right

    With frames ahead, y[t] comes `right` frames later. What lies before the first frame has no
    share, to within 1e-13. Here r is 0 and nothing is trained: queries, keys and values come side
    by side.

    key_heads: of keys and values, where fewer are shared by the heads that ask, evenly, in order.

    Shapes: x (B, T, (heads + 2 key_heads) width) -> y (B, T, heads width); state keys, values
        (B, left + right, key_heads width), heard (B, left + right), and with frames ahead queries
        (B, right, heads width).
    Raises: ShapeError for no heads, key_heads that do not divide them, a window of its own frame
        alone, or x of another width.
    Source: Vaswani et al. 2017, arXiv:1706.03762; the window: Zhang et al. 2020, arXiv:2002.02562;
        keys of one head: Shazeer 2019, arXiv:1911.02150.
    """

    def __init__(
        self, heads: int, width: int, left: int, right: int = 0, *, key_heads: int | None = None
    ) -> None:
        super().__init__()
        if heads < 1 or width < 1:
            raise ShapeError(f"{type(self).__name__}: {heads} heads of {width}; need at least 1")
        key_heads = heads if key_heads is None else key_heads
        if key_heads < 1 or heads % key_heads:
            raise ShapeError(f"{type(self).__name__}: {key_heads} key_heads must divide {heads}")
        if left < 0 or right < 0 or left + right < 1:
            raise ShapeError(
                f"{type(self).__name__}: left {left} and right {right}; need a frame beside its own"
            )
        self.heads, self.width, self.left, self.right = heads, width, left, right
        self.key_heads = key_heads
        self.timing = Timing(delay=right)

    def initial_state(self, batch: int) -> State:
        past = self.new_zeros(batch, self.left + self.right, self.key_heads * self.width)
        begin = AttentionState(past, torch.zeros_like(past), torch.zeros_like(past[..., 0]))
        if not self.right:
            return begin
        return WaitingState(*begin, self.new_zeros(batch, self.right, self.heads * self.width))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        inner, shared = self.heads * self.width, self.key_heads * self.width
        need_frames(self, x, inner + 2 * shared)
        near = x.new_zeros(self.heads, self.left + 1 + self.right)
        k, v = x[..., inner : inner + shared], x[..., inner + shared :]
        return self.windowed(x[..., :inner], k, v, state, near)

    def windowed(
        self, q: Tensor, k: Tensor, v: Tensor, state: State, near: Tensor
    ) -> tuple[Tensor, State]:
        """Of queries (B, T, heads width), keys and values (B, T, key_heads width) and r.

        r is (heads, left + 1 + right).
        """
        frames = q.shape[1]
        keys, values = torch.cat([state.keys, k], dim=1), torch.cat([state.values, v], dim=1)
        heard = torch.cat([state.heard, torch.ones_like(q[..., 0])], dim=1)
        kept = AttentionState(keys[:, frames:], values[:, frames:], heard[:, frames:])
        after: State = kept
        if self.right:
            q = torch.cat([state.queries, q], dim=1)
            after = WaitingState(*kept, q[:, frames:])
            q = q[:, :frames]
        return self.read(q, keys, values, heard, near), after

    def read(self, q: Tensor, keys: Tensor, values: Tensor, heard: Tensor, near: Tensor) -> Tensor:
        """Each query of its window among keys and values, which begin left + right frames before.

        heard: (B, left + right + T); near: r (heads, left + 1 + right).
        """
        if not torch.compiler.is_exporting():
            return self._in_blocks(q, keys, values, heard, near)
        spans = [slice(t, t + near.shape[1]) for t in range(q.shape[1])]  # no mask
        each = [
            self.attended(q[:, t : t + 1], keys[:, at], values[:, at], heard[:, at], near[:, None])
            for t, at in enumerate(spans)
        ]
        return each[0] if len(each) == 1 else torch.cat(each, dim=1)

    def _in_blocks(
        self, q: Tensor, keys: Tensor, values: Tensor, heard: Tensor, near: Tensor
    ) -> Tensor:
        """The same with masks, a block of queries as long as the window at once.

        So the work grows with the frames, not with their square.
        """
        frames, before = q.shape[1], near.shape[1] - 1
        block = max(LEAST, before)
        if frames <= 2 * block:
            return self.attended(q, keys, values, heard, _distances(near, frames))
        more = -frames % block
        own = F.pad(q, (0, 0, 0, more)).reshape(-1, block, q.shape[2])
        seen = [
            F.pad(x, (0, 0, 0, more)).unfold(1, block + before, block).transpose(2, 3).flatten(0, 1)
            for x in (keys, values, heard[..., None])
        ]
        y = self.attended(own, seen[0], seen[1], seen[2][..., 0], _distances(near, block))
        return y.reshape(len(q), -1, q.shape[2])[:, :frames]

    def attended(
        self, q: Tensor, keys: Tensor, values: Tensor, heard: Tensor | None, bias: Tensor
    ) -> Tensor:
        """Without a state; heard: 1 for keys that count, 0 for others."""
        scores = _by_heads(self._split(q), self._split(keys).transpose(2, 3))
        scores = scores * self.width**-0.5
        if heard is not None:
            scores = scores + HEARD * heard[:, None, None]
        share = torch.softmax(scores + bias, dim=-1)
        return _by_heads(share, self._split(values)).transpose(1, 2).reshape(q.shape)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, heads * width) -> (B, heads, T, width)."""
        batch, frames, wide = x.shape
        return x.reshape(batch, frames, wide // self.width, self.width).transpose(1, 2)


def _by_heads(rows: Tensor, of: Tensor) -> Tensor:
    """The product of each head, (B, heads, T, .), with its matrix of (B, key_heads, ., .)."""
    if rows.shape[1] == of.shape[1]:
        return torch.matmul(rows, of)
    together = rows.reshape(rows.shape[0], of.shape[1], -1, rows.shape[3])
    return torch.matmul(together, of).reshape(*rows.shape[:3], of.shape[3])


def _distances(near: Tensor, frames: int) -> Tensor:
    """The bias of each pair, (heads, T, left + right + T); -inf outside of its window."""
    window = near.shape[1]
    at = torch.arange(frames + window - 1, device=near.device)
    at = at - torch.arange(frames, device=near.device)[:, None]
    bias = near[:, at.clamp(0, window - 1)]
    return bias.masked_fill((at < 0) | (at >= window), float("-inf"))


class WindowAttention(Window):
    """Self-attention within a `Window`.

        y[t] = W_o concat_h softmax(q[t] . k[s] / sqrt(d) + r_h[s - t]) v[s]
        t - left <= s <= t + right

    width: of a head; by default C / heads. asking: channels behind those that are attended to,
    which only ask. The bias r of each head by distance is trained (keys by distance: Shaw et al.
    2018, arXiv:1803.02155; a bias: Raffel et al. 2020, arXiv:1910.10683).

    Shapes: x (B, T, C) -> y (B, T, C); state as that of a `Window`.
    Raises: ShapeError for heads that do not divide C without a width, a negative window, or x of
        another width.
    Source: as `Window`.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        left: int,
        right: int = 0,
        *,
        width: int | None = None,
        asking: int = 0,
    ) -> None:
        if heads < 1 or (width is None and channels % heads):
            raise ShapeError(f"WindowAttention: {heads} heads must divide {channels} channels")
        super().__init__(heads, width or channels // heads, left, right)
        self.channels, self.asking = channels, asking
        inner = heads * self.width
        self.query = Linear(channels + asking, inner)
        self.key = Linear(channels, inner, bias=False)  # the softmax takes a bias of keys out
        self.value = Linear(channels, inner)
        self.output = Linear(inner, channels)
        self.distance = nn.Parameter(torch.zeros(heads, left + 1 + right))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels + self.asking)
        q, attended = self.query.step(x, ())[0], x[..., : self.channels]
        k, v = (layer.step(attended, ())[0] for layer in (self.key, self.value))
        y, after = self.windowed(q, k, v, state, self.distance)
        return self.output.step(y, ())[0], after

    def at(self, x: Tensor, asking: Tensor, frames: Tensor) -> Tensor:
        """What a frame gives when it is asked so, as often as wanted: for training, at no delay.

        Shapes: x (B, T, C), asking (B, M, C + asking), of the `frames` (B, M) -> y (B, M, C).
        Raises: ShapeError with frames ahead.
        """
        if self.right:
            raise ShapeError(f"WindowAttention.at: right {self.right}; need 0")
        q, k, v = (
            layer.step(of, ())[0]
            for layer, of in ((self.query, asking), (self.key, x), (self.value, x))
        )
        at = torch.arange(x.shape[1], device=x.device) - frames[..., None] + self.left
        bias = self.distance[:, at.clamp(0, self.left)].transpose(0, 1)
        bias = bias.masked_fill(((at < 0) | (at > self.left))[:, None], float("-inf"))
        return self.output.step(self.attended(q, k, v, None, bias), ())[0]


EXAMPLES = {
    "window": Example(lambda: Window(2, 3, 4), channels=18),
    "window_ahead": Example(lambda: Window(1, 4, 2, 2), channels=12),
    "shared_keys": Example(lambda: Window(4, 2, 3, 1, key_heads=2), channels=16),
    "left": Example(lambda: WindowAttention(8, 2, 4)),
    "ahead": Example(lambda: WindowAttention(8, 4, 3, 2)),
    "narrow_heads": Example(lambda: WindowAttention(8, 3, 2, width=2)),
    "only_ahead": Example(lambda: WindowAttention(8, 1, 0, 1)),
    "asking": Example(lambda: WindowAttention(6, 2, 3, asking=2)),
}
