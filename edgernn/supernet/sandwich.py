"""The sandwich rule: at every step the largest network, the smallest, and some between.

    [supernet]
    random = 2               # drawn between the largest and the smallest
    distill = "alpha"        # the others learn from the largest's answers; "kl", or "" for labels
    labels = 0.0             # with a teacher: weight of the labels beside it
    [supernet.space]
    hidden = [96, 128, 192, 256]

The largest learns from the labels, the others from what it just answered (in-place distillation).

Sources: Yu and Huang 2019, arXiv:1903.05134 (the sandwich rule, in-place distillation); Wang et al.
2021, arXiv:2102.07954 (AlphaNet's divergence); Shangguan et al. 2023, arXiv:2309.01947 (TODM).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ModelError
from edgernn.supernet.slices import Cut, cuts, lent, sliced
from edgernn.supernet.space import Choice, Space, label
from edgernn.train.loop import Task, counted, with_recipe
from edgernn.train.losses.divergence import alpha_divergence, kl
from edgernn.train.method import Batch, Method
from edgernn.train.recipe import Recipe, RecipeError

DISTILL = ("alpha", "kl", "")


@dataclass(frozen=True, slots=True)
class Supernet:
    """How a supernet is trained. random: subnetworks drawn beside the largest and the smallest.

    labels: weight of the task's own loss for those that learn from the largest.
    """

    space: Space
    random: int = 2
    distill: str = "alpha"
    labels: float = 0.0

    def __post_init__(self) -> None:
        if type(self.random) is not int or self.random < 0:
            raise ModelError(f"supernet: random {self.random!r}; need a whole number of at least 0")
        if self.distill not in DISTILL:
            known = ", ".join(repr(name) for name in DISTILL)
            raise ModelError(f"supernet: distill {self.distill!r}; need one of {known}")
        if not isinstance(self.labels, int | float) or self.labels < 0:
            raise ModelError(f"supernet: labels {self.labels!r}; need a weight of at least 0")


def parse_supernet(table: Mapping[str, Any], where: str) -> Supernet:
    """A `[supernet]` table. Raises: RecipeError naming the key, ModelError naming the value."""
    known = ("space", "random", "distill", "labels")
    if unknown := sorted(table.keys() - set(known)):
        raise RecipeError(
            f"{where}: unknown key supernet.{unknown[0]}; it takes {', '.join(known)}"
        )
    rest = {name: value for name, value in table.items() if name != "space"}
    return Supernet(Space.of_table(table.get("space", {})), **rest)


def of_largest(recipe: Recipe, space: Space) -> Recipe:
    """The recipe with the network of the largest sizes.

    Raises: RecipeError if [network] asks for another size.
    """
    for name, size in space.largest.items():
        if recipe.network.get(name, size) != size:
            raise RecipeError(
                f"{recipe.name}: network.{name} is {recipe.network[name]}, the largest of "
                f"supernet.space.{name} is {size}; leave the first out"
            )
    return replace(recipe, network={**recipe.network, **space.largest})


def sandwich(task: Task) -> tuple[Task, list[Method]]:
    """The task of the largest network, and what trains the others, if its recipe has a supernet.

    Raises: RecipeError, ModelError; among them for a compression that lies on shared weights.
    """
    recipe = task.recipe
    if not recipe.supernet:
        return task, []
    if odd := sorted(recipe.compress.keys() - {"start"}):
        raise RecipeError(
            f"{recipe.name}: compress.{odd[0]} and a supernet in one training; extract a "
            "subnetwork first, then compress it"
        )
    how = parse_supernet(recipe.supernet, recipe.name)
    task = with_recipe(task, of_largest(recipe, how.space))
    return task, [Sandwich(how, task)]


class Subnetwork(NamedTuple):
    """A network of smaller sizes, and how its tensors lie in the largest's."""

    network: nn.Module
    plan: Mapping[str, Cut]


class Sandwich(Method):
    """Adds the losses of smaller networks that compute with slices of the trained one."""

    def __init__(self, how: Supernet, task: Task) -> None:
        self.how, self.task, self.step = how, task, 0
        self.share = 1 / (2 + how.random)
        self.built: dict[str, Subnetwork] = {}

    def before_step(self, network: nn.Module, step: int) -> None:
        """Note the step: what is drawn follows from it."""
        self.step = step

    def chosen(self) -> list[Choice]:
        """What is trained at this step beside the largest."""
        source = random.Random(f"{self.task.recipe.seed} {self.step}")
        space = self.how.space
        return [space.smallest, *(space.draw(source) for _ in range(self.how.random))]

    def subnetwork(self, network: nn.Module, choice: Choice) -> Subnetwork:
        """Built once. Raises: ModelError if it is no slice of the network."""
        name = label(choice)
        if name not in self.built:
            recipe = self.task.recipe
            small = replace(recipe, network={**recipe.network, **choice})
            device = next(network.parameters()).device
            with torch.random.fork_rng():
                made = with_recipe(self.task, small).build().to(device)
            self.built[name] = Subnetwork(made, cuts(network, made))
        return self.built[name]

    def extra(self, network: nn.Module, batch: Batch, output: Tensor) -> Tensor:
        """The mean's other terms; `output` is the largest's."""
        total = output.new_zeros(())
        for choice in self.chosen():
            small, plan = self.subnetwork(network, choice)
            with lent(small.train(network.training), sliced(network, plan)):
                total = total + self._loss(self.task.output(small, batch), output.detach(), batch)
        return self.share * total

    def _loss(self, output: Tensor, taught: Tensor, batch: Batch) -> Tensor:
        if not self.how.distill:
            return self.task.loss(output, batch)[0]
        one, other = (counted(self.task, logits, batch) for logits in (output, taught))
        loss = alpha_divergence(one, other) if self.how.distill == "alpha" else kl(one, other, 1.0)
        if self.how.labels:
            loss = loss + self.how.labels * self.task.loss(output, batch)[0]
        return loss
