"""Vectors by which words of the vocabulary are compared, for smoothed labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ModelError
from edgernn.model import find_model
from edgernn.models.keyboard import END, VOCABULARY

SPELLING, TABLE = "spelling", "history.embed.embedding.weight"
BOUND = " "  # on both sides of a word


def vectors(name: str) -> Tensor | None:
    """Of length 1, a row for each label but that of an end, (END, D); None without a name.

    name: `spelling`, or a trained keyboard, whose own vectors of words are then compared.
    Raises: UnknownName, ModelError if that has no weights, or none of this vocabulary.
    """
    if not name:
        return None
    table = spelled(VOCABULARY.words) if name == SPELLING else _learned(name)
    return F.normalize(table, dim=1)


def spelled(words: Sequence[str]) -> Tensor:
    """How often each pair of neighbours is in a word, its ends among them; (1 + words, pairs).

    The first row is that of what the vocabulary lacks, and like no other.
    """
    pairs: dict[str, int] = {"": 0}
    places = [(0, 0)]
    for label, word in enumerate(words, 1):
        text = f"{BOUND}{word.lower()}{BOUND}"
        for at in range(len(text) - 1):
            places.append((label, pairs.setdefault(text[at : at + 2], len(pairs))))
    rows, columns = torch.tensor(places).unbind(1)
    counts = torch.zeros(1 + len(words), len(pairs))
    return counts.index_put_((rows, columns), torch.ones(()), accumulate=True)


def _learned(name: str) -> Tensor:
    path = find_model(name).weights
    table = None if path is None else load_file(path).get(TABLE)
    if table is None or len(table) != END + 1:
        raise ModelError(
            f"data.smoothing: {name} has no vectors of {END + 1:,} labels; need a trained keyboard"
        )
    return table[:END]
