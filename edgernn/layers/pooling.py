"""Running pooling over time: mean or maximum of a window, and an exponential mean."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import join_frames, need_frames, split_frames
from edgernn.layout import elementwise
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing

KINDS = ("mean", "max")


class PoolState(NamedTuple):
    """The input frames that later windows still see."""

    past: Tensor  # (B, window - stride, C)


class Pool(Streaming):
    """Mean or maximum of the newest `window` frames, once every `stride`.

    Frames before the first are zeros, as for a convolution.

    Shapes: x (B, T, C) -> y (B, T / stride, C); state past (B, window - stride, C), or no state
        if window == stride.
    Raises: ShapeError for a stride above the window, UnknownName for another kind.
    """

    weights: Tensor

    layout = elementwise(size="channels")

    def __init__(self, kind: str, channels: int, window: int, *, stride: int = 1) -> None:
        super().__init__()
        if kind not in KINDS:
            raise UnknownName("pooling", kind, KINDS)
        if not 1 <= stride <= window:
            raise ShapeError(f"Pool: stride {stride} must be from 1 to the window of {window}")
        self.kind, self.channels, self.window, self.stride = kind, channels, window, stride
        self.timing = Timing(stride, Fraction(1, stride))
        mean = torch.full((1, window), 1 / window)
        self.register_buffer("weights", mean, persistent=False)

    def initial_state(self, batch: int) -> State:
        if self.window == self.stride:
            return ()
        return PoolState(self.new_zeros(batch, self.window - self.stride, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        frames, after = x.shape[1], state
        if state != ():
            x = torch.cat([state.past, x], dim=1)
            after = PoolState(x[:, frames:])
        return (self._max(x) if self.kind == "max" else self._mean(x)), after

    def _mean(self, x: Tensor) -> Tensor:
        if not torch.compiler.is_exporting():
            return x.unfold(1, self.window, self.stride).mean(dim=-1)
        starts = range(0, x.shape[1] - self.window + 1, self.stride)
        windows = [x[:, s : s + self.window] if len(starts) > 1 else x for s in starts]
        return join_frames([torch.matmul(self.weights, w).squeeze(1) for w in windows])

    def _max(self, x: Tensor) -> Tensor:
        """Maxima of windows of 1, 2, 4, ... frames, the last doubling cut short."""
        width = 1
        while width < self.window:
            more = min(width, self.window - width)
            x = torch.maximum(x[:, : x.shape[1] - more], x[:, more:])
            width += more
        return x if self.stride == 1 else x[:, :: self.stride]

    def extra_repr(self) -> str:
        return f"{self.kind}, window={self.window}, stride={self.stride}"


class RunningMeanState(NamedTuple):
    """The mean so far."""

    mean: Tensor  # (B, C)


class RunningMean(Streaming):
    """Exponential mean: m' = m + rate (x - m), from zero.

    Shapes: x (B, T, C) -> y (B, T, C); state mean (B, C).
    Raises: ShapeError if the rate is not in (0, 1] or x's last axis is not C.
    """

    layout = elementwise(size="channels")

    def __init__(self, channels: int, rate: float) -> None:
        super().__init__()
        if not 0 < rate <= 1:
            raise ShapeError(f"RunningMean: rate {rate} must be above 0 and at most 1")
        self.channels, self.rate = channels, rate

    def initial_state(self, batch: int) -> State:
        return RunningMeanState(self.new_zeros(batch, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        mean, means = state.mean, []
        for frame in split_frames(x):
            mean = mean + self.rate * (frame - mean)
            means.append(mean)
        return join_frames(means), RunningMeanState(mean)


EXAMPLES = {
    "mean": Example(lambda: Pool("mean", 8, 5)),
    "max": Example(lambda: Pool("max", 8, 7)),
    "mean_stride": Example(lambda: Pool("mean", 8, 4, stride=3)),
    "max_stride": Example(lambda: Pool("max", 8, 6, stride=2)),
    "blocks": Example(lambda: Pool("max", 8, 3, stride=3)),
    "exponential": Example(lambda: RunningMean(8, 0.2)),
}
