"""Permute: put hidden units in an order in which pruned zeros gather into blocks.

    [compress.permute]
    pattern = "16x4"
    sparsity = 0.75
    only = ["rnn"]
    matrices = ["input", "recurrent"]      # those that will be pruned

The order of units is free: what makes them and what reads them is permuted alike, so the network
computes the same. Only its states come in the new order.

Source: Ji et al. 2018, Tetris: tile-matching the tremendous irregular sparsity (NeurIPS), permutes
the channels of convolutions so. Differs: swaps with exact gains, and a cell's units, whose rows and
columns move together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import nn

from edgernn.compress.block_order import Blocks, gathered
from edgernn.compress.channels import Channels, Wiring
from edgernn.compress.matrices import Matrix, as_rows, chosen, matrices
from edgernn.compress.pattern import parse_pattern
from edgernn.errors import ModelError


@dataclass(frozen=True, slots=True)
class Permute:
    """Whose units are put in order, and for which mask.

    pattern: blocks, as of `prune`. sparsity: share of blocks that will be zero in each matrix.
    only: layers by name; those of a pattern with `*` whose readers cannot be found are left out.
    matrices: names or kinds of the matrices that will be pruned, and so count.
    """

    pattern: str = "16x4"
    sparsity: float = 0.75
    only: tuple[str, ...] = ("*",)
    matrices: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        shape = parse_pattern(self.pattern)
        if shape.rows * shape.cols == 1:
            raise ModelError(f"permute: pattern {self.pattern}; need blocks, such as 16x4")
        if not 0 < self.sparsity < 1:
            raise ModelError(f"permute: sparsity {self.sparsity}; need one between 0 and 1")

    def apply(self, network: nn.Module) -> None:
        """Permute the units of each layer.

        Raises: ModelError for a layer without units, or whose readers cannot be found.
        """
        counted = {
            (id(m.owner), m.parameter): m
            for m in chosen(matrices(network), self.matrices, "permute")
        }
        for channels in self._layers(Wiring(network)):
            found = [self._blocks(*one) for one in _matrices_along(channels, counted)]
            if found:
                channels.take(torch.from_numpy(gathered(found)))

    def _layers(self, wiring: Wiring) -> list[Channels]:
        """What is permuted, each once, though a layer and its child both bear its name."""
        found: dict[int, Channels] = {}
        for pattern in self.only:
            if not any(sign in pattern for sign in "*?["):
                found |= {id(one): one for one in wiring.units(pattern, "permute")}
                continue
            for name in [n for n in wiring.layers() if fnmatchcase(n, pattern)]:
                found |= {id(one): one for one in wiring.all_units(name) if not one.unseen}
        if not found:
            layers = wiring.layers()
            units = [one for name in layers for one in wiring.all_units(name)]
            why = "; ".join(sorted({why for one in units for why in one.unseen}))
            names = f"{', '.join(layers)} ({why})" if layers else "none"
            raise ModelError(
                f"permute: no units of {', '.join(self.only)} can be reordered; layers with units "
                f"are {names}"
            )
        return list(found.values())

    def _blocks(self, matrix: Matrix, rows: int, cols: int) -> Blocks:
        shape = parse_pattern(self.pattern)
        magnitudes = as_rows(matrix.weight.detach()).abs().cpu().numpy()
        return Blocks(magnitudes, rows, cols, (shape.rows, shape.cols), self.sparsity)


def _matrices_along(
    channels: Channels, counted: Mapping[tuple[int, str], Matrix]
) -> Iterator[tuple[Matrix, int, int]]:
    """Matrices with how many gates have these channels along their rows, along their columns."""
    gates: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
    for place in channels.places:
        taps = place.value.shape[2] if place.dim == 1 and place.value.dim() == 3 else 1
        gates[id(place.owner), place.tensor][min(place.dim, 1)] = place.gates * taps
    for key, (rows, cols) in gates.items():
        if key in counted:
            yield counted[key], rows, cols
