"""Cut a subnetwork out of a trained supernet: a folder that is a model like any other."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgernn.errors import ModelError
from edgernn.model import Model, by_prefix, find_model, load_weights
from edgernn.streaming import Streaming
from edgernn.supernet.ranking import untrained
from edgernn.supernet.sandwich import Supernet, of_largest, parse_supernet
from edgernn.supernet.slices import extract
from edgernn.supernet.space import Choice, label, parse_label
from edgernn.train.checkpoint import write_bytes
from edgernn.train.loop import Task, with_recipe
from edgernn.train.recipe import Recipe, read_recipe, recipe_text
from edgernn.train.run import RECIPE, WEIGHTS, find_task, save_weights

COVARIANCE = "hidden_covariance"  # a column of `listed`
DEPTH = "layers"  # the dimension that a path goes through
MEASURED = 50  # batches that a batch norm is measured on


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained supernet. large: the steps of its largest network; weights: the trained file."""

    model: Model
    weights: Path
    large: dict[str, Streaming]
    recipe: Recipe
    how: Supernet

    def subnetwork(self, choice: Choice, path: Sequence[int] = ()) -> dict[str, Streaming]:
        """The steps of a subnetwork, with their slices of the weights.

        path: as of `slices.cuts`.
        Raises: ModelError for a choice that is not in the space, or no path through its layers.
        """
        small = self.model.built(**self.sizes(choice, path))
        for name, step in small.items():
            extract(self.large[name], step, path)
        return small

    def sizes(self, choice: Choice, path: Sequence[int] = ()) -> Choice:
        """What a subnetwork is built with."""
        choice = self.how.space.check(choice)
        if not path:
            return choice
        if DEPTH not in choice or any(not 0 <= at < choice[DEPTH] for at in path):
            told = f"{DEPTH} 0 to {choice[DEPTH] - 1}" if DEPTH in choice else f"no {DEPTH}"
            raise ModelError(
                f"supernet: path {','.join(map(str, path))}: {label(choice)} has {told}"
            )
        return {**choice, DEPTH: len(path)}

    def whole(self, data: Path) -> Whole:
        """All that was trained, with its task over data. Raises: DataError, ModelError."""
        return Whole(self, find_task(self.model)(self.recipe, data))

    def recipe_of(self, choice: Choice, path: Sequence[int] = ()) -> Recipe:
        """What would train this subnetwork by itself."""
        sizes = self.sizes(choice, path)
        return replace(self.recipe, network={**self.recipe.network, **sizes}, supernet={})


def find_supernet(name: str) -> Trained:
    """The supernet that a training left. Raises: UnknownName; ModelError if it is none."""
    model = find_model(name)
    recipe = read_recipe(model.name, model.recipe) if model.recipe else None
    if recipe is None or not recipe.supernet:
        raise ModelError(f"{name}: its recipe has no [supernet], so there is nothing to cut out")
    if model.weights is None:
        raise ModelError(f"{name}: no trained weights; edgernn supernet train makes them")
    return Trained(
        model,
        model.weights,
        model.steps(),
        recipe,
        parse_supernet(recipe.supernet, str(model.recipe)),
    )


@contextmanager
def smaller(model: str, subnet: str) -> Iterator[str]:
    """The name of a smaller form of a model, while the block lasts.

    subnet: a variant's name, or sizes that are cut out of the supernet in a training's folder.
    Raises: UnknownName, ModelError.
    """
    if "=" not in subnet:
        yield find_model(f"{find_model(model).name}/{subnet}").reference
        return
    net = find_supernet(model)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / net.model.name
        cut_out(net, parse_label(subnet), out)
        yield str(out)


def has_batch_norm(steps: Mapping[str, nn.Module]) -> bool:
    """Whether statistics of other sizes lie in it, which must be measured anew."""
    return any(isinstance(m, nn.BatchNorm1d) for step in steps.values() for m in step.modules())


@torch.no_grad()
def measure_norms(network: nn.Module, task: Task, batches: int = MEASURED) -> None:
    """Set the statistics of each batch norm to the mean over training batches.

    Source: Yu and Huang 2019, arXiv:1903.05134.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d)]
    before = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
    network.train()
    for step in range(batches):
        torch.manual_seed(step)
        task.output(network, task.batch(step))
    for norm, momentum in zip(norms, before, strict=True):
        norm.momentum = momentum
    network.eval()


def cut_out(
    net: Trained,
    choice: Choice,
    out: Path,
    whole: Whole | None = None,
    path: Sequence[int] = (),
) -> Path:
    """Write a subnetwork's folder: recipe and weights. Gives the path of the weights.

    whole: with it, what was trained beside the steps, such as an auxiliary head, is cut out too.
    path: which of its layers stands at each place: some skipped, some twice.

    Raises: ModelError if it has batch norms and there is no data to measure them on.
    """
    steps = net.subnetwork(choice, path)
    if whole is not None:
        tensors = whole.subnetwork(choice, path).state_dict()
    elif has_batch_norm(steps):
        raise ModelError(
            f"{label(choice)}: has batch norms, whose statistics are of the largest network; "
            "give --data, so that they are measured anew"
        )
    else:
        tensors = {
            prefix + name: tensor
            for prefix, step in by_prefix(steps).items()
            for name, tensor in step.state_dict().items()
        }
    save_weights(out / WEIGHTS, tensors)
    recipe = net.recipe_of(choice, path)
    write_bytes(out / RECIPE, recipe_text(recipe).encode())
    return out / WEIGHTS


class Whole:
    """All that a task trained, of which the steps may be but a part; cut as the steps are."""

    def __init__(self, net: Trained, task: Task) -> None:
        self.net, self.task = net, with_recipe(task, of_largest(net.recipe, net.how.space))
        self.large = self.task.build()
        load_weights({"": self.large}, net.weights)

    def subnetwork(self, choice: Choice, path: Sequence[int] = ()) -> nn.Module:
        """The network of these sizes in eval mode, its batch norms measured anew."""
        task = with_recipe(self.task, self.net.recipe_of(choice, path))
        small = task.build()
        extract(self.large, small, path)
        if has_batch_norm({"": small}):
            measure_norms(small, task)
        return small.eval()

    @torch.no_grad()
    def figures(self, choice: Choice) -> dict[str, float]:
        """The validation's, of a subnetwork."""
        task = with_recipe(self.task, self.net.recipe_of(choice))
        made = task.validate(self.subnetwork(choice))
        return {name: float(value) for name, value in made.items()}


def listed(
    net: Trained, data: Path | None, most: int, *, rank: bool = False
) -> list[dict[str, Any]]:
    """Subnetworks, the smallest first; of more than `most` a choice with both ends.

    With data each one's figures of the validation, its batch norms measured anew before. rank: and
    its hidden covariance before any training.
    """
    shown = [(choice, net.subnetwork(choice)) for choice in net.how.space.spread(most)]
    whole = None if data is None else net.whole(data)
    rows = []
    for choice, steps in sorted(shown, key=lambda one: parameters(one[1])):
        row: dict[str, Any] = {"subnetwork": label(choice), "parameters": parameters(steps)}
        if whole is not None:
            row |= whole.figures(choice)
            if rank:
                row[COVARIANCE] = untrained(with_recipe(whole.task, net.recipe_of(choice)))
        rows.append(row)
    return rows


def parameters(steps: dict[str, Streaming]) -> int:
    """How many there are, of all steps."""
    return sum(p.numel() for step in steps.values() for p in step.parameters())
