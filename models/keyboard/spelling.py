"""Words that are spelled alike have a part of their logits' weights in common, while trained.

    W = E + S P    S (labels, pairs): how often a word has each pair of neighbouring letters

So what a network learns of one spelling serves all words of which it is a part, rare ones too, each
of which E alone must meet often. At the end their sum is what is kept: the network that is exported
is the same as without, and as large.

Source: vectors of words as sums over their parts, Bojanowski et al. 2016, arXiv:1607.04606; of the
weights of logits by characters, Jozefowicz et al. 2016, arXiv:1602.02410. Pairs of letters and the
sum with E are our choice.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.models.keyboard.likeness import SPELLING, vectors
from edgernn.models.keyboard.network import Decoder
from edgernn.train.method import Method


class Spelling(nn.Module):
    """S P. parts: S (labels, pairs), no state; of the labels that are asked for, or of all."""

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
        """The rows of S are of length 1; that of an end is 0, that of no word like no other."""
        assert isinstance(network, Decoder)
        output = network.words.output
        parts = vectors(SPELLING)
        assert parts is not None
        weight, _ = output.table()
        parts = F.pad(parts, (0, 0, 0, len(weight) - len(parts)))  # an end
        output.spelling = Spelling(parts.to(weight), weight.shape[1])

    def finish(self, network: nn.Module) -> None:
        """Leaves the weights that the network computed with."""
        assert isinstance(network, Decoder)
        network.words.output.settle()
