"""A user's own model for the tests: say whether the first of the recent frames was positive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential
from edgernn.train.recipe import Recipe

FRAMES, CHANNELS = 12, 6


def build(hidden: int = 32) -> Sequential:
    return Sequential(rnn=GRU(CHANNELS, hidden), head=Linear(hidden, 2))


def examples() -> Iterator[np.ndarray]:
    rng = np.random.default_rng(0)
    for _ in range(8):
        yield rng.standard_normal((1, FRAMES, CHANNELS)).astype(np.float32)


class Task:
    """Remember the sign of the first frame's first channel to the last frame."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe

    def build(self) -> nn.Module:
        return build(**self.recipe.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(self.recipe.seed * 1000 + step)
        x = torch.randn(self.recipe.batch_size, FRAMES, CHANNELS, generator=generator)
        return {"x": x, "y": (x[:, 0, 0] > 0).long()}

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        y: Tensor = network(batch["x"])[:, -1]
        return y

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        right = (output.argmax(1) == batch["y"]).float().mean()
        return F.cross_entropy(output, batch["y"]), float(right)

    def validate(self, network: nn.Module) -> dict[str, float]:
        batch = self.batch(10**6)
        loss, accuracy = self.loss(self.output(network, batch), batch)
        return {"val_accuracy": accuracy, "val_loss": float(loss)}
