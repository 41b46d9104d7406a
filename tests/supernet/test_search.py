"""Searches: within the budget, by equal evaluations, repeatable, better than chance."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import pytest

from edgernn.errors import ModelError
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


def small_losses(choices: Sequence[Choice]) -> list[float]:
    return [0.15 + loss(choice) / 1000 for choice in choices]


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


def best_by(method: str, evaluations: int, seeds: int) -> float:
    """The mean of the seeds' best losses."""
    found = [search(method, SPACE, losses, bytes_over, evaluations, seed=s) for s in range(seeds)]
    assert {len(one) for one in found} == {evaluations}
    return statistics.fmean(one[0][0] for one in found)


@pytest.mark.parametrize(("evaluations", "most"), [(24, 0.8), (60, 0.3)])
def test_evolution_beats_chance_at_equal_evaluations(evaluations: int, most: float) -> None:
    assert best_by("evolution", evaluations, 40) < most * best_by("random", evaluations, 40)


def test_the_controller_beats_chance_at_equal_evaluations() -> None:
    assert best_by("controller", 60, 10) < 0.85 * best_by("random", 60, 40)


def test_the_unit_of_losses_does_not_matter_to_the_controller() -> None:
    wide, narrow = (
        [label(one) for _, one in search("controller", SPACE, given, bytes_over, 40, seed=2)]
        for given in (losses, small_losses)
    )
    assert wide == narrow


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
    assert len(found) == 4
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
