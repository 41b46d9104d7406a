"""torch's encoder behind a mask of eight frames back."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Transformer(nn.Module):
    """torch's encoder behind a mask of eight frames back."""

    def __init__(self) -> None:
        super().__init__()
        self.widen = nn.Linear(10, 32)
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.1)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(32, 8)

    def forward(self, x: Tensor) -> Tensor:
        frames = x.shape[1]
        mask = ~torch.ones(frames, frames, dtype=torch.bool, device=x.device).tril().triu(-8)
        told: Tensor = self.head(self.encoder(self.widen(x), mask=mask))
        return told


def build() -> nn.Module:
    torch.manual_seed(0)
    return Transformer()


def examples() -> Iterator[NDArray[np.generic]]:
    yield np.random.default_rng(0).standard_normal((1, 120, 10))
