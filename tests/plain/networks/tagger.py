"""A stacked GRU that tags tokens."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Tagger(nn.Module):
    """A stacked GRU that tags tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 16)
        self.rnn = nn.GRU(16, 24, num_layers=2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(24, 7)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.rnn(self.embed(x))
        told: Tensor = self.head(y)
        return told


def build() -> nn.Module:
    torch.manual_seed(0)
    return Tagger()


def examples() -> Iterator[NDArray[np.generic]]:
    yield np.random.default_rng(0).integers(0, 50, (1, 120))
