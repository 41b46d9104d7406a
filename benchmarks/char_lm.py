"""A character language model, as a user brings one: `edgernn train benchmarks/char_lm.py:build`.

Tiny Shakespeare, split 90/5/5 in order; its figure is bits per character of the validation part,
streamed with the state carried. Needs --data with tinyshakespeare.txt.gz.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.cells.gru import GRU
from edgernn.errors import DataError
from edgernn.layers.embedding import Embedding
from edgernn.layers.linear import Linear
from edgernn.model import ModelInfo
from edgernn.streaming import Sequential
from edgernn.train.recipe import Recipe

CHARACTERS = "\n !$&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FILE, PARTS = "tinyshakespeare.txt.gz", (0.90, 0.95)
WINDOW, ROWS = 128, 64  # characters of a training stream; streams that a text is cut into
SAMPLE = (
    "Now is the winter of our discontent\nMade glorious summer by this sun of York;\nAnd all the "
    "clouds that lour'd upon our house\nIn the deep bosom of the ocean buried.\n"
)
INFO = ModelInfo(summary="next character of English text", frame_ms=1.0)


def build(hidden: int = 256, embedding: int = 64) -> Sequential:
    """Shapes: characters (B, T) below 65 -> logits (B, T, 65)."""
    return Sequential(
        embed=Embedding(len(CHARACTERS), embedding),
        rnn=GRU(embedding, hidden),
        head=Linear(hidden, len(CHARACTERS)),
    )


def examples() -> Iterator[NDArray[np.int64]]:
    """A few lines, for calibration."""
    yield _tokens(SAMPLE)[None]


def _tokens(text: str) -> NDArray[np.int64]:
    try:
        return np.array([CHARACTERS.index(c) for c in text], np.int64)
    except ValueError as cause:
        odd = sorted(set(text) - set(CHARACTERS))
        raise DataError(f"{FILE}: holds {odd[:5]}, which this model has no letter for") from cause


class Task:
    """Predict the next character over random windows, each from the zero state."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        path = data / FILE
        if not path.is_file():
            raise DataError(f"{path}: no such file; --data takes the folder that holds it")
        tokens = _tokens(gzip.decompress(path.read_bytes()).decode("utf-8"))
        first, second = (int(len(tokens) * part) for part in PARTS)
        self.train, self.valid = tokens[:first], tokens[first:second]
        self.test_text = tokens[second:]

    def build(self) -> nn.Module:
        return build(**self.recipe.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.recipe.seed, step])
        starts = rng.integers(0, len(self.train) - WINDOW - 1, self.recipe.batch_size)
        rows = torch.from_numpy(np.stack([self.train[s : s + WINDOW + 1] for s in starts]))
        return {"x": rows[:, :-1], "y": rows[:, 1:]}

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        dropout, layers = self.recipe.data.get("dropout", 0.0), getattr(network, "layers", None)
        if layers is None or not network.training or not dropout:
            return network(batch["x"])  # type: ignore[no-any-return]
        x = layers["rnn"](F.dropout(layers["embed"](batch["x"]), dropout))
        return layers["head"](F.dropout(x, dropout))  # type: ignore[no-any-return]

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        """Cross entropy, and the share of characters guessed rightly."""
        right = (output.argmax(2) == batch["y"]).float().mean()
        return F.cross_entropy(output.flatten(0, 1), batch["y"].flatten()), float(right)

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"val_bits_per_character": self.bits(network, self.valid)}

    def test(self, network: nn.Module) -> float:
        """The figure on the last part, which nothing is chosen by."""
        return self.bits(network, self.test_text)

    def bits(self, network: Any, tokens: NDArray[np.int64]) -> float:
        """Bits per character of a text, cut into streams that are all read at once."""
        length = (len(tokens) - 1) // ROWS
        x = torch.from_numpy(tokens[: ROWS * length].reshape(ROWS, length))
        y = torch.from_numpy(tokens[1 : ROWS * length + 1].reshape(ROWS, length))
        with torch.no_grad():
            logits = network(x)
        return float(F.cross_entropy(logits.flatten(0, 1), y.flatten())) / math.log(2)
