"""What a search begins with: trained weights, the recipe to go on from, settings to agree on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edgernn.compress.plan import SHIPPED, STRUCTURES
from edgernn.errors import CheckpointError, ModelError
from edgernn.model import Model
from edgernn.train.checkpoint import write_bytes
from edgernn.train.recipe import Recipe, read_recipe
from edgernn.train.run import RECIPE, own_recipe

SETTINGS = "settings.json"
TRIED = (*STRUCTURES, "permute", "prune", "quantize")  # what a search itself puts into a recipe


def first_recipe(name: str, model: Model, given: Path | None) -> Recipe:
    """The recipe of a model, beginning with its trained weights.

    name: what the model was asked for by. given: a recipe.toml instead of the model's own.
    Raises: RecipeError; ModelError without weights, or if something was or would be compressed.
    """
    if model.weights is None:
        raise ModelError(f"{name}: no trained weights to begin with; train it first")
    own = None if model.recipe is None else read_recipe(name, model.recipe)
    if own and (done := _tried(own)):
        source = _source(own)
        what = f": {source}" if source and source != name else ""
        raise ModelError(
            f"{name}: was compressed already ({done}); compress what it came from{what}"
        )
    recipe = read_recipe(own.name if own else name, given or own_recipe(model))
    if done := _tried(recipe):
        raise ModelError(f"{given}: has compress.{done}, which a search tries by itself; leave out")
    start = model.reference if model.folder else str(model.weights.resolve())
    return replace(recipe, compress={**recipe.compress, "start": start})


def _tried(recipe: Recipe) -> str:
    return ", ".join(name for name in TRIED if name in recipe.compress)


def _source(recipe: Recipe) -> str:
    """The model that a compression began with, else its teacher; nothing if neither is told."""
    start = str(recipe.compress.get("start", ""))
    teacher = str(recipe.compress.get("distill", {}).get("teacher", ""))
    if Path(start).is_file():
        start = str(Path(start).parent) if (Path(start).parent / RECIPE).is_file() else ""
    found = start or teacher
    return recipe.name if found == SHIPPED else found


def fine_tuning(recipe: Recipe, steps: int, learning_rate: float | None) -> Recipe:
    """The recipe over so many steps, judged at their end; by default at half of its rate."""
    rate = learning_rate or recipe.learning_rate / 2
    return replace(recipe.with_steps(steps), learning_rate=rate, validate_every=max(1, steps))


def settings(model: Model, recipe: Recipe, **more: Any) -> dict[str, Any]:
    """All that must stay as it is when a search goes on, by dotted names."""
    assert model.weights is not None
    digest = hashlib.sha256(model.weights.read_bytes()).hexdigest()
    return {**_flat({**more, **asdict(recipe)}), "weights": digest[:16]}


def agree(out: Path, asked: Mapping[str, Any], *, write: bool = True) -> None:
    """Keep the settings in a folder. Raises: CheckpointError naming those that it has otherwise."""
    path, text = out / SETTINGS, json.dumps(asked, indent=1, sort_keys=True, default=str)
    now = json.loads(text)
    if path.is_file():
        try:
            known = dict(json.loads(path.read_text(encoding="utf-8")))
        except (TypeError, ValueError) as cause:
            raise CheckpointError(f"{path}: damaged; choose another --output") from cause
        names = sorted(n for n in known.keys() | now.keys() if known.get(n) != now.get(n))
        if names:
            told = "; ".join(f"{n} {_told(known.get(n))}, now {_told(now.get(n))}" for n in names)
            raise CheckpointError(
                f"{out}: was begun otherwise ({told}); resume with the same, or choose another "
                "--output"
            )
    if write:
        write_bytes(path, text.encode())


def _flat(table: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{head}{key}.")
        else:
            found[head + key] = value
    return found


def _told(value: Any) -> str:
    return "not set" if value is None else str(value)
