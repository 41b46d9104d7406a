"""Word errors: counted as by hand, told apart by kind, compared over utterances."""

from __future__ import annotations

import pytest

from edgernn.errors import DataError
from edgernn.recognition.errors import WordErrors, paired_bootstrap, word_errors


@pytest.mark.parametrize(
    ("spoken", "heard", "kinds"),
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a b c", "a x c", (1, 0, 0)),
        ("a b c", "a c", (0, 1, 0)),
        ("a c", "a b c", (0, 0, 1)),
        ("a b c d", "b c d e", (0, 1, 1)),
        ("a b", "x y", (2, 0, 0)),
        ("", "a b", (0, 0, 2)),
        ("a b", "", (0, 2, 0)),
        ("one two two three", "one two three three", (1, 0, 0)),
    ],
)
def test_errors_by_kind(spoken: str, heard: str, kinds: tuple[int, int, int]) -> None:
    assert word_errors(spoken.split(), heard.split()) == WordErrors(len(spoken.split()), *kinds)


def test_utterances_add_up() -> None:
    total = WordErrors(4, 1, 0, 0) + WordErrors(6, 0, 2, 1)
    assert (total.words, total.errors, total.rate) == (10, 4, 0.4)
    assert WordErrors(0, inserted=1).rate == 1
    assert WordErrors(0).rate == 0


def test_a_difference_is_told_from_chance_or_not() -> None:
    good = [WordErrors(6, i % 3 == 0) for i in range(100)]
    bad = [WordErrors(6, 1 + (i % 3 == 0)) for i in range(100)]
    clear = paired_bootstrap(good, bad)
    assert clear.difference == pytest.approx(-1 / 6)
    assert clear.low == pytest.approx(-1 / 6)
    assert clear.better == 1
    mixed = [WordErrors(6, i % 3 == 1) for i in range(100)]
    chance = paired_bootstrap(good, mixed)
    assert chance.low < 0 < chance.high
    assert paired_bootstrap(good, good).better == 0.5


def test_other_utterances_are_refused() -> None:
    with pytest.raises(DataError, match="2 and 1 utterances; need the same"):
        paired_bootstrap([WordErrors(3), WordErrors(3)], [WordErrors(3)])
