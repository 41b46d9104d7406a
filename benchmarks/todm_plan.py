"""What `todm` trains: for each part its trainings, which follow from a recipe, sizes and a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.compression import gradually
from edgernn.recognition.blocks import UNLIMITED
from edgernn.supernet.space import Choice, parse_label
from edgernn.train.recipe import Recipe, read_recipe

RECIPE = Path("benchmarks/recipes/asr_many.toml")
SIZES = (
    "hidden=64,layers=1,channels=48,joint=64",
    "hidden=128,layers=1,channels=96,joint=128",
    "hidden=128,layers=2,channels=96,joint=128",
    "hidden=256,layers=2,channels=128,joint=128",
)
CHOSEN = (SIZES[0], SIZES[2], SIZES[3])  # that go through number types and zeros
SUPERNET = "supernet"
SCALED = {"optimizer": "scaled_adam", "learning_rate": 2e-2}  # ten times AdamW's, as it wants
ABLATION: Mapping[str, Mapping[str, Any]] = {
    SUPERNET: {},
    "KL instead of alpha-divergence": {"supernet": {"distill": "kl"}},
    "labels instead of alpha-divergence": {"supernet": {"distill": ""}},
    "the same dropout for all": {"network": {"adaptive": False}},
    "ScaledAdam instead of AdamW": SCALED,
}
EQUAL: Mapping[str, Any] = {"hidden": 128, "layers": 2, "channels": 96}  # bytes; `feed` makes it so
ATTENTION: Mapping[str, Any] = {"encoder": "transformer", "heads": 4, "width": 32, "feed": 256}
LEFT, AHEAD = (4, 8, 16, UNLIMITED), (1, 2, 3, 4)  # frames
FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "LSTM": {},
    "MH-SSM": {"encoder": "mhssm", "heads": 8, "width": 32, "states": 4, "feed": 300},
    **{f"Transformer, left {n}": {**ATTENTION, "left": n} for n in LEFT},
    **{f"Transformer, left 16, ahead {n}": {**ATTENTION, "left": 16, "ahead": n} for n in AHEAD},
}


@dataclass(frozen=True, slots=True)
class Training:
    """One training. judged: the subnetworks of it that are; none: the network itself."""

    name: str
    recipe: Recipe
    judged: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Two trainings with one key are the same."""
        return self.recipe.fingerprint()[:16]

    @property
    def heard(self) -> tuple[str, ...]:
        """The names of what is judged."""
        return self.judged or ("",)


def base(seed: int, steps: int | None = None) -> Recipe:
    """The recipe that all others are made from: a supernet's, heard as it was trained."""
    given = read_recipe("asr", RECIPE)
    network = {name: value for name, value in given.network.items() if name != "internal_lm"}
    recipe = replace(given, seed=seed, network=network)
    return recipe if steps is None else recipe.with_steps(steps)


def alone(recipe: Recipe, sizes: Mapping[str, Any]) -> Recipe:
    """The same training of one network."""
    return replace(recipe, network={**recipe.network, **sizes}, supernet={})


def sizes(recipe: Recipe) -> list[Training]:
    """The supernet, and each of its sizes by itself."""
    singles = [Training(name, alone(recipe, parse_label(name))) for name in SIZES]
    return [Training(SUPERNET, recipe, SIZES), *singles]


def ablation(recipe: Recipe) -> list[Training]:
    """The supernet as it is, and with one thing changed."""
    return [Training(name, _changed(recipe, how), SIZES) for name, how in ABLATION.items()]


def _changed(recipe: Recipe, how: Mapping[str, Any]) -> Recipe:
    values: dict[str, Any] = {
        name: {**getattr(recipe, name), **value} if isinstance(value, Mapping) else value
        for name, value in how.items()
    }
    return replace(recipe, **values)


def families(recipe: Recipe) -> list[Training]:
    """Encoders of about as many bytes."""
    return [Training(n, alone(recipe, {**EQUAL, **how})) for n, how in FAMILIES.items()]


def trained_on(
    recipe: Recipe, choice: Choice, start: Path, zeros: float, rounded: str = ""
) -> Recipe:
    """A subnetwork that goes on from its slice for a fifth of the steps, compressed meanwhile.

    zeros: the share of its cells' blocks of 4 by 4 that is zero in the end. rounded: the number
    type that it is trained for. Neither: the control.
    """
    steps = max(1, recipe.steps // 5)
    found = replace(alone(recipe, choice), learning_rate=recipe.learning_rate / 4)
    found = found.with_steps(steps)
    table: dict[str, Any] = {"start": str(start)}
    if zeros:
        table["prune"] = [gradually("4x4", zeros, steps)]
    if rounded:
        table["quantize"] = {"number_type": rounded, "learned": True}
    return replace(found, compress=table)


PARTS = {"sizes": sizes, "ablation": ablation, "families": families}


def planned(parts: Sequence[str], seeds: int, steps: int | None) -> list[Training]:
    """Trainings of these parts, each once, seed by seed: so any stop leaves whole comparisons."""
    found: dict[str, Training] = {}
    for seed in range(1, seeds + 1):
        for part in parts:
            for one in PARTS[part](base(seed, steps)):
                found.setdefault(one.key, one)
    return list(found.values())
