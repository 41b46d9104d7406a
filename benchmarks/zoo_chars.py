"""A character model of any unit, for the zoo: `edgernn train benchmarks/zoo_chars.py:build`."""

from __future__ import annotations

from torch import nn

from benchmarks import char_lm
from benchmarks.char_lm import CHARACTERS, INFO, examples
from benchmarks.zoo_nets import framed
from edgernn.layers.embedding import Embedding
from edgernn.streaming import Sequential
from edgernn.train.recipe import Recipe

__all__ = ["INFO", "Task", "build", "examples"]

BUDGET = 60_000  # parameters


def build(unit: str = "GRU", width: int = 64) -> Sequential:
    """Shapes: characters (B, T) below 65 -> logits (B, T, 65)."""
    return framed(unit, width, len(CHARACTERS), embed=Embedding(len(CHARACTERS), width))


def recipe(unit: str, width: int) -> Recipe:
    """About a minute of one core."""
    return Recipe(
        "benchmarks/zoo_chars.py:build",
        steps=500,
        batch_size=16,
        learning_rate=1e-2,
        warmup_steps=50,
        ema_decay=0.99,
        validate_every=500,
        checkpoint_every=50,
        network={"unit": unit, "width": width},
    )


class Task(char_lm.Task):
    """The same text and figure."""

    def build(self) -> nn.Module:
        return build(**self.recipe.network)
