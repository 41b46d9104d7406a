"""What may act on a training beside its task: masks, rounding, thresholds, a teacher."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from edgernn.train.recipe import Recipe

Batch = Mapping[str, Tensor]


class Method:
    """Does nothing; `edgernn.compress` overrides what it needs. `share`: of the loss before it.

    All that a method keeps from step to step must be in the network's state dict, or follow from
    the step's number: so a resumed training is the one that was interrupted.
    """

    share = 1.0

    def attach(self, network: nn.Module) -> None:
        """Once, after the network is built and before the optimiser sees its parameters."""

    def before_step(self, network: nn.Module, step: int) -> None:
        """Before the batch of this step."""

    def extra(self, network: nn.Module, batch: Batch, output: Tensor) -> Tensor | float:
        """What the loss of this step has beside the task's."""
        return 0.0

    def finish(self, network: nn.Module) -> None:
        """Once, on the network with its final weights."""

    def settled(self, recipe: Recipe) -> Recipe:
        """The recipe with what was measured filled in, so that its network needs no data."""
        return recipe
