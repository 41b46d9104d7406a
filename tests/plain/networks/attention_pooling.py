"""A GRU whose frames are weighed by what they say themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class AttentionPooling(nn.Module):
    """A GRU whose frames are weighed by what they say themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(10, 16, batch_first=True)
        self.score = nn.Linear(16, 1)
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.gru(x)
        share = torch.softmax(self.score(torch.tanh(y)), dim=1)
        told: Tensor = self.head((share * y).sum(dim=1))
        return told


def build() -> nn.Module:
    torch.manual_seed(0)
    return AttentionPooling()


def examples() -> Iterator[NDArray[np.generic]]:
    yield np.random.default_rng(0).standard_normal((1, 120, 10))
