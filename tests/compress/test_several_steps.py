"""A model of several steps is compressed as one network, its matrices named by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from edgernn.errors import ModelError
from edgernn.exporting import export
from edgernn.model import find_model
from edgernn.train.run import train_model

SEVERAL = """
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential
from tests.compress import keep


def build(hidden: int = 16) -> dict:
    up = Sequential(rnn=GRU(6, hidden), out=Linear(hidden, 4))
    return {"up": up, "down": Sequential(down=Linear(4, 2))}


def fed(steps, streams):
    streams = list(streams)
    return {"up": streams, "down": [_up(steps, one) for one in streams]}


def _up(steps, stream):
    import torch
    with torch.no_grad():
        return steps["up"](torch.from_numpy(stream)).numpy()


examples = keep.examples


class Task(keep.Task):
    def build(self):
        net = nn.ModuleDict(build(**self.recipe.network))
        net["aside"] = Linear(4, 2)  # no step of the model
        return net

    def output(self, network, batch):
        up = network["up"](batch["x"])
        return (network["down"](up) + network["aside"](up))[:, -1]
"""
RECIPE = """
[train]
steps = 6
batch_size = 32
validate_every = 3
checkpoint_every = 3
"""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training without compression."""
    folder = tmp_path_factory.mktemp("several")
    (folder / "several.py").write_text(SEVERAL)
    (folder / "first.toml").write_text(RECIPE)
    name, recipe = f"{folder / 'several.py'}:build", folder / "first.toml"
    train_model(name, folder, folder / "out", recipe=recipe, quiet=True)
    return folder / "out"


def compressed(first: Path, out: Path, text: str) -> Path:
    recipe = out.with_suffix(".toml")
    recipe.write_text(f'{RECIPE}[compress]\nstart = "{first}"\n{text}')
    train_model(str(first), first, out, recipe=recipe, quiet=True)
    return out


@pytest.mark.cc
@pytest.mark.slow
def test_masks_grids_thresholds_and_a_teacher(first: Path, tmp_path: Path) -> None:
    out = compressed(
        first,
        tmp_path / "out",
        f"""
[compress.units]
"up.rnn" = 12
[compress.delta.relative]
"up.rnn" = [0.5, 0.5]
[[compress.prune]]
pattern = "4x4"
sparsity = 0.5
only = ["up.rnn.*"]
[compress.quantize]
number_type = "w4a8"
[compress.distill]
teacher = "{first}"
weight = 0.5
""",
    )
    steps: Any = find_model(str(out)).steps()
    rnn = steps["up"].layers["rnn"]
    assert rnn.rnn.hidden_size == 12
    assert min(rnn.thresholds) > 0
    assert float((rnn.rnn.weight_hh_l0 == 0).float().mean()) >= 0.4
    weights = load_file(out / "weights.safetensors")
    assert torch.equal(
        weights["down.down.linear.weight"], steps["down"].layers["down"].linear.weight
    )
    assert weights["aside.linear.weight"].shape == (2, 4)
    report = export(str(out), "host", "w4a8", tmp_path / "several.edgernn")
    assert {check.what.split()[0].rstrip(":") for check in report.checks} == {"up", "down"}


def test_a_teacher_without_a_recipe_is_refused(first: Path, tmp_path: Path) -> None:
    source = first.parent / "several.py"
    with pytest.raises(ModelError, match=r"distill: .*several.py:build: no recipe and weights"):
        compressed(first, tmp_path / "out", f'[compress.distill]\nteacher = "{source}:build"\n')
