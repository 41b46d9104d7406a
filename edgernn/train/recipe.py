"""`Recipe`: everything that decides the outcome of a training, read from recipe.toml.

A recipe is data, so a training can be replayed from it: `[train]` belongs to the loop, `[network]`
and `[data]` are handed to the model's own `Task` as they are, `[compress]` is read by
`edgernn.compress.plan`, `[supernet]` by `edgernn.supernet.sandwich`. `model`, above all tables,
names the model that it is for.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from edgernn.errors import EdgernnError

TABLES = ("network", "data", "compress", "supernet")
OPTIMIZERS = ("adamw", "scaled_adam", "nt_asgd")
LATER = {  # as usual they leave older fingerprints as they are
    "supernet": {},
    "optimizer": "adamw",
    "watch": "",
    "patience": 5,
    "weight_drop": 0.0,
    "half_weights": False,
}
How = TypeVar("How")


class RecipeError(EdgernnError, ValueError):
    """A recipe.toml that cannot be read; names the key."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. Steps are optimiser steps; every random number follows from `seed`.

    steps: 0, with `[compress]` alone, leaves the weights as that table makes them.
    optimizer: `adamw`, `scaled_adam` (`train.scaled_adam`), which wants ten times the rate, or
        `nt_asgd` (`train.nt_asgd`), which wants a rate, a decay and a clipping of its own.
    warmup_steps: linear rise of the learning rate, before a cosine down to zero; under `nt_asgd`
        the rate stays.
    ema_decay: of the weights that are validated and shipped; 0 ships the last weights. `nt_asgd`
        has an average of its own.
    validate_every, checkpoint_every: in steps.
    watch: under `nt_asgd`, the figure of the validations that starts the average, such as
        `val_words`; `-val_wer` where less is better. patience: in validations.
    weight_drop: share of the recurrent weights left out at each step (`train.weight_drop`).
    half_weights: whether weights are written in float16, in half the bytes.
    """

    name: str
    steps: int
    batch_size: int = 64
    seed: int = 1
    optimizer: str = "adamw"
    learning_rate: float = 3e-3
    warmup_steps: int = 100
    weight_decay: float = 0.02
    grad_clip: float = 1.0
    ema_decay: float = 0.998
    validate_every: int = 200
    checkpoint_every: int = 200
    watch: str = ""
    patience: int = 5
    weight_drop: float = 0.0
    half_weights: bool = False
    network: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    compress: Mapping[str, Any] = field(default_factory=dict)
    supernet: Mapping[str, Any] = field(default_factory=dict)

    def fingerprint(self) -> str:
        """Hash of every value; two recipes with one fingerprint train to the same weights."""
        values = asdict(self)
        for name, usual in LATER.items():
            if values[name] == usual:
                del values[name]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()

    def with_steps(self, steps: int) -> Recipe:
        """The same recipe over another number of steps, its warm-up and periods kept within."""
        return replace(
            self,
            steps=steps,
            warmup_steps=min(self.warmup_steps, max(1, steps // 10)),
            validate_every=min(self.validate_every, max(1, steps)),
            checkpoint_every=min(self.checkpoint_every, max(1, steps)),
        )


def parse_recipe(name: str, text: str, *, where: str = "recipe.toml") -> Recipe:
    """A recipe from TOML text. Raises: RecipeError naming the unknown or missing key."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise RecipeError(f"{where}: not TOML: {cause}") from cause
    name = str(tables.pop("model", name))
    train = dict(tables.pop("train", {}))
    extra = {key: tables.pop(key, {}) for key in TABLES}
    known = {f.name for f in fields(Recipe)} - {"name", *TABLES}
    unknown = sorted([*tables, *(f"train.{key}" for key in train.keys() - known)])
    if unknown:
        raise RecipeError(
            f"{where}: unknown key {', '.join(unknown)}; [train] takes {sorted(known)}"
        )
    if "steps" not in train:
        raise RecipeError(f"{where}: [train] lacks steps")
    recipe = Recipe(name=name, **train, **extra)
    if recipe.optimizer not in OPTIMIZERS:
        raise RecipeError(
            f"{where}: train.optimizer is {recipe.optimizer!r}; need {' or '.join(OPTIMIZERS)}"
        )
    if recipe.optimizer == "nt_asgd" and not (isinstance(recipe.watch, str) and recipe.watch):
        raise RecipeError(
            f"{where}: optimizer nt_asgd lacks train.watch, a figure of the validations such as "
            "'val_accuracy', or '-val_wer' where less is better"
        )
    if not isinstance(recipe.weight_drop, int | float) or not 0 <= recipe.weight_drop < 1:
        raise RecipeError(
            f"{where}: train.weight_drop is {recipe.weight_drop!r}; need at least 0 and below 1"
        )
    if not isinstance(recipe.half_weights, bool):
        raise RecipeError(
            f"{where}: train.half_weights is {recipe.half_weights!r}; need true or false"
        )
    for key in ("steps", "batch_size", "validate_every", "checkpoint_every", "patience"):
        value = getattr(recipe, key)
        least = 0 if key == "steps" and recipe.compress else 1
        if not isinstance(value, int) or value < least:
            raise RecipeError(f"{where}: train.{key} is {value!r}; need a whole number >= {least}")
    return recipe


def read_recipe(name: str, path: Path) -> Recipe:
    """The recipe in a file. Raises: RecipeError if it is absent or wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as cause:
        raise RecipeError(f"{path}: cannot be read: {cause.strerror}") from cause
    return parse_recipe(name, text, where=str(path))


def filled(sort: type[How], table: Any, where: str) -> How:
    """A frozen dataclass from a table; lists become tuples. `of_table` reads one of free keys.

    Raises: RecipeError naming the key.
    """
    if not isinstance(table, Mapping):
        raise RecipeError(f"{where} is {table!r}; need a table")
    of_table: Any = getattr(sort, "of_table", None)
    if of_table is not None:
        return of_table(table)  # type: ignore[no-any-return]
    known = {f.name: f for f in fields(sort)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - known.keys())
    if unknown:
        raise RecipeError(f"{where}: unknown key {unknown[0]}; it takes {', '.join(known)}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    for name, value in values.items():
        want = type(known[name].default)
        number = want is float and type(value) is int
        if want in (int, float, str, bool, tuple) and type(value) is not want and not number:
            raise RecipeError(f"{where}: {name} is {value!r}; need {want.__name__}")
    return sort(**values)


def recipe_text(recipe: Recipe) -> str:
    """The recipe as TOML: `parse_recipe` gives it back."""
    train = {
        f.name: getattr(recipe, f.name) for f in fields(Recipe) if f.name not in ("name", *TABLES)
    }
    tables = {"train": train, **{name: getattr(recipe, name) for name in TABLES}}
    lines = [f"model = {json.dumps(recipe.name)}"]
    for name, table in tables.items():
        if table:
            lines += _toml_table(name, table)
    return "\n".join(lines) + "\n"


def _toml_table(name: str, table: Mapping[str, Any]) -> list[str]:
    """A table's lines: its values first, then its own tables and lists of tables."""
    lines = ["", f"[{name}]"]
    later: list[str] = []
    for key, value in table.items():
        label = key if key.replace("_", "").replace("-", "").isalnum() else json.dumps(key)
        if isinstance(value, Mapping):
            later += _toml_table(f"{name}.{label}", value)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for row in value:
                first, head, *rest = _toml_table(f"{name}.{label}", row)
                later += [first, f"[{head}]", *rest]
        else:
            lines.append(f"{label} = {json.dumps(value, ensure_ascii=False)}")
    return lines + later
