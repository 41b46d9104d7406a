"""Weight drop: one mask a batch over recurrent weights, in training alone, beside other methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from edgernn.cells.gru import GRU
from edgernn.errors import ModelError
from edgernn.model import find_model
from edgernn.train.recipe import Recipe, RecipeError, parse_recipe
from edgernn.train.run import run_recipe
from edgernn.train.weight_drop import WeightDrop, weight_drop
from tests.compress import keep

from .toy import RECIPE

MINE = Path(keep.__file__)
DROPPED = Recipe(
    "keep",
    steps=30,
    batch_size=16,
    warmup_steps=3,
    ema_decay=0.9,
    validate_every=10,
    checkpoint_every=5,
    weight_drop=0.5,
)
QUANTIZED = {"quantize": {"number_type": "w4a8"}, "prune": [{"sparsity": 0.5}]}


class Task(keep.Task):
    """Notes what its network computed with, in training and in validation; stops if it is told."""

    def __init__(self, recipe: Recipe, stop: int = -1) -> None:
        super().__init__(recipe, Path())
        self.stop = stop
        self.used: dict[bool, list[Tensor]] = {True: [], False: []}

    def batch(self, step: int) -> dict[str, Tensor]:
        if step == self.stop:
            raise KeyboardInterrupt
        return super().batch(step)

    def output(self, network: Any, batch: Mapping[str, Tensor]) -> Tensor:
        self.used[network.training].append(network.rnn.rnn.weight_hh_l0.detach().clone())
        return super().output(network, batch)


def ran(task: Task, out: Path, **more: Any) -> Any:
    return run_recipe(find_model(f"{MINE}:build"), task, out, quiet=True, **more)


def test_half_of_the_weights_are_left_out_of_each_step_and_none_of_validation(
    tmp_path: Path,
) -> None:
    task = Task(DROPPED)
    trained = ran(task, tmp_path)
    masks = torch.stack([weight == 0 for weight in task.used[True]])
    assert masks.shape == (30, 96, 32)
    assert masks.float().mean() == pytest.approx(0.5, abs=0.01)
    assert masks.float().mean(0).max() < 1  # another mask at each step
    assert not any((weight == 0).any() for weight in task.used[False])
    plain = keep.build().state_dict()
    stored = load_file(tmp_path / "weights.safetensors")
    assert stored.keys() == trained.weights.keys() == plain.keys()
    assert not (stored["rnn.rnn.weight_hh_l0"] == 0).any()
    assert torch.equal(stored["rnn.rnn.weight_hh_l0"], task.used[False][-1])


def test_all_frames_of_a_batch_have_one_mask_and_what_stays_is_scaled() -> None:
    torch.manual_seed(0)
    cell = GRU(3, 8).train()
    before = cell.rnn.weight_hh_l0.detach().clone()
    drop = WeightDrop(0.75)
    drop.attach(cell)
    drop.before_step(cell, 0)
    used: Tensor = cell.rnn.weight_hh_l0.detach()
    assert torch.equal(used[used != 0], 4 * before[used != 0])
    x = torch.randn(2, 7, 3)
    whole, state, parts = cell(x), cell.initial_state(2), []
    for frame in x.split(1, 1):
        y, state = cell.step(frame, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), whole)


@pytest.mark.parametrize("compress", [{}, QUANTIZED], ids=["plain", "pruned and rounded"])
def test_a_training_cut_resumes_to_the_same_bits(tmp_path: Path, compress: dict[str, Any]) -> None:
    recipe = replace(DROPPED, compress=compress)
    whole = ran(Task(recipe), tmp_path / "a")
    with pytest.raises(KeyboardInterrupt):
        ran(Task(recipe, stop=13), tmp_path / "b")
    resumed = ran(Task(recipe), tmp_path / "b", resume=True)
    assert all(torch.equal(t, resumed.weights[n]) for n, t in whole.weights.items())
    assert resumed.history == whole.history


def test_what_is_pruned_and_rounded_is_dropped_as_it_is(tmp_path: Path) -> None:
    task = Task(replace(DROPPED, compress=QUANTIZED))
    trained = ran(task, tmp_path)
    for weight in task.used[True]:
        assert max(len(row.unique()) for row in weight) <= 15
        assert 0.6 < float((weight == 0).float().mean()) < 0.9
    stored = trained.weights["rnn.rnn.weight_hh_l0"]
    assert max(len(row.unique()) for row in stored) <= 15
    assert float((stored == 0).float().mean()) < 0.6


def test_a_gradient_reaches_only_what_stayed() -> None:
    cell = GRU(3, 8).train()
    drop = WeightDrop(0.5)
    drop.attach(cell)
    drop.before_step(cell, 0)
    cell(torch.randn(2, 7, 3)).sum().backward()
    beneath: Any = cell.rnn.parametrizations
    grad = beneath["weight_hh_l0"].original.grad
    assert torch.equal(grad == 0, cell.rnn.weight_hh_l0 == 0)


@pytest.mark.parametrize("share", ["1.0", "-0.1", '"half"'])
def test_a_share_out_of_range_is_refused(share: str) -> None:
    with pytest.raises(RecipeError, match=r"train.weight_drop is .*; need at least 0 and below 1"):
        parse_recipe("toy", f"[train]\nsteps = 5\nweight_drop = {share}")


def test_a_network_without_cells_and_a_supernet_are_refused() -> None:
    with pytest.raises(ModelError, match=r"weight_drop: no weight matrix fits 'recurrent'"):
        WeightDrop(0.5).attach(nn.Linear(2, 2))
    supernet = replace(DROPPED, supernet={"space": {"hidden": [8, 16]}})
    with pytest.raises(RecipeError, match=r"keep: train.weight_drop and a supernet"):
        weight_drop(supernet)


def test_without_it_recipes_have_the_fingerprint_that_they_had() -> None:
    assert RECIPE.fingerprint() == FINGERPRINT
    assert replace(RECIPE, weight_drop=0.1).fingerprint() != FINGERPRINT
    assert weight_drop(RECIPE) == []


FINGERPRINT = "e876455c66af650f482ac6c8d074ee865ffb1eb152d546a49d364e13ff39fcca"
