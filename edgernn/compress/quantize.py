"""Quantization-aware training of weights: the network computes with what the compiler will store.

`graph/passes/quantize.py` makes the integers of an export; here a network learns to live with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from edgernn.compress.grid import Grid
from edgernn.compress.matrices import Matrix, chosen, matrices, with_tables
from edgernn.compress.parametrized import attach, attached, before
from edgernn.compress.reads import Reads, attach_reads
from edgernn.errors import ModelError
from edgernn.graph.number_type import LEAST_TABLE_BITS, find_number_type
from edgernn.train.method import Batch, Method

PRODUCTS = ("*",)  # all matrices but tables


@dataclass(frozen=True, slots=True)
class Quantize:
    """How weights are rounded in training.

    number_type: as in an export, `w4a8` and others (`graph.number_type`).
    only: names or kinds of matrices; what is left out is rounded by the export alone.
    but: other number types by name or kind, such as `{"linear": "w8a8"}`; the last that fits.
        Tables of embeddings are rounded where they are named here or in `only`, to 4 bits at least.
    ternary: of 2 bits only -1, 0 and 1 are used.
    learned: step sizes are trained (LSQ); else they are searched anew every `every` steps.
    activations: 8 rounds what the matrices read as well; 0 leaves that to the export alone.
    """

    number_type: str = "w8a8"
    only: tuple[str, ...] = PRODUCTS
    but: Mapping[str, str] = field(default_factory=dict)
    ternary: bool = False
    learned: bool = False
    every: int = 25
    activations: int = 0

    def __post_init__(self) -> None:
        for name in (self.number_type, *self.but.values()):
            if not find_number_type(name).quantized:
                raise ModelError(f"quantize: {name} has no integers to train for; try w4a8")
        types = [find_number_type(name) for name in (self.number_type, *self.but.values())]
        if self.ternary and all(one.weight_bits != 2 for one in types):
            raise ModelError(f"quantize: ternary weights are stored as w2a8, not {types[0].name}")
        if self.every < 1:
            raise ModelError(f"quantize: every {self.every}; need at least 1 step")
        if self.activations not in (0, 8):
            raise ModelError(f"quantize: activations {self.activations}; need 8, or 0 for none")


class Quantizer(Method):
    """Keeps the matrices of a network on grids of integers."""

    def __init__(self, how: Quantize) -> None:
        self.how = how
        self.rounded: list[Matrix] = []
        self.reads: list[Reads] = []

    def number_types(self, network: nn.Module) -> dict[str, str]:
        """The number type of each matrix, by its name. Raises: ModelError for an unused name."""
        found = with_tables(network)
        some = matrices(network) if self.how.only == PRODUCTS else found
        types = {m.name: self.how.number_type for m in chosen(some, self.how.only, "quantize")}
        for pattern, name in self.how.but.items():
            types |= {m.name: name for m in chosen(found, [pattern], "quantize")}
        return types

    def attach(self, network: nn.Module) -> None:
        """Put a grid on each matrix, behind its mask if it has one."""
        types = self.number_types(network)
        self.rounded = [m for m in with_tables(network) if m.name in types]
        for matrix in self.rounded:
            type_ = find_number_type(types[matrix.name])
            bits = max(type_.weight_bits, LEAST_TABLE_BITS if matrix.looked_up else 0)
            ternary = self.how.ternary and bits == 2
            grid = Grid(matrix.weight, bits, type_.chunk, ternary=ternary, learned=self.how.learned)
            attach(matrix, grid)
        if self.how.activations:
            products = [matrix for matrix in self.rounded if not matrix.looked_up]
            self.reads = attach_reads(network, products)

    def before_step(self, network: nn.Module, step: int) -> None:
        """Search the steps anew where it is time."""
        if step % self.how.every == 0:
            self.search()

    def extra(self, network: nn.Module, batch: Batch, output: Tensor) -> float:
        """Nothing; the ranges of what was read follow this batch."""
        for reads in self.reads:
            reads.follow()
        return 0.0

    def finish(self, network: nn.Module) -> None:
        """The last search, on the averaged weights."""
        self.search()

    def search(self) -> None:
        """Bring every grid to its weights, as the masks before it leave them."""
        for matrix in self.rounded:
            grid: Grid = attached(matrix, Grid)
            grid.search(before(matrix, grid))
