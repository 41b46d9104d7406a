"""Weight drop: a share of the recurrent weights is left out of a step, another one at each.

    U' = m * U / (1 - p),  m_ij = 0 with probability p, the same for all frames of a batch

It lies on the recurrent matrices of every cell, last of all, so that what is masked and rounded for
an export is dropped as it is. Outside of training it is not there, and `bake` takes it off.

Source: Merity et al. 2017, arXiv:1708.02182 (DropConnect, Wan et al. 2013, on U).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgernn.compress.matrices import chosen, matrices
from edgernn.compress.parametrized import attach
from edgernn.train.method import Method
from edgernn.train.recipe import Recipe, RecipeError


class Dropped(nn.Module):
    """weight * kept in training; `kept` is no state, it follows from the step."""

    kept: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("kept", torch.ones_like(weight), persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.kept if self.training else weight

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Setting a weight sets the one beneath."""
        return weight


class WeightDrop(Method):
    """Draws anew at each step which recurrent weights stay. rate: the share left out."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.dropped: list[Dropped] = []

    def attach(self, network: nn.Module) -> None:
        """Raises: ModelError if no cell of the network has recurrent matrices."""
        for matrix in chosen(matrices(network), ["recurrent"], "train.weight_drop"):
            one = Dropped(matrix.original.detach())
            attach(matrix, one)
            self.dropped.append(one)

    def before_step(self, network: nn.Module, step: int) -> None:
        """By torch's generator, which the loop has seeded with the step."""
        stay = 1 - self.rate
        for one in self.dropped:
            one.kept.bernoulli_(stay).div_(stay)


def weight_drop(recipe: Recipe) -> list[Method]:
    """What a recipe asks for. Raises: RecipeError for a supernet, whose weights are shared."""
    if not recipe.weight_drop:
        return []
    if recipe.supernet:
        raise RecipeError(
            f"{recipe.name}: train.weight_drop and a supernet in one training; leave one out"
        )
    return [WeightDrop(recipe.weight_drop)]
