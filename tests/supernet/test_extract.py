"""From a recipe to subnetworks that are models: trained, listed, cut out, exported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgernn.model import find_model
from edgernn.train.recipe import read_recipe

from .many import MINE, RECIPE, edgernn, train_many

NORMED = """
from edgernn.layers.linear import Linear
from edgernn.layers.norm import BatchNorm
from edgernn.streaming import Sequential
from tests.compress import keep


def build(hidden: int = 8) -> Sequential:
    return Sequential(up=Linear(6, hidden), norm=BatchNorm(hidden), down=Linear(hidden, 2))


class Task(keep.Task):
    def build(self):
        return build(**self.recipe.network)
"""

SEVERAL = """
from torch import nn

from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential
from tests.compress import keep


def build(hidden: int = 8) -> dict:
    return {"up": Sequential(up=Linear(6, hidden)), "down": Sequential(down=Linear(hidden, 2))}


class Task(keep.Task):
    def build(self):
        net = nn.ModuleDict(build(**self.recipe.network))
        net["aside"] = Linear(self.recipe.network["hidden"], 2)  # no step of the model
        return net

    def output(self, network, batch):
        up = network["up"](batch["x"])
        return (network["down"](up) + network["aside"](up))[:, -1]

    def validate(self, network):
        return {"val_accuracy": 0.5}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_many(tmp_path_factory.mktemp("supernet"))


def test_the_trained_folder_is_the_largest_network(trained: Path) -> None:
    (network,) = find_model(str(trained)).steps().values()
    assert network.get_submodule("rnn.rnn").hidden_size == 24


def test_subnetworks_are_listed_with_their_figures(trained: Path) -> None:
    found = edgernn("supernet", "list", trained, "--data", trained, "--json")
    assert found.exit_code == 0, found.output
    rows = json.loads(found.output)
    assert [row["subnetwork"] for row in rows] == ["hidden=8", "hidden=16", "hidden=24"]
    assert rows[0]["parameters"] < rows[1]["parameters"] < rows[2]["parameters"]
    assert all(0 <= row["val_accuracy"] <= 1 for row in rows)
    few = json.loads(edgernn("supernet", "list", trained, "--most", "2", "--json").output)
    assert [row["subnetwork"] for row in few] == ["hidden=8", "hidden=24"]
    assert "hidden=16" in edgernn("supernet", "list", trained).output


def test_what_is_cut_out_is_a_model(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "small"
    found = edgernn("supernet", "extract", trained, "hidden=16", "-o", out)
    assert found.exit_code == 0, found.output
    (small,) = find_model(str(out)).steps().values()
    (large,) = find_model(str(trained)).steps().values()
    assert torch.equal(
        small.get_parameter("head.linear.weight"), large.get_parameter("head.linear.weight")[:, :16]
    )
    recipe = read_recipe("any", out / "recipe.toml")
    assert recipe.network == {"hidden": 16}
    assert not recipe.supernet
    bundle = tmp_path / "small.edgernn"
    exported = edgernn("export", out, "--target", "host", "--number-type", "w8a8", "-o", bundle)
    assert exported.exit_code == 0, exported.output
    assert bundle.is_file()


def test_batch_norms_are_measured_anew(tmp_path: Path) -> None:
    source = tmp_path / "normed.py"
    source.write_text(NORMED)
    recipe = tmp_path / "many.toml"
    recipe.write_text(RECIPE.replace(str(MINE), str(source)))
    run, out = tmp_path / "run", tmp_path / "small"
    found = edgernn(
        "supernet",
        "train",
        f"{source}:build",
        "--recipe",
        recipe,
        "--data",
        tmp_path,
        "-o",
        run,
        "--json",
    )
    assert found.exit_code == 0, found.output
    refused = edgernn("supernet", "extract", run, "hidden=8", "-o", out)
    assert refused.exit_code == 2
    assert "hidden=8: has batch norms" in refused.output
    assert not out.exists()
    found = edgernn("supernet", "extract", run, "hidden=8", "--data", tmp_path, "-o", out)
    assert found.exit_code == 0, found.output
    (small,) = find_model(str(out)).steps().values()
    (large,) = find_model(str(run)).steps().values()
    mean = small.get_buffer("norm.norm.running_mean")
    assert not torch.equal(mean, large.get_buffer("norm.norm.running_mean")[:8])
    x = torch.randn(4000, 1, 6)
    heard = small.get_submodule("up")(x).mean((0, 1))
    torch.testing.assert_close(mean, heard, atol=0.15, rtol=0)


def test_models_of_several_steps_are_cut_out_step_by_step(tmp_path: Path) -> None:
    source, recipe, run = tmp_path / "several.py", tmp_path / "many.toml", tmp_path / "run"
    source.write_text(SEVERAL)
    recipe.write_text(RECIPE.replace(str(MINE), str(source)))
    found = edgernn(
        "supernet", "train", f"{source}:build", "--recipe", recipe, "--data", tmp_path, "-o", run
    )
    assert found.exit_code == 0, found.output
    assert "hidden=16" in edgernn("supernet", "list", run).output
    rows = json.loads(edgernn("supernet", "list", run, "--data", tmp_path, "--json").output)
    assert [row["val_accuracy"] for row in rows] == [0.5] * 3
    found = edgernn("supernet", "extract", run, "hidden=16", "-o", tmp_path / "small")
    assert found.exit_code == 0, found.output
    small, large = (find_model(str(tmp_path / name)).steps() for name in ("small", "run"))
    assert torch.equal(
        small["down"].get_parameter("down.linear.weight"),
        large["down"].get_parameter("down.linear.weight")[:, :16],
    )
    whole = tmp_path / "whole"
    found = edgernn("supernet", "extract", run, "hidden=16", "--data", tmp_path, "-o", whole)
    assert found.exit_code == 0, found.output
    aside = load_file(whole / "weights.safetensors")["aside.linear.weight"]
    assert torch.equal(aside, load_file(run / "weights.safetensors")["aside.linear.weight"][:, :16])
    assert find_model(str(whole)).steps().keys() == {"up", "down"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hidden=17", "hidden=17 is not in the space; it has 8, 16, 24"),
        ("layers=1", "differ in hidden, layers; it has hidden"),
        ("small", "'small' names no subnetwork; write it as"),
    ],
)
def test_bad_names_leave_nothing(trained: Path, tmp_path: Path, name: str, message: str) -> None:
    found = edgernn("supernet", "extract", trained, name, "-o", tmp_path / "small")
    assert found.exit_code == 2
    assert message in found.output
    assert not (tmp_path / "small").exists()


@pytest.mark.parametrize(
    ("path", "message"),
    [("0,0", "path 0,0: hidden=16 has no layers"), ("one", "path 'one'; write the layers as 0,1")],
)
def test_bad_paths_leave_nothing(trained: Path, tmp_path: Path, path: str, message: str) -> None:
    found = edgernn(
        "supernet", "extract", trained, "hidden=16", "--path", path, "-o", tmp_path / "s"
    )
    assert found.exit_code == 2
    assert message in found.output
    assert not (tmp_path / "s").exists()


DEEP = """
from edgernn.cells.rnn import RNN
from edgernn.layers.linear import Linear
from edgernn.streaming import Residual, Sequential
from tests.compress import keep


def build(hidden: int = 8, layers: int = 2) -> Sequential:
    body = {f"layer{i}": Residual(RNN(hidden, hidden), hidden) for i in range(layers)}
    return Sequential(up=Linear(6, hidden), **body, head=Linear(hidden, 2))


class Task(keep.Task):
    def build(self):
        return build(**self.recipe.network)
"""


def test_a_path_skips_layers_and_runs_through_some_twice(tmp_path: Path) -> None:
    source, recipe, run = tmp_path / "deep.py", tmp_path / "many.toml", tmp_path / "run"
    source.write_text(DEEP)
    recipe.write_text(RECIPE.replace(str(MINE), str(source)) + "layers = [1, 3]\n")
    found = edgernn(
        "supernet", "train", f"{source}:build", "--recipe", recipe, "--data", tmp_path, "-o", run
    )
    assert found.exit_code == 0, found.output
    extract = ["supernet", "extract", run, "hidden=16,layers=3", "--path"]
    assert edgernn(*extract, "2,0,2,2", "-o", tmp_path / "looped").exit_code == 0
    (looped,) = find_model(str(tmp_path / "looped")).steps().values()
    (large,) = find_model(str(run)).steps().values()
    for place, layer in enumerate((2, 0, 2, 2)):
        got = looped.get_parameter(f"layer{place}.body.rnn.weight_hh_l0")
        assert torch.equal(
            got, large.get_parameter(f"layer{layer}.body.rnn.weight_hh_l0")[:16, :16]
        )
    far = edgernn(*extract, "0,3", "-o", tmp_path / "far")
    assert far.exit_code == 2
    assert "path 0,3: hidden=16,layers=3 has layers 0 to 2" in far.output


def test_a_model_that_is_no_supernet_is_named() -> None:
    found = edgernn("supernet", "list", "kws/dense")
    assert found.exit_code == 2
    assert "kws/dense: its recipe has no [supernet]" in found.output


@pytest.mark.cc
@pytest.mark.slow
def test_the_best_within_a_budget_is_found_and_delivered(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    asked: list[str | Path] = ["supernet", "search", trained, "--data", trained, "-t", "host"]
    asked += ["-o", out, "--budget", "macs=1.5k", "--json"]
    found = edgernn(*asked)
    assert found.exit_code == 0, found.output
    document = json.loads(found.stdout)
    rows = document["subnetworks"]
    assert document["best"] == "hidden=16"
    assert [row["subnetwork"] for row in rows] == ["hidden=16", "hidden=8"]
    assert rows[0]["macs"] <= 1500
    (network,) = find_model(str(out / "best")).steps().values()
    assert network.get_submodule("rnn.rnn").hidden_size == 16
    assert (out / "best" / "keep.edgernn").is_file()
    log = (out / "asked.jsonl").read_text()

    assert edgernn(*asked).exit_code == 2
    again = edgernn(*asked, "--resume", "--method", "random")
    assert again.exit_code == 0, again.output
    assert (out / "asked.jsonl").read_text() == log, "nothing is measured twice"
    other = edgernn(*asked, "--resume", "--number-type", "fp32")
    assert other.exit_code == 2
    assert "was begun otherwise (type w8a8, now fp32)" in other.output

    nothing = edgernn(*asked[:-5], "-o", tmp_path / "none", "--budget", "macs=10")
    assert nothing.exit_code == 2
    assert "nothing in the space fits; the nearest is hidden=8" in nothing.output
    assert len((tmp_path / "none" / "asked.jsonl").read_text().splitlines()) == 1
