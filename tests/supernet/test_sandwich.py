"""Training by the sandwich rule: every size learns, resuming changes no bit, bad tables named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import EdgernnError
from edgernn.supernet.sandwich import Sandwich, Supernet, parse_supernet, sandwich
from edgernn.supernet.slices import cuts, extract
from edgernn.supernet.space import Space
from edgernn.train.loop import Task, train, with_recipe
from edgernn.train.recipe import Recipe, RecipeError, parse_recipe, recipe_text
from tests.train.toy import RECIPE

SPACE = {"space": {"hidden": [2, 6, 16]}}
ELASTIC = replace(RECIPE, steps=150, network={"layers": 1}, supernet=SPACE)


class ElasticTask:
    """Tell in which half of a plane a noisy point lies, by a hidden layer of some width."""

    def __init__(self, recipe: Recipe = ELASTIC) -> None:
        self.recipe = recipe

    def build(self) -> nn.Module:
        hidden = self.recipe.network["hidden"]
        return nn.Sequential(
            nn.Linear(6, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, 2)
        )

    def batch(self, step: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(self.recipe.seed * 1000 + step)
        x = torch.randn(self.recipe.batch_size, 6, generator=generator)
        return {"x": x, "y": (x[:, :2].sum(1) > 0).long()}

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        made: Tensor = network(batch["x"])
        return made

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        right = (output.argmax(1) == batch["y"]).float().mean()
        return F.cross_entropy(output, batch["y"]), float(right)

    def validate(self, network: nn.Module) -> dict[str, float]:
        with torch.no_grad():
            batches = [self.batch(10_000 + i) for i in range(20)]
            rows = [self.loss(self.output(network, b), b)[1] for b in batches]
        return {"val_accuracy": sum(rows) / len(rows)}


def accuracies(weights: dict[str, Tensor], task: Task) -> list[float]:
    """Of every subnetwork, its batch norm measured anew."""
    found = []
    for choice in Space.of_table(SPACE["space"]):
        own = with_recipe(task, replace(task.recipe, network={**task.recipe.network, **choice}))
        large, small = task.build(), own.build()
        large.load_state_dict(weights)
        extract(large, small)
        small.train()
        with torch.no_grad():
            for i in range(50):
                small(task.batch(20_000 + i)["x"])
        found.append(task.validate(small.eval())["val_accuracy"])
    return found


@pytest.mark.parametrize(("distill", "labels"), [("alpha", 0), ("kl", 0.5), ("", 0)])
def test_every_size_learns(distill: str, labels: float, tmp_path: Path) -> None:
    recipe = replace(ELASTIC, supernet={**SPACE, "distill": distill, "labels": labels})
    task, methods = sandwich(ElasticTask(recipe))
    assert task.recipe.network == {"layers": 1, "hidden": 16}
    trained = train(task, tmp_path / "a.pt", methods=methods, quiet=True)
    shared = accuracies(trained.weights, task)
    alone = accuracies(train(task, tmp_path / "b.pt", quiet=True).weights, task)
    assert min(shared) > 0.9
    assert min(shared) > min(alone) + 0.05, "what was never trained by itself is worse"
    assert shared[-1] > 0.93


def test_resuming_changes_no_bit(tmp_path: Path) -> None:
    task, methods = sandwich(ElasticTask(ELASTIC.with_steps(12)))
    whole = train(task, tmp_path / "a.pt", methods=methods, quiet=True)
    half, again = sandwich(ElasticTask(replace(ELASTIC.with_steps(12), checkpoint_every=6)))

    class Killed(ElasticTask):
        def batch(self, step: int) -> dict[str, Tensor]:
            if step == 9:
                raise KeyboardInterrupt
            return super().batch(step)

    with pytest.raises(KeyboardInterrupt):
        train(Killed(half.recipe), tmp_path / "b.pt", methods=again, quiet=True)
    _, fresh = sandwich(ElasticTask(replace(ELASTIC.with_steps(12), checkpoint_every=6)))
    resumed = train(half, tmp_path / "b.pt", methods=fresh, resume=True, quiet=True)
    for name, tensor in whole.weights.items():
        assert torch.equal(tensor, resumed.weights[name]), name


def test_what_is_drawn_follows_from_seed_and_step() -> None:
    task = ElasticTask()
    one, other = (Sandwich(Supernet(Space.of_table(SPACE["space"]), 2), task) for _ in range(2))
    for method in (one, other):
        method.before_step(nn.Module(), 7)
    assert one.chosen() == other.chosen()
    assert one.chosen()[0] == {"hidden": 2}
    drawn = set()
    for step in range(40):
        one.before_step(nn.Module(), step)
        drawn |= {choice["hidden"] for choice in one.chosen()[1:]}
    assert drawn == {2, 6, 16}


def test_smaller_networks_leave_the_largest_s_statistics_alone() -> None:
    task, (method,) = sandwich(ElasticTask())
    torch.manual_seed(0)
    large = task.build()
    batch = task.batch(0)
    output = task.output(large, batch)
    before = {name: buffer.clone() for name, buffer in large.named_buffers()}
    method.before_step(large, 0)
    method.extra(large, batch, output)
    assert all(torch.equal(buffer, before[name]) for name, buffer in large.named_buffers())


class Padded(ElasticTask):
    """The last half of every batch is padding."""

    def counted(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        return torch.arange(len(output)) < len(output) // 2


@pytest.mark.parametrize("distill", ["alpha", "kl"])
def test_the_largest_is_heard_in_what_counts_alone(distill: str) -> None:
    task, (method,) = sandwich(Padded(replace(ELASTIC, supernet={**SPACE, "distill": distill})))
    torch.manual_seed(0)
    large = task.build().eval()
    batch = task.batch(0)
    output = task.output(large, batch)
    twisted = output.clone()
    twisted[len(output) // 2 :] *= -3
    method.before_step(large, 0)
    assert torch.equal(method.extra(large, batch, output), method.extra(large, batch, twisted))
    twisted[0] *= -3
    assert not torch.equal(method.extra(large, batch, output), method.extra(large, batch, twisted))


def test_the_table_survives_a_recipe_and_marks_it() -> None:
    text = recipe_text(ELASTIC)
    assert parse_recipe("toy", text) == ELASTIC
    assert replace(ELASTIC, supernet={}).fingerprint() != ELASTIC.fingerprint()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "no dimension"),
        (
            {**SPACE, "randm": 2},
            "unknown key supernet.randm; it takes space, random, distill, labels",
        ),
        ({**SPACE, "random": -1}, "random -1; need a whole number"),
        ({**SPACE, "labels": -0.5}, "labels -0.5; need a weight of at least 0"),
        ({**SPACE, "distill": "l2"}, "distill 'l2'; need one of 'alpha', 'kl', ''"),
    ],
)
def test_bad_tables_are_named(table: dict[str, Any], message: str) -> None:
    with pytest.raises(EdgernnError, match=message):
        parse_supernet(table, "recipe.toml")


def test_recipes_that_fight_a_supernet_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"network.hidden is 8, the largest .* is 16"):
        sandwich(ElasticTask(replace(ELASTIC, network={"hidden": 8})))
    with pytest.raises(RecipeError, match=r"compress.quantize and a supernet in one training"):
        sandwich(ElasticTask(replace(ELASTIC, compress={"quantize": {}})))
    task, (method,) = sandwich(ElasticTask())
    other = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(EdgernnError, match="is no slice of the largest network's"):
        method.subnetwork(other, {"hidden": 16})  # type: ignore[attr-defined]
    assert cuts(task.build(), task.build())
