"""A supernet of three sizes, trained in a second."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from edgernn.cli import group

MINE = Path(__file__).parents[1] / "compress" / "keep.py"
RECIPE = f"""
model = "{MINE}:build"
[train]
steps = 40
batch_size = 32
validate_every = 20
checkpoint_every = 20
[supernet]
random = 1
[supernet.space]
hidden = [8, 16, 24]
"""


def edgernn(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(one) for one in arguments])


def train_many(folder: Path, source: Path = MINE) -> Path:
    """The run's folder."""
    recipe, run = folder / "many.toml", folder / "run"
    recipe.write_text(RECIPE.replace(str(MINE), str(source)))
    train = ["supernet", "train", f"{source}:build", "--recipe", recipe, "--data", folder]
    found = edgernn(*train, "-o", run, "--json")
    assert found.exit_code == 0, found.output
    return run
