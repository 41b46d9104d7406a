"""A model of several steps is compressed as one network, its matrices named by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from edgernn.compress.budget import parse_budget
from edgernn.compress.candidates import CONTROL, Candidate
from edgernn.compress.frontier import Search, deliver, search
from edgernn.compress.picking import Picking, pick
from edgernn.compress.played import compiled
from edgernn.errors import ModelError
from edgernn.exporting import export
from edgernn.model import find_model
from edgernn.train.recipe import read_recipe
from edgernn.train.run import find_task, train_model

SEVERAL = """
from torch import nn

from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential
from tests.compress import keep


def build(hidden: int = 16) -> dict:
    up = Sequential(rnn=GRU(6, hidden), out=Linear(hidden, 4))
    return {"keys": up, "down": Sequential(down=Linear(4, 2))}


def fed(steps, streams):
    streams = list(streams)
    return {"keys": streams, "down": [_up(steps, one) for one in streams]}


def _up(steps, stream):
    import torch
    with torch.no_grad():
        return steps["keys"](torch.from_numpy(stream)).numpy()


examples = keep.examples


class Steps(nn.Module):
    def __init__(self, steps):
        super().__init__()
        for name, step in steps.items():
            self.add_module(name, step)


class Task(keep.Task):
    def build(self):
        net = Steps(build(**self.recipe.network))
        net.aside = Linear(4, 2)  # no step of the model
        return net

    def output(self, network, batch):
        up = network.keys(batch["x"])
        return (network.down(up) + network.aside(up))[:, -1]
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
"keys.rnn" = 12
[compress.delta.relative]
"keys.rnn" = [0.5, 0.5]
[[compress.prune]]
pattern = "4x4"
sparsity = 0.5
only = ["keys.rnn.*"]
[compress.quantize]
number_type = "w4a8"
[compress.distill]
teacher = "{first}"
weight = 0.5
""",
    )
    steps: Any = find_model(str(out)).steps()
    rnn = steps["keys"].layers["rnn"]
    assert rnn.rnn.hidden_size == 12
    assert min(rnn.thresholds) > 0
    assert float((rnn.rnn.weight_hh_l0 == 0).float().mean()) >= 0.4
    weights = load_file(out / "weights.safetensors")
    assert torch.equal(
        weights["down.down.linear.weight"], steps["down"].layers["down"].linear.weight
    )
    assert weights["aside.linear.weight"].shape == (2, 4)
    report = export(str(out), "host", "w4a8", tmp_path / "several.edgernn")
    assert {check.what.split()[0].rstrip(":") for check in report.checks} == {"keys", "down"}


@pytest.mark.cc
@pytest.mark.slow
def test_the_frontier_judges_all_compiled_steps_together(first: Path, tmp_path: Path) -> None:
    tried = Candidate(CONTROL, "w8a8"), Candidate("up smaller", "w8a8", {"units": {"keys.rnn": 8}})
    budget = parse_budget(["flash=1MB"], firmware=False)
    how = Search(
        str(first), first, "host", tmp_path / "out", budget, steps=3, tried=tried, seconds=600
    )
    found = search(how, quiet=True, say=lambda line: None)
    assert [point.name for point in found.points] == [CONTROL, "up smaller"]
    whole, smaller = (point.at("flash_bytes") for point in found.points)
    assert smaller < whole
    best = find_model(str(deliver(how, found)))
    assert set(best.steps()) == {"keys", "down"}


@pytest.mark.cc
@pytest.mark.slow
def test_thresholds_are_picked_for_the_steps_that_can_hold(first: Path, tmp_path: Path) -> None:
    how = Picking(str(first), first, "host", tmp_path / "out", 0.2)
    found = pick(how, quiet=True, say=lambda line: None)
    assert [one.signal for one in found.held] == ["keys.rnn.x", "keys.rnn.h"]
    assert found.share < 1
    assert found.lost(found.picked) <= 0.2
    model = find_model(str(how.out))
    steps: Any = model.steps()
    assert min(steps["keys"].layers["rnn"].thresholds) > 0


@pytest.mark.cc
@pytest.mark.slow
def test_a_compiled_step_carries_its_state_as_the_network_does(first: Path, tmp_path: Path) -> None:
    model = find_model(str(first))
    export(str(first), "host", "fp32", tmp_path / "several.edgernn")
    assert model.recipe
    task = find_task(model)(read_recipe("several", model.recipe), first)
    network: Any = compiled(task.build(), tmp_path / "several.edgernn")
    x, up = torch.randn(3, 9, 6), network.keys
    with torch.no_grad():
        expected = model.steps()["keys"](x)
    first_part, state = up.step(x[:, :4], up.initial_state(3))
    rows = {name: leaf.flip(0) for name, leaf in state.items()}
    rest, _ = up.step(x[:, 4:].flip(0), rows)
    torch.testing.assert_close(torch.cat([first_part, rest.flip(0)], 1), expected)


def test_a_teacher_without_a_recipe_is_refused(first: Path, tmp_path: Path) -> None:
    source = first.parent / "several.py"
    with pytest.raises(ModelError, match=r"several.py:build: no weights of a training"):
        compressed(first, tmp_path / "out", f'[compress.distill]\nteacher = "{source}:build"\n')
