"""The figures of a keyboard: laws that hold for all lines, and cases counted by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgernn.keyboard.metrics import (
    Cost,
    among_first,
    keystrokes,
    line_figures,
    parted,
    share,
    typed_with,
    wrongly_changed,
)
from edgernn.recognition.errors import word_errors

LINES = st.text(st.sampled_from("ab c.'X"), max_size=12)
few = settings(max_examples=20, deadline=None)  # each draws a bootstrap
WORDS = st.lists(st.sampled_from(["a", "b", "c"]), max_size=6)


class Fixed:
    """Suggests the same words always, those that go on with the prefix."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def complete(self, before: Sequence[str], prefix: str, n: int) -> list[str]:
        return [word for word in self.words if word.startswith(prefix)][:n]


def by_hand(one: Sequence[str], other: Sequence[str]) -> int:
    """The edit distance by its definition."""
    if not one or not other:
        return len(one) + len(other)
    same = by_hand(one[1:], other[1:]) + (one[0] != other[0])
    return min(same, 1 + by_hand(one[1:], other), 1 + by_hand(one, other[1:]))


@given(WORDS, WORDS)
def test_the_alignment_is_shortest_and_the_same_both_ways(one: list[str], other: list[str]) -> None:
    there, back = word_errors(one, other), word_errors(other, one)
    assert there.errors == back.errors == by_hand(one, other)
    assert (there.deleted, there.inserted) == (back.inserted, back.deleted)
    assert there.words == len(one)


@few
@given(st.lists(LINES, max_size=4))
def test_equal_lines_have_no_errors(lines: list[str]) -> None:
    found = line_figures(lines, lines)
    assert found["cer"] == (0, 0)
    assert found["sequence_accuracy"].value == (1 if lines else 0)
    assert found["word_accuracy"].value == (1 if any(line.split() for line in lines) else 0)
    assert wrongly_changed(lines, lines) == (0, 0)


@few
@given(st.lists(LINES, max_size=4), st.integers(1, 3))
def test_of_keystrokes_less_than_all_are_saved_and_none_are_lost(lines: list[str], n: int) -> None:
    found = keystrokes(Fixed("a", "ab", "b", "Xab", "c"), lines, n)
    assert 0 <= found["keystrokes_saved"].value < 1
    assert 0 <= found["foreseen"].value <= 1
    nothing = keystrokes(Fixed(), lines, n)
    assert nothing["keystrokes_saved"].value == nothing["foreseen"].value == 0


@given(st.text(st.sampled_from("a1_.'\n"), max_size=6))
def test_a_word_is_parted_without_loss(word: str) -> None:
    head, core, tail = parted(word)
    assert head + core + tail == word
    assert not core or (core[0].isalnum() and core[-1].isalnum())
    assert not any(char.isalnum() for char in head + tail)


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        ("hello", Cost(1, 6, 1, 1)),  # foreseen: one pick
        ("hello hello", Cost(2, 12, 2, 2)),
        ("hello,", Cost(3, 7, 1, 1)),  # the pick, the comma, the space
        ("help", Cost(5, 5, 0, 1)),  # never offered
        ('"hello"', Cost(4, 8, 1, 1)),
        ("halt", Cost(3, 5, 0, 1)),  # h, a, the pick
        ("...", Cost(4, 4, 0, 0)),
        ("Hello", Cost(6, 6, 0, 1)),  # capitals count
        ("", Cost(0, 0, 0, 0)),
    ],
)
def test_keystrokes_are_counted_as_by_hand(line: str, cost: Cost) -> None:
    assert typed_with(Fixed("hello", "hallo", "halt"), line, 1 if "hel" in line else 2) == cost


def test_splits_joins_and_capitals_cost_words() -> None:
    found = line_figures(["the cat sat"], ["the c at Sat"])
    assert found["word_accuracy"].value == pytest.approx(1 - 3 / 3)
    assert found["cer"].value == pytest.approx(2 / 11)
    assert line_figures(["the cat sat"], ["thecat sat"])["word_accuracy"].value == pytest.approx(
        1 / 3
    )


def test_words_spoilt_are_counted_where_all_were_right() -> None:
    assert wrongly_changed(["one two", "three"], ["one too", "three"]).value == pytest.approx(1 / 3)
    assert wrongly_changed(["alot of"], ["a lot of"]).value == pytest.approx(1 / 2)
    assert wrongly_changed(["a lot"], ["alot"]).value == 1


def test_first_words_are_found_without_capitals() -> None:
    found = [["Nevada", "never"], ["x", "two"], []]
    assert among_first(["nevada", "two", "y"], found, 1).value == pytest.approx(1 / 3)
    assert among_first(["nevada", "two", "y"], found, 2).value == pytest.approx(2 / 3)


def test_the_margin_covers_what_lines_vary_by() -> None:
    rng = np.random.default_rng(3)
    hits = rng.random(400) < 0.2
    value, margin = share(hits, np.ones(400))
    assert value == hits.mean()
    assert margin == pytest.approx(1.96 * (0.2 * 0.8 / 400) ** 0.5, rel=0.1)
    assert share([], []) == share([0], [0]) == (0, 0)
