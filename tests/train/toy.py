"""A synthetic task of milliseconds, and a way to train it in a process that can be killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.train.loop import train
from edgernn.train.recipe import Recipe

RECIPE = Recipe(
    "toy",
    steps=40,
    batch_size=32,
    warmup_steps=4,
    learning_rate=2e-2,
    ema_decay=0.8,
    checkpoint_every=4,
    validate_every=10,
)


class ToyTask:
    """Tell whether the sum of noisy numbers is positive; with dropout and batch norm."""

    def __init__(self, recipe: Recipe = RECIPE, pause_s: float = 0.0) -> None:
        self.recipe, self.pause_s = recipe, pause_s

    def build(self) -> nn.Module:
        return nn.Sequential(
            nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2)
        )

    def batch(self, step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(self.recipe.seed * 1000 + step)
        x = torch.randn(self.recipe.batch_size, 6, generator=generator)
        return {"x": x, "y": (x.sum(1) > 0).long()}

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        time.sleep(self.pause_s)
        return network(batch["x"])

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        right = (output.argmax(1) == batch["y"]).float().mean()
        return F.cross_entropy(output, batch["y"]), float(right)

    def validate(self, network: nn.Module) -> dict[str, float]:
        batch = self.batch(500)
        right = (network(batch["x"]).argmax(1) == batch["y"]).float().mean()
        return {"val_accuracy": float(right)}


if __name__ == "__main__":
    train(ToyTask(pause_s=0.05), Path(sys.argv[1]), resume=len(sys.argv) > 2, quiet=True)
