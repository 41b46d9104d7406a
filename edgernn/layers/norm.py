"""Normalisation that needs no other frame: batch statistics held fixed, or one frame's own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layout import Layout, elementwise
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class BatchNorm(Streaming):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, each channel by itself.

    In training the statistics are those of the chunk, over batch and time; in eval mode, where
    the streaming law holds, the running ones. Captured as one multiply and one add, which fold
    into the layer before. Weights: an `nn.BatchNorm1d` called `norm`.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: ShapeError if x's last axis is not C.
    Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
    """

    layout = Layout(chain=("norm",))

    def __init__(self, num_features: int, *, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(num_features, eps=eps, momentum=momentum)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.norm.num_features)
        mean, var = self.norm.running_mean, self.norm.running_var
        if self.training or mean is None or var is None:
            return self.norm(x.flatten(0, 1)).view(x.shape), state
        scale = self.norm.weight / torch.sqrt(var + self.norm.eps)
        return x * scale + (self.norm.bias - mean * scale), state


class LayerNorm(Streaming):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, over the channels of each frame.

    Weights: an `nn.LayerNorm` called `norm`.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: ShapeError if x's last axis is not C.
    Source: Ba et al. 2016, arXiv:1607.06450.
    """

    layout = Layout(sizes={"num_features": "in"}, chain=("norm",))

    def __init__(self, num_features: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_features = num_features
        self.norm = nn.LayerNorm(num_features, eps=eps)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.num_features)
        return self.norm(x), state


class RMSNorm(Streaming):
    """y = x / sqrt(mean(x^2) + eps) * weight, over the channels of each frame.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: ShapeError if x's last axis is not C.
    Source: Zhang and Sennrich 2019, arXiv:1910.07467.
    """

    layout = elementwise("weight", size="num_features")

    def __init__(self, num_features: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.num_features, self.eps = num_features, eps
        self.weight = nn.Parameter(torch.ones(num_features))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.num_features)
        size = torch.sqrt((x * x).mean(-1, keepdim=True) + self.eps)
        return x / size * self.weight, state


class GroupNorm(Streaming):
    """A `LayerNorm` of each of so many groups of channels: of each head, where heads lie in a row.

    Weights: an `nn.GroupNorm` called `norm`.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: ShapeError for groups that do not divide C, or if x's last axis is not C.
    Source: Wu and He 2018, arXiv:1803.08494, without a mean over time.
    """

    def __init__(self, groups: int, channels: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        if groups < 1 or channels % groups:
            raise ShapeError(f"GroupNorm: {groups} groups must divide {channels} channels")
        self.norm = nn.GroupNorm(groups, channels, eps=eps)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.norm.num_channels)
        groups = x.reshape(*x.shape[:2], self.norm.num_groups, -1)
        y = F.layer_norm(groups, groups.shape[3:], eps=self.norm.eps)
        return y.reshape(x.shape) * self.norm.weight + self.norm.bias, state


def _trained_batch_norm() -> BatchNorm:
    layer = BatchNorm(8)
    layer.train()
    layer(torch.randn(4, 9, 8) * 3 + 1)  # so that the running statistics are not the defaults
    return layer


EXAMPLES = {
    "batch": Example(_trained_batch_norm),
    "layer": Example(lambda: LayerNorm(8)),
    "rms": Example(lambda: RMSNorm(8)),
    "group": Example(lambda: GroupNorm(2, 8)),
}
