"""Train a model by name: its recipe, its `Task`, the loop, and the files that come out."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from edgernn.errors import CheckpointError, DataError, ModelError
from edgernn.model import Model, find_model, load_source
from edgernn.train.checkpoint import write_bytes
from edgernn.train.loop import Task, Trained, train
from edgernn.train.method import Method
from edgernn.train.processes import processes
from edgernn.train.recipe import Recipe, read_recipe, recipe_text

CHECKPOINT, WEIGHTS, HISTORY = "checkpoint.pt", "weights.safetensors", "history.json"
RECIPE = "recipe.toml"


def train_model(
    name: str,
    data: Path,
    out: Path,
    *,
    recipe: Path | None = None,
    resume: bool = False,
    steps: int | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> Trained:
    """Train a model on `data`; leaves checkpoint, weights, recipe and history in `out`.

    recipe: a recipe.toml instead of the model's own. steps: instead of the recipe's number, for a
    quick trial; it is then another recipe.

    Raises: UnknownName, ModelError without a Task, DataError, RecipeError, CheckpointError.
    """
    model = find_model(name)
    make_task = find_task(model)
    if not data.is_dir():
        raise DataError(f"{data}: no such directory; --data takes the one with the archives")
    if not resume and (out / CHECKPOINT).exists():
        raise CheckpointError(
            f"{out / CHECKPOINT}: exists; add --resume to continue it, or choose another --output"
        )
    how = read_recipe(name, recipe or own_recipe(model))
    if steps is not None:
        how = how.with_steps(steps)
    return run_recipe(model, make_task(how, data), out, resume=resume, device=device, quiet=quiet)


def run_recipe(
    model: Model,
    task: Task,
    out: Path,
    *,
    beside: Sequence[Method] = (),
    resume: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> Trained:
    """Run a task's recipe, its compression with it, and leave all of its files in `out`.

    beside: what acts behind the recipe's own methods. Weights are plain ones, whatever lay on
    them; of a supernet those of the largest network. Of several processes the first leaves the
    files.
    Raises: as `train_model`.
    """
    from edgernn.compress.parametrized import bake
    from edgernn.compress.plan import methods, parse_compression
    from edgernn.supernet.sandwich import sandwich
    from edgernn.train.weight_drop import weight_drop

    compression = parse_compression(task.recipe.compress, task.recipe.name)
    task, subnetworks = sandwich(task)
    recipe = task.recipe
    acting = [*methods(compression, model, task), *weight_drop(recipe), *subnetworks]
    acting += [*getattr(task, "methods", list)(), *beside]
    trained = train(
        task, out / CHECKPOINT, methods=acting, resume=resume, device=device, quiet=quiet
    )
    if not processes().first:
        return trained
    if recipe.compress or recipe.weight_drop:
        trained = replace(trained, weights=bake(trained.network).state_dict())
    save_weights(out / WEIGHTS, halved(trained.weights) if recipe.half_weights else trained.weights)
    history = json.dumps({"recipe": recipe.fingerprint(), "rows": trained.history}, indent=1)
    write_bytes(out / HISTORY, history.encode())
    for method in acting:
        recipe = method.settled(recipe)
    write_bytes(out / RECIPE, recipe_text(recipe).encode())
    return trained


def find_task(model: Model) -> Callable[[Recipe, Path], Task]:
    """What makes a model's task of a recipe and data. Raises: ModelError if nothing does."""
    if model.folder is not None and (model.folder / "training.py").is_file():
        module = importlib.import_module(f"edgernn.models.{model.name}.training")
        return module.Task  # type: ignore[no-any-return]
    found = None if model.folder else getattr(load_source(model), "Task", None)
    if found is None:
        where = f"{model.name} has no training.py" if model.folder else f"{model.source}: no Task"
        raise ModelError(f"{where}, so nothing says how to train it")
    return found  # type: ignore[no-any-return]


def own_recipe(model: Model) -> Path:
    """The recipe that a model comes with. Raises: ModelError if it has none."""
    if model.recipe is None:
        raise ModelError(f"{model.name}: comes without a recipe.toml; give one with --recipe")
    return model.recipe


def halved(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Floats in float16; loading brings them back to the network's type."""
    return {name: t.half() if t.is_floating_point() else t for name, t in weights.items()}


def save_weights(path: Path, weights: Mapping[str, Tensor], **facts: Any) -> None:
    """Write a safetensors file, whole or not at all. Raises: CheckpointError."""
    content = save({name: tensor.contiguous() for name, tensor in weights.items()}, facts or None)
    write_bytes(path, content)
