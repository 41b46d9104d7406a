"""Convolution, norm and LSTM; the last state is classified."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F


class ConvLstm(nn.Module):
    """Convolution, norm and LSTM; the last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(20, 24, 3, stride=2)
        self.norm = nn.BatchNorm1d(24)
        self.lstm = nn.LSTM(24, 32, batch_first=True)
        self.head = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x.transpose(1, 2))))
        _, (h, _) = self.lstm(x.transpose(1, 2))
        told: Tensor = self.head(h[-1])
        return told


def build() -> nn.Module:
    torch.manual_seed(0)
    return ConvLstm()


def examples() -> Iterator[NDArray[np.generic]]:
    yield np.random.default_rng(0).standard_normal((1, 120, 20))
