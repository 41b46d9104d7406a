"""Over all frames so far: their mean, their maximum, their mean by weights of a softmax.

What sums a whole recording up gives, as a stream, at every frame what it would give if that were
the last one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.frames import join_frames, need_frames, split_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class MeanSoFarState(NamedTuple):
    """How many frames there were, and their mean."""

    heard: Tensor  # (B, 1)
    mean: Tensor  # (B, C)


class MeanSoFar(Streaming):
    """y[t] = (x[0] + ... + x[t]) / (t + 1).

    Updated by what a frame differs from it. The count is a float32: from frame 2^24 on it stands,
    and older frames fade.

    Shapes: x (B, T, C) -> y (B, T, C); state heard (B, 1), mean (B, C).
    Raises: ShapeError if x's last axis is not C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def initial_state(self, batch: int) -> State:
        return MeanSoFarState(self.new_zeros(batch, 1), self.new_zeros(batch, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        count, mean, means = state.heard, state.mean, []
        for frame in split_frames(x):
            count = count + 1
            mean = mean + (frame - mean) / count
            means.append(mean)
        return join_frames(means), MeanSoFarState(count, mean)


class MaxSoFarState(NamedTuple):
    """Whether there was a frame, 1 or 0, and the maximum so far."""

    heard: Tensor  # (B, 1)
    most: Tensor  # (B, C)


class MaxSoFar(Streaming):
    """y[t] = max(x[0], ..., x[t]), each channel by itself.

    Shapes: x (B, T, C) -> y (B, T, C); state heard (B, 1), most (B, C).
    Raises: ShapeError if x's last axis is not C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def initial_state(self, batch: int) -> State:
        return MaxSoFarState(self.new_zeros(batch, 1), self.new_zeros(batch, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        heard, most, mosts = state.heard, state.most, []
        for frame in split_frames(x):
            most = torch.where(heard > 0.5, torch.maximum(most, frame), frame)
            heard = (heard + 1).clamp(max=1)
            mosts.append(most)
        return join_frames(mosts), MaxSoFarState(heard, most)


class AttentionSoFarState(NamedTuple):
    """The highest score so far, the sum of exp(score - it), and the mean."""

    most: Tensor  # (B, scores)
    total: Tensor  # (B, scores), 0 before the first frame, at least 1 from then on
    mean: Tensor  # (B, C)


class AttentionSoFar(Streaming):
    """Attention pooling: y[t] = sum over s <= t of e^(a[s]) v[s] / sum over s <= t of e^(a[s]).

    The scores a come first among the channels, then the values v; one score, or one a value. Sums
    are kept below the highest score (Milakov and Gimelshein 2018, arXiv:1805.02867), and of the
    values their mean, y' = y + (v - y) e^(a - most) / total, which stays within their range. So
    written quantized steps keep it in float32, where small shares still move it.

    Shapes: x (B, T, scores + C) -> y (B, T, C); state most, total (B, scores), mean (B, C).
    Raises: ShapeError for another number of scores, or x of another width.
    Source: attention as recurrence: Feng et al. 2024, arXiv:2405.13956. Differs: the mean.
    """

    def __init__(self, scores: int, channels: int) -> None:
        super().__init__()
        if scores not in (1, channels):
            raise ShapeError(f"AttentionSoFar: {scores} scores of {channels} values; need 1 or all")
        self.scores, self.channels = scores, channels

    def initial_state(self, batch: int) -> State:
        most = self.new_zeros(batch, self.scores)
        return AttentionSoFarState(
            most, torch.zeros_like(most), self.new_zeros(batch, self.channels)
        )

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.scores + self.channels)
        most, total, mean = state
        means = []
        for frame in split_frames(x):
            score, value = frame[:, : self.scores], frame[:, self.scores :]
            higher = torch.where(total > 0.5, torch.maximum(most, score), score)
            share = torch.exp(score - higher)
            total = total * torch.exp(most - higher) + share
            most, mean = higher, mean + (value - mean) * share / total
            means.append(mean)
        return join_frames(means), AttentionSoFarState(most, total, mean)


EXAMPLES = {
    "mean": Example(lambda: MeanSoFar(8)),
    "max": Example(lambda: MaxSoFar(8)),
    "one_score": Example(lambda: AttentionSoFar(1, 7)),
    "scores": Example(lambda: AttentionSoFar(4, 4)),
}
