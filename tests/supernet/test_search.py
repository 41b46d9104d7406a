"""Searches: within the budget, by equal evaluations, repeatable, better than chance."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import pytest
import torch

from edgernn.errors import ModelError, ShapeError
from edgernn.supernet.covariance import hidden_covariance
from edgernn.supernet.search import METHODS, search
from edgernn.supernet.space import Choice, Space, label

SPACE = Space(
    {
        "layers": (1, 2, 3, 4),
        "hidden": (32, 64, 96, 128, 192, 256),
        "heads": (2, 4, 6, 8),
        "states": (4, 8, 16),
        "wide": (64, 128, 256, 512),
    }
)


def loss(choice: Choice) -> float:
    """Best at another place than at the corners, with two dimensions that hang together."""
    return (
        abs(choice["layers"] - 3)
        + abs(choice["hidden"] - 128) / 64
        + abs(choice["heads"] * choice["states"] - 64) / 32
        + abs(choice["wide"] - 256) / 256
    )


def losses(choices: Sequence[Choice]) -> list[float]:
    return [loss(choice) for choice in choices]


def bytes_over(choice: Choice) -> float:
    size = choice["layers"] * (choice["hidden"] ** 2 + choice["hidden"] * choice["wide"])
    return max(0.0, size - 150_000)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_found_fits_and_repeats(method: str) -> None:
    asked: list[str] = []

    def counted(choices: Sequence[Choice]) -> list[float]:
        asked.extend(map(label, choices))
        return losses(choices)

    found = search(method, SPACE, counted, bytes_over, 60, seed=3)
    assert len(asked) == len(set(asked)) == len(found) <= 60
    assert all(bytes_over(choice) == 0 for _, choice in found)
    assert [value for value, _ in found] == sorted(value for value, _ in found)
    again = search(method, SPACE, losses, bytes_over, 60, seed=3)
    assert again == found


def test_evolution_beats_chance_at_equal_evaluations() -> None:
    best = {
        method: statistics.fmean(
            search(method, SPACE, losses, bytes_over, 60, seed=seed)[0][0] for seed in range(8)
        )
        for method in ("evolution", "random")
    }
    assert best["evolution"] < 0.7 * best["random"], best


def test_the_controller_learns() -> None:
    late = []
    for seed in range(3):
        asked: list[float] = []

        def counted(choices: Sequence[Choice], asked: list[float] = asked) -> list[float]:
            asked.extend(losses(choices))
            return losses(choices)

        search("controller", SPACE, counted, lambda choice: 0.0, 120, seed=seed)
        quarter = len(asked) // 4
        late.append(statistics.fmean(asked[-quarter:]) - statistics.fmean(asked[:quarter]))
    assert max(late) < -0.5, late


def hidden_sizes(choices: Sequence[Choice]) -> list[float]:
    return [float(choice["hidden"]) for choice in choices]


@pytest.mark.parametrize("method", METHODS)
def test_a_small_space_is_searched_whole(method: str) -> None:
    space = Space({"hidden": (8, 16), "layers": (1, 2)})
    found = search(method, space, hidden_sizes, lambda choice: 0.0, 50)
    assert len(found) == 4 if method != "controller" else len(found) >= 2
    assert found[0][1]["hidden"] == 8


def test_a_budget_that_nothing_meets_names_the_nearest() -> None:
    with pytest.raises(ModelError, match="nothing in the space fits; the nearest is layers=1,hid"):
        search("evolution", SPACE, losses, lambda choice: float(choice["hidden"]), 10)
    with pytest.raises(ModelError, match="'guess'; need one of evolution, controller, random"):
        search("guess", SPACE, losses, bytes_over, 10)


def test_the_rarest_fit_is_found() -> None:
    only = SPACE.smallest

    def all_but_one(choice: Choice) -> float:
        return float(dict(choice) != dict(only))

    assert search("random", SPACE, losses, all_but_one, 10)[0][1] == only


def test_states_that_differ_score_higher_than_states_alike() -> None:
    torch.manual_seed(0)
    apart, alike = torch.randn(8, 200), torch.randn(1, 200) + 0.05 * torch.randn(8, 200)
    assert hidden_covariance(apart) > hidden_covariance(alike)
    assert hidden_covariance(apart) == pytest.approx(hidden_covariance(5 * apart + 3), rel=1e-9)
    same = torch.eye(3, 4) - torch.eye(3, 4).mean(1, keepdim=True)
    correlation = torch.corrcoef(same.double())
    values = torch.linalg.eigvalsh(correlation) + 1e-5
    wanted = -float((values.log() + 1 / values).sum())
    assert hidden_covariance(same) == pytest.approx(wanted)
    with pytest.raises(ShapeError, match="need finite ones of at least 2"):
        hidden_covariance(torch.zeros(1, 4))
