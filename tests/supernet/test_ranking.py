"""Subnetworks are scored before any training, and the list says what that is worth."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch

from edgernn.errors import ModelError
from edgernn.supernet.extract import find_supernet
from edgernn.supernet.ranking import FLOOR, hidden_covariance, untrained
from edgernn.train.loop import with_recipe

from .many import edgernn, train_many


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return train_many(tmp_path_factory.mktemp("many"))


def test_the_score_is_that_of_the_eigenvalues_of_the_correlations() -> None:
    rows = torch.tensor([[1.0, 2.0, 4.0, 3.0], [0.0, 3.0, 1.0, 5.0]])
    apart = float(torch.corrcoef(rows)[0, 1])
    values = [1 - apart + FLOOR, 1 + apart + FLOOR]
    assert hidden_covariance(rows) == pytest.approx(-sum(math.log(v) + 1 / v for v in values))


def test_the_less_alike_rows_are_the_higher_is_their_score() -> None:
    torch.manual_seed(0)
    common, own = torch.randn(1, 64), torch.randn(8, 64)
    scores = [hidden_covariance(common + share * own) for share in (0.01, 0.1, 1.0, 10.0)]
    assert scores == sorted(scores)


def test_fresh_weights_follow_from_the_seed_alone(many: Path) -> None:
    net = find_supernet(str(many))
    whole = net.whole(many)
    task = with_recipe(whole.task, net.recipe_of({"hidden": 16}))
    before = torch.random.get_rng_state()
    assert untrained(task) == untrained(task)
    assert torch.equal(before, torch.random.get_rng_state())
    other = with_recipe(whole.task, net.recipe_of({"hidden": 8}))
    assert untrained(other) != untrained(task)


def test_a_network_without_cells_is_refused(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = find_supernet(str(many))
    task = net.whole(many).task
    monkeypatch.setattr(task, "build", lambda: torch.nn.Linear(2, 2))
    with pytest.raises(ModelError, match=r"has no cell of edgernn\.cells"):
        untrained(task)


def test_the_list_tells_how_well_it_ranks(many: Path) -> None:
    asked = ("supernet", "list", many, "--data", many, "--rank")
    found = json.loads(edgernn(*asked, "--json").stdout)
    (value,) = found["rank_correlation"].values()
    assert -1 <= value <= 1
    assert len({row["hidden_covariance"] for row in found["subnetworks"]}) == 3
    text = edgernn(*asked).stdout
    assert re.search(rf"rank correlation of hidden_covariance and \w+: {value:+.2f}", text)
    refused = edgernn("supernet", "list", many, "--rank")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "--rank: needs --data" in refused.stderr
