"""Words that are spelled alike have a part of their logits' weights in common, while trained.

    W = E + S P    S (labels, parts): which parts a word's spelling has

So what a network learns of one spelling serves all words of which it is a part, rare ones too, each
of which E alone must meet often. At the end their sum is what is kept: the network that is exported
is the same as without, and as large.

Source: vectors of words as sums over their parts, Bojanowski et al. 2016, arXiv:1607.04606; of the
weights of logits by characters, Jozefowicz et al. 2016, arXiv:1602.02410. The parts and the sum
with E are our choice: pairs of neighbouring letters, letters by their place from the beginning and
from the end, and the length.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.models.keyboard import VOCABULARY
from edgernn.models.keyboard.likeness import occurrences, spelled
from edgernn.models.keyboard.network import Decoder
from edgernn.train.method import Method

FIRST, LAST = 10, 5  # letters whose places count, from the beginning and from the end


def parts(words: Sequence[str]) -> Tensor:
    """S of the labels that words have: pairs of length 1, then places of length 1.

    The first row is that of what the vocabulary lacks, and like no other.
    """
    places = occurrences([[], *(_places(word.lower()) for word in words)])
    return torch.cat([F.normalize(each, dim=1) for each in (spelled(words), places)], dim=1)


def _places(word: str) -> list[tuple[str, int, str]]:
    first = [("first", at, letter) for at, letter in enumerate(word[:FIRST])]
    last = [("last", at, letter) for at, letter in enumerate(word[: -LAST - 1 : -1])]
    return [*first, *last, ("length", len(word), "")]


class Spelling(nn.Module):
    """S P. parts: S (labels, parts), no state; of the labels that are asked for, or of all."""

    parts: Tensor

    def __init__(self, parts: Tensor, size: int) -> None:
        super().__init__()
        self.register_buffer("parts", parts, persistent=False)
        self.shared = nn.Parameter(parts.new_zeros(parts.shape[1], size))

    def forward(self, labels: Tensor | None = None) -> Tensor:
        """(labels, size)."""
        parts = self.parts if labels is None else self.parts[labels]
        return parts @ self.shared


class Spelled(Method):
    """Puts a `Spelling` beside the logits' weights, and at the end into them."""

    def attach(self, network: nn.Module) -> None:
        """The row of an end is 0."""
        assert isinstance(network, Decoder)
        output = network.words.output
        weight, _ = output.table()
        found = F.pad(parts(VOCABULARY.words), (0, 0, 0, 1))
        output.spelling = Spelling(found.to(weight), weight.shape[1])

    def finish(self, network: nn.Module) -> None:
        """Leaves the weights that the network computed with."""
        assert isinstance(network, Decoder)
        network.words.output.settle()
