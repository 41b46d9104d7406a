"""Listed words: what is typed like one, and what they are worth to a reading."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgernn.keyboard.search import TYPED, Search
from edgernn.keyboard.spellings import Spellings
from edgernn.keyboard.writing import Run, written

from .test_search import told

LABELS = ("<typed>", "cart", "card", "<end>")


def test_a_word_that_is_listed_is_itself_whatever_its_case() -> None:
    spellings = Spellings(["English", "england"])
    assert spellings.near("english") == ["English"]
    assert spellings.near("ENGLAND") == ["england"]


def test_the_nearest_come_first_and_of_those_the_more_frequent() -> None:
    spellings = Spellings(["farther", "father", "fathom", "bather", "feather"])
    assert spellings.near("fatther") == ["farther", "father", "feather"]
    assert spellings.near("fathr") == ["father", "farther", "fathom", "feather"]
    assert spellings.near("gather") == spellings.near("") == []  # none begins so


def test_words_are_joined_by_hyphens_or_have_an_s_behind_them() -> None:
    spellings = Spellings(["film", "Known", "well"])
    made = ("film's", "FILM'S", "well-known", "well-known-film's")
    assert all(map(spellings.joined, made))
    none = ("film", "films", "folm's", "well-knwon", "well--known", "-film", "film-", "'s", "", "-")
    assert not any(map(spellings.joined, none))


def read(further: tuple[str, ...], typed: str, **prices: float) -> list[tuple[str, int]]:
    """What a run is, for a network that knows of no label."""

    def ask(past: Any) -> Any:
        return np.array([0, -9, -9, 9 if len(past) and past[0] != 3 else -9], np.float32)

    search = Search(told, LABELS, 4, further=further, **prices)
    readings, settled = search.close(search.begin(), [typed], ask, fixed=False)
    runs = [*settled, *readings[0].runs]
    (held,) = (word for words in runs for word in words)
    return [(written(runs, [Run(typed)]), held.label)]


def test_what_the_network_has_no_label_for_goes_to_listed_words() -> None:
    prices = {"slip": 3.0, "strange": 0.8, "listed": 0.0}
    assert read((), "Drifetd", **prices) == [("Drifetd", TYPED)]
    assert read(("drifted",), "Drifetd", **prices) == [("Drifted", TYPED)]
    assert read(("drifted",), "Drifetd", **prices | {"slip": 6.0}) == [("Drifetd", TYPED)]
    assert read(("drifted",), "Drifted", **prices) == [("Drifted", TYPED)]
    assert read(("car",), "car's", **prices) == [("car's", TYPED)]
    assert read(("ward",), "crad", **prices | {"strange": 2.0}) == [("card", 2)]
