"""Strided convolutions over samples, a GRU, its last output."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

import edgernn


class RawAudio(nn.Module):
    """Strided convolutions over samples, pooling, a GRU, its last output."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, 16, 40, stride=16)
        self.second = nn.Conv1d(16, 16, 3, stride=2)
        self.pool = nn.MaxPool1d(2)
        self.gru = nn.GRU(16, 20, batch_first=True)
        self.head = nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x.unsqueeze(1)))
        x = self.pool(F.relu(self.second(x)))
        y, _ = self.gru(x.transpose(1, 2))
        told: Tensor = self.head(y[:, -1])
        return told


def build() -> nn.Module:
    torch.manual_seed(0)
    return edgernn.streamify(RawAudio().eval(), torch.randn(1, 3200))


def examples() -> Iterator[NDArray[np.generic]]:
    yield np.random.default_rng(0).standard_normal((1, 6400, 1))
