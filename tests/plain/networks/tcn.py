"""A temporal convolutional network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F


class Chomp(nn.Module):
    """Takes the frames off that a padding on both sides put at the end."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : -self.frames].contiguous()


class Block(nn.Module):
    """Two dilated convolutions beside a skip path."""

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(inputs, outputs, 3, padding=2 * dilation, dilation=dilation),
            Chomp(2 * dilation),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv1d(outputs, outputs, 3, padding=2 * dilation, dilation=dilation),
            Chomp(2 * dilation),
            nn.ReLU(),
        )
        self.down = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.down is None else self.down(x)
        return F.relu(self.net(x) + skip)


class Tcn(nn.Module):
    """A temporal convolutional network."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(12, 16, 1), Block(16, 16, 2), Block(16, 16, 4))
        self.head = nn.Linear(16, 6)

    def forward(self, x: Tensor) -> Tensor:
        told: Tensor = self.head(self.blocks(x.transpose(1, 2)).transpose(1, 2))
        return told


def build() -> nn.Module:
    torch.manual_seed(0)
    return Tcn()


def examples() -> Iterator[NDArray[np.generic]]:
    yield np.random.default_rng(0).standard_normal((1, 120, 12))
