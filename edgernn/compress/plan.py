"""`Compression`: the `[compress]` table of a recipe, and the methods that carry it out.

    [compress]
    start = "kws/dense"              # weights to begin with: a model's, a file's, or "" for fresh
    [compress.quantize]
    number_type = "w4a8"
    [[compress.prune]]
    pattern = "16x4"
    sparsity = 0.75

Everything that decides the outcome stands there, so a recipe replays a compression.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from edgernn.compress.activations import Activations
from edgernn.compress.delta import Delta
from edgernn.compress.delta_training import DeltaTrainer
from edgernn.compress.distill import Distill, Distiller
from edgernn.compress.low_rank import LowRank
from edgernn.compress.permute import Permute
from edgernn.compress.prune import Prune, Pruner
from edgernn.compress.quantize import Quantize, Quantizer
from edgernn.compress.units import Units
from edgernn.errors import ModelError, UnknownName
from edgernn.model import Model, find_model, load_weights
from edgernn.train.loop import Task, with_recipe
from edgernn.train.method import Method
from edgernn.train.recipe import How, RecipeError, filled, read_recipe

SHIPPED = "shipped"


class Structure(Protocol):
    """What changes a network's modules, and so which weights it has."""

    def apply(self, network: nn.Module) -> None:
        """Change the network in place, its weights with it; shapes follow from settings alone."""


STRUCTURES: dict[str, type[Structure]] = {  # in the order in which they act
    "units": Units,
    "low_rank": LowRank,
    "delta": Delta,
    "activations": Activations,
}


@dataclass(frozen=True, slots=True)
class Compression:
    """What is done to a network, in this order; a teacher stands beside it."""

    start: str = ""
    structures: tuple[Structure, ...] = ()
    permute: Permute | None = None
    prune: tuple[Prune, ...] = ()
    quantize: Quantize | None = None
    distill: Distill | None = None


def parse_compression(table: Mapping[str, Any], where: str) -> Compression:
    """A `[compress]` table. Raises: RecipeError naming the key, ModelError naming the value."""
    known = ("start", *STRUCTURES, "permute", "prune", "quantize", "distill")
    unknown = sorted(table.keys() - set(known))
    if unknown:
        raise RecipeError(
            f"{where}: unknown key compress.{unknown[0]}; it takes {', '.join(known)}"
        )
    prunes = table.get("prune", ())
    rows = [prunes] if isinstance(prunes, Mapping) else list(prunes)
    return Compression(
        str(table.get("start", "")),
        _structures(table, where),
        _optional(Permute, table.get("permute"), f"{where}: compress.permute"),
        tuple(filled(Prune, row, f"{where}: compress.prune") for row in rows),
        _optional(Quantize, table.get("quantize"), f"{where}: compress.quantize"),
        _optional(Distill, table.get("distill"), f"{where}: compress.distill"),
    )


def _structures(table: Mapping[str, Any], where: str) -> tuple[Structure, ...]:
    return tuple(
        filled(sort, table[name], f"{where}: compress.{name}")
        for name, sort in STRUCTURES.items()
        if name in table
    )


def restructure(network: nn.Module, table: Mapping[str, Any], where: str) -> None:
    """Give a fresh network the modules that its trained weights are of."""
    for one in _structures(table, where):
        one.apply(network)


def _optional(sort: type[How], table: Any, where: str) -> How | None:
    return None if table is None else filled(sort, table, where)


class Start(Method):
    """Begins with the weights of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def attach(self, network: nn.Module) -> None:
        """Raises: ModelError if they do not fit the network."""
        load_weights({"": network}, self.path)


class Restructure(Method):
    """Changes the network's modules before anything is laid on its weights."""

    def __init__(self, how: Structure) -> None:
        self.how = how

    def attach(self, network: nn.Module) -> None:
        """Once the first weights are in."""
        self.how.apply(network)


def methods(how: Compression, model: Model, task: Task) -> list[Method]:
    """What carries a compression out, in the order in which it lies on the weights.

    Raises: ModelError if there are no weights to start from or no teacher.
    """
    found: list[Method] = []
    if how.start:
        found.append(Start(start_weights(how.start, model)))
    for one in how.structures:
        found.append(DeltaTrainer(one, task) if isinstance(one, Delta) else Restructure(one))
    if how.permute:  # changes no shape, so it is not redone when a folder is loaded
        found.append(Restructure(how.permute))
    found += [Pruner(one) for one in how.prune]
    if how.quantize:
        found.append(Quantizer(how.quantize))
    if how.distill:
        name = how.distill.teacher
        teacher = trained(model if name == SHIPPED else find_model(name), task)
        found.append(Distiller(how.distill, teacher, task))
    return found


def trained(model: Model, task: Task) -> nn.Module:
    """A trained network; of several steps, what their task makes of them, with its weights.

    task: of this model, whose recipe tells the network where the model has none of its own.
    Raises: ModelError if it was not trained, or does not fit.
    """
    steps = model.steps()
    if len(steps) == 1:
        return next(iter(steps.values()))
    if model.weights is None:
        raise ModelError(f"{model.reference}: no weights of a training")
    recipe = read_recipe(model.name, model.recipe) if model.recipe else task.recipe
    network = with_recipe(task, recipe).build()
    restructure(network, recipe.compress, str(model.recipe))
    load_weights({"": network}, model.weights)
    return network.eval()


def start_weights(start: str, model: Model) -> Path:
    """The file behind `start`. Raises: ModelError if there is none."""
    if Path(start).is_file():
        return Path(start)
    try:
        path = (model if start == SHIPPED else find_model(start)).weights
    except (ModelError, UnknownName):
        path = None
    if path is None:
        raise ModelError(
            f"compress.start {start!r}: no such weights; give a .safetensors file, a model that "
            f"comes trained, the folder of a training, or {SHIPPED!r} for the model itself"
        )
    return path
