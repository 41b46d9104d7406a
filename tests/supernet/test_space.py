"""Spaces of sizes: counted, drawn, named; what is none is refused."""

from __future__ import annotations

import random

import pytest

from edgernn.errors import ModelError
from edgernn.supernet.space import Space, label, parse_label

SPACE = Space.of_table({"layers": [1, 2], "hidden": [32, 64, 96]})


def test_all_subnetworks() -> None:
    found = list(SPACE)
    assert len(found) == len(SPACE) == 6
    assert found[0] == SPACE.smallest == {"layers": 1, "hidden": 32}
    assert found[-1] == SPACE.largest == {"layers": 2, "hidden": 96}
    source = random.Random(0)
    assert {label(SPACE.draw(source)) for _ in range(100)} == {label(one) for one in found}


def test_a_few_of_many_reach_from_the_smallest_to_the_largest() -> None:
    space = Space.of_table({"layers": list(range(1, 101)), "hidden": list(range(1, 101))})
    few = space.spread(5)
    sizes = [one["layers"] * one["hidden"] for one in few]
    assert (few[0], few[-1], sizes) == (space.smallest, space.largest, sorted(sizes))
    assert len(few) == 5
    assert len(SPACE.spread(100)) == 6
    assert SPACE.spread(1) == [SPACE.smallest]


def test_names() -> None:
    assert label(SPACE.largest) == "layers=2,hidden=96"
    assert SPACE.check(parse_label("hidden=32, layers=2")) == {"layers": 2, "hidden": 32}
    for text in ("hidden", "hidden=", "hidden=-3", ""):
        with pytest.raises(ModelError, match="names no subnetwork"):
            parse_label(text)


def test_what_is_not_in_the_space_is_refused() -> None:
    with pytest.raises(ModelError, match="differ in layers; it has layers, hidden"):
        SPACE.check({"hidden": 32})
    with pytest.raises(ModelError, match="hidden=33 is not in the space; it has 32, 64, 96"):
        SPACE.check({"layers": 1, "hidden": 33})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "no dimension"),
        ({"hidden": 64}, "space.hidden is 64; need a list"),
        ({"hidden": []}, "need whole numbers that rise"),
        ({"hidden": [64, 32]}, "need whole numbers that rise"),
        ({"hidden": [32, 32]}, "need whole numbers that rise"),
        ({"hidden": [0, 32]}, "need whole numbers that rise"),
        ({"hidden": [True, 2.0]}, "need whole numbers that rise"),
    ],
)
def test_what_is_no_space_is_refused(table: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Space.of_table(table)
