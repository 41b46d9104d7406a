"""Units: take whole hidden units and channels out of layers, and out of all that read them.

    [compress.units]
    conv1 = 64          # channels that are left
    rnn = 96            # hidden units that are left
    score = "outgoing"  # magnitude without it

Scores, of the weights alone, summed over gates: `magnitude` is that of all rows and columns of a
unit; `outgoing` that of the columns that read it, be they the cell's own. A cell whose weights are
no matrices, such as a state space, says itself how much each of its states matters.

Sources: Li et al. 2016, arXiv:1608.08710 (sums of magnitudes); of an LSTM's whole units, Wen et
al. 2017, arXiv:1709.05027 (all weights of a unit go together).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from edgernn.compress.channels import Channels, Wiring, magnitudes
from edgernn.errors import ModelError

SCORES = ("magnitude", "outgoing")


@dataclass(frozen=True, slots=True)
class Units:
    """How many units or channels are left, by the layer's name in the network.

    score: which of them go, one of SCORES.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    score: str = "magnitude"

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> Units:
        """The table of a recipe: sizes by name. Raises: ModelError for what is no size."""
        sizes = dict(table)
        score = sizes.pop("score", cls().score)
        return cls(sizes, score)

    def __post_init__(self) -> None:
        if self.score not in SCORES:
            raise ModelError(f"units: score {self.score!r}; need one of {', '.join(SCORES)}")
        for name, size in self.sizes.items():
            if type(size) is not int or size < 1:
                raise ModelError(f"units: {name} = {size!r}; need a whole number of at least 1")

    def apply(self, network: nn.Module) -> None:
        """Take out the units of least score.

        Raises: ModelError for a layer without units, without known readers, for a greater size, or
            one that an LSTM's projection is no longer narrower than.
        """
        for name, size in self.sizes.items():
            for channels in Wiring(network, narrow=True).units(name, "units"):
                if size > len(channels):
                    raise ModelError(f"units: {name} has {len(channels)} units; {size} are asked")
                _above_projection(name, size, channels)
                best = self.scores(channels).argsort(descending=True, stable=True)[:size]
                channels.take(best.sort().values)

    def scores(self, channels: Channels) -> Tensor:
        """The score of each unit: (units,)."""
        if channels.scores:
            return torch.stack([score() for score in channels.scores]).sum(0)
        found = [place for place in channels.places if place.value.dim() > 1]
        outgoing = [place for place in found if place.dim]
        return magnitudes(outgoing if outgoing and self.score == "outgoing" else found)


def _above_projection(name: str, size: int, channels: Channels) -> None:
    """Raises: ModelError unless an LSTM that projects its units has more of them than outputs."""
    for owner, what, _ in channels.sizes:
        outputs = getattr(owner, "proj_size", 0) if what == "hidden_size" else 0
        if size <= outputs:
            raise ModelError(
                f"units: {name} projects to {outputs} outputs; need more units than {outputs}, "
                f"{size} are asked"
            )
