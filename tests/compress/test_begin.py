"""A search begins with trained weights that nothing was done to, and goes on as it was begun."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from edgernn.compress.begin import SETTINGS, first_recipe
from edgernn.compress.budget import Budget
from edgernn.compress.frontier import RUNS, Search, search
from edgernn.compress.frontier import settings_of as settings
from edgernn.compress.points import Run
from edgernn.errors import CheckpointError, ModelError
from edgernn.model import find_model

from . import keep

MINE = f"{keep.__file__}:build"


def folder_of(home: Path, table: str, model: str = MINE) -> Path:
    """What a training leaves, as far as recipes are read."""
    home.mkdir()
    text = f"model = {json.dumps(model)}\n[train]\nsteps = 40\n{table}"
    (home / "recipe.toml").write_text(text)
    (home / "weights.safetensors").write_bytes(b"")
    return home


def test_the_recipe_goes_on_from_the_weights_of_the_model(tmp_path: Path) -> None:
    mine = folder_of(tmp_path / "mine", '[compress.distill]\nteacher = "kws"\n')
    recipe = first_recipe(str(mine), find_model(str(mine)), None)
    assert recipe.name == MINE
    start = str((mine / "weights.safetensors").resolve())
    assert recipe.compress == {"distill": {"teacher": "kws"}, "start": start}
    assert first_recipe("kws/dense", find_model("kws/dense"), None).compress == {
        "start": "kws/dense"
    }


@pytest.mark.parametrize(
    ("table", "model", "line"),
    [
        ('start = "shipped"\n[compress.units]\nrnn = 8', "kws", r"\(units\).* came from: kws$"),
        ('start = "kws/dense"\n[compress.delta]', "kws", r"came from: kws/dense$"),
        ('[compress.quantize]\nnumber_type = "w4a8"', MINE, r"\(quantize\).* came from$"),
        ("[[compress.prune]]\nsparsity = 0.5\n[compress.permute]", MINE, r"\(permute, prune\)"),
        (
            '[compress.low_rank]\nrecurrent = 0.5\n[compress.distill]\nteacher = "big"',
            MINE,
            r"\(low_rank\).* came from: big$",
        ),
        ('start = "DENSE/weights.safetensors"\n[compress.delta]', MINE, "came from: .*/dense$"),
    ],
)
def test_what_was_compressed_is_refused_and_its_source_is_named(
    table: str, model: str, line: str, tmp_path: Path
) -> None:
    dense = folder_of(tmp_path / "dense", "")
    table = f"[compress]\n{table}".replace("DENSE", str(dense))
    done = folder_of(tmp_path / "done", table, model)
    with pytest.raises(ModelError, match=line):
        first_recipe(str(done), find_model(str(done)), None)


def test_a_recipe_that_compresses_and_absent_weights_are_refused(tmp_path: Path) -> None:
    recipe = folder_of(tmp_path / "r", "[compress.units]\nrnn = 8") / "recipe.toml"
    with pytest.raises(ModelError, match=r"recipe\.toml: has compress\.units"):
        first_recipe("kws/dense", find_model("kws/dense"), recipe)
    with pytest.raises(ModelError, match="no trained weights to begin with"):
        first_recipe(MINE, find_model(MINE), None)


def test_a_search_that_was_begun_otherwise_is_refused_before_anything(tmp_path: Path) -> None:
    mine = folder_of(tmp_path / "mine", "")
    how = Search(str(mine), tmp_path, "host", tmp_path / "out", Budget({}), 0.1, seeds=2, steps=20)
    how.out.mkdir()
    (how.out / SETTINGS).write_text(json.dumps(settings(how), default=str))
    (how.out / RUNS).touch()
    other = replace(how, steps=30, learning_rate=0.5, seeds=3, target="cortex-m4")
    with pytest.raises(CheckpointError) as told:
        search(other, resume=True, quiet=True)
    wanted = ["learning_rate 0.0015, now 0.5", "steps 20, now 30"]
    assert all(one in str(told.value) for one in [*wanted, "target host, now cortex-m4"])
    free = settings(replace(how, seeds=3, seconds=1.0, max_loss=0.2, budget=Budget({"ram": 1})))
    assert free == settings(how)
    (mine / "weights.safetensors").write_bytes(b"other")
    with pytest.raises(CheckpointError, match=r"\(weights [0-9a-f]{16}, now [0-9a-f]{16}\)"):
        search(how, resume=True, quiet=True)
    (how.out / SETTINGS).write_text("[")
    with pytest.raises(CheckpointError, match="damaged; choose another"):
        search(how, resume=True, quiet=True)


def stale(name: str) -> str:
    """A row of runs.jsonl that another recipe left."""
    run = Run(name, 1, "w8a8", 0.5, 0.5, "another recipe", flash_bytes=1, ram_bytes=1, macs=1)
    return json.dumps(replace(run, instructions=1.0).as_json()) + "\n"
