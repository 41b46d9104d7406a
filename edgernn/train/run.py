"""Train a model by name: its recipe, its `Task`, the loop, and the files that come out."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from edgernn.errors import CheckpointError, DataError, ModelError
from edgernn.model import find_model
from edgernn.train.checkpoint import write_atomic
from edgernn.train.loop import Trained, train
from edgernn.train.recipe import read_recipe

CHECKPOINT, WEIGHTS, HISTORY = "checkpoint.pt", "weights.safetensors", "history.json"


def train_model(
    name: str,
    data: Path,
    out: Path,
    *,
    resume: bool = False,
    steps: int | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> Trained:
    """Train models/NAME on `data`; leaves checkpoint, weights and history in `out`.

    steps: instead of the recipe's number, for a quick trial; it is then another recipe.

    Raises: UnknownName, ModelError without a training.py, DataError, CheckpointError.
    """
    model = find_model(name)
    if model.folder is None or not (model.folder / "training.py").is_file():
        raise ModelError(f"{name}: has no training.py, so nothing says how to train it")
    if not data.is_dir():
        raise DataError(f"{data}: no such directory; --data takes the one with the archives")
    recipe = read_recipe(name, model.folder / "recipe.toml")
    if steps is not None:
        recipe = recipe.with_steps(steps)
    if not resume and (out / CHECKPOINT).exists():
        raise CheckpointError(
            f"{out / CHECKPOINT}: exists; add --resume to continue it, or choose another --output"
        )
    task = importlib.import_module(f"edgernn.models.{name}.training").Task(recipe, data)
    trained = train(task, out / CHECKPOINT, resume=resume, device=device, quiet=quiet)
    save_weights(out / WEIGHTS, trained.weights)
    history = json.dumps({"recipe": recipe.fingerprint(), "rows": trained.history}, indent=1)
    write_atomic(out / HISTORY, lambda file: file.write(history.encode()))
    return trained


def save_weights(path: Path, weights: Mapping[str, Tensor], **facts: Any) -> None:
    """Write a safetensors file, whole or not at all. Raises: CheckpointError."""
    content = save({name: tensor.contiguous() for name, tensor in weights.items()}, facts or None)
    write_atomic(path, lambda file: file.write(content))
