"""Vectors by which words of the vocabulary are compared, for smoothed labels."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise

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
    texts = (f"{BOUND}{word.lower()}{BOUND}" for word in words)
    return occurrences([[""], *([a + b for a, b in pairwise(text)] for text in texts)])


def occurrences(rows: Sequence[Sequence[Hashable]]) -> Tensor:
    """How often each thing is in each row, (rows, things), in the order in which they are met."""
    known: dict[Hashable, int] = {}
    places = [
        (row, known.setdefault(one, len(known))) for row, some in enumerate(rows) for one in some
    ]
    at = torch.tensor(places).unbind(1)
    counts = torch.zeros(len(rows), len(known))
    return counts.index_put_(at, torch.ones(()), accumulate=True)


def _learned(name: str) -> Tensor:
    path = find_model(name).weights
    table = None if path is None else load_file(path).get(TABLE)
    if table is None or len(table) != END + 1:
        raise ModelError(
            f"data.smoothing: {name} has no vectors of {END + 1:,} labels; need a trained keyboard"
        )
    return table[:END]
