"""Delta networks: cells whose products read only what has moved by more than a threshold.

Source: Neil et al. 2016, arXiv:1612.05571; `layers.hold` tells of blocks and of the compiler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from edgernn.errors import ModelError
from edgernn.layers.hold import threshold_pair


@dataclass(frozen=True, slots=True)
class Delta:
    """Which cells hold.

    thresholds: of x and of h, by the cell's name in the network; one number serves both.
    block: 1, or 4 columns that move together.
    """

    thresholds: Mapping[str, Any] = field(default_factory=dict)
    block: int = 1

    def apply(self, network: nn.Module) -> None:
        """Give the cells their thresholds. Raises: ModelError for a name that is no such cell."""
        cells = {name: m for name, m in network.named_modules() if hasattr(m, "thresholds")}
        for name, given in self.thresholds.items():
            if name not in cells:
                known = ", ".join(cells) or "none"
                raise ModelError(f"delta: no cell {name!r} that can hold; there are {known}")
            pair = tuple(given) if isinstance(given, list) else given
            cell: Any = cells[name]
            cell.thresholds, cell.block = threshold_pair(name, pair, self.block), self.block
