"""Readings of runs: what a later run revises, what is settled, and that no letter is lost."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgernn.keyboard.decode import Revision, _revised
from edgernn.keyboard.search import LAG, Held, Reading, Search
from edgernn.keyboard.writing import Run, written

LABELS = ("<typed>", "the", "cat", "<end>")
BEGIN = 3


def told(label: int, state: Any) -> tuple[Any, Any]:
    return np.array([label]), (*(state or ()), label)


def logits(the: float, cat: float, end: float) -> Any:
    return np.array([-9.0, the, cat, end], np.float32)


def texts(readings: tuple[Reading, ...]) -> list[Any]:
    return [one.texts for one in readings]


def test_a_later_run_revises_an_earlier_one() -> None:
    search = Search(told, LABELS, 4)

    def first(past: Any) -> Any:  # `th`: the word, or a part of one
        return logits(3, -3, 0.2 if past[0] == BEGIN else 6)

    def second(past: Any) -> Any:  # `e`: nothing that follows `the`, the rest of it otherwise
        return logits(5, -5, -2) if past[0] == BEGIN else logits(-20, -20, 6)

    one, settled = search.close(search.begin(), ["th"], first, fixed=False)
    assert not settled
    assert {((),), (("the",),)} <= set(texts(one))
    two, _ = search.close(one, ["th", "e"], second, fixed=False)
    assert ((), ("the",)) in texts(two)
    runs = (Run("th", " "), Run("e", " "))
    parted = next(r for r in two if r.texts == ((), ("the",)))
    assert written(parted.runs, runs) == "the "


def test_no_run_is_left_out_of_a_word_too_short_for_it() -> None:
    search = Search(told, LABELS, 4)
    none, _ = search.close(search.begin(), ["abcdef"], lambda past: logits(-9, -9, 9), fixed=False)
    assert none[0].texts == ((),)
    after, _ = search.close(
        none,
        ["abcdef", "x"],
        lambda past: logits(9, -9, -9 if past[0] == BEGIN else 9),
        fixed=False,
    )
    assert all(one.texts != ((), ("the",)) for one in after)


def test_what_all_agree_on_and_what_is_old_is_settled() -> None:
    search = Search(told, LABELS, 2, margin=None)
    readings, runs, whole = search.begin(), 0, 0
    for _ in range(3 * LAG):
        ends = iter([-9.0] * len(readings))

        def ask(past: Any, ends: Any = ends) -> Any:
            return logits(6.0, 5.9, next(ends, 9.0))  # one word, either of two

        readings, settled = search.close(readings, ["the"] * (runs + 1), ask, fixed=False)
        runs, whole = runs + 1 - len(settled), whole + len(settled)
        assert all(len(one.runs) == runs <= LAG for one in readings)
        assert all(len(words) == 1 for words in settled)
    assert len(readings) == 2
    assert whole >= 2 * LAG


def test_a_run_that_is_fixed_is_held_as_it_is() -> None:
    search = Search(told, LABELS, 4)
    readings, settled = search.close(
        search.begin(), ["4x4"], lambda past: logits(9, 9, 9), fixed=True
    )
    assert settled == ((Held("4x4", 0, settled[0][0].score, as_is=True),),)
    assert texts(readings) == [()]


def test_a_revision_tells_what_stood_there() -> None:
    assert _revised("the cat sad", "the cat sat ", "sad") is None
    assert _revised("the cap sat", "the cat sat ", "sat") == Revision("cap", "cat")


def test_runs_that_no_word_comes_for_are_held_as_they_were_typed() -> None:
    search = Search(told, LABELS, 1)
    runs, readings = ["ab"], search.begin()
    readings, _ = search.close(readings, runs, lambda past: logits(-9, -9, 9), fixed=False)
    assert readings[0].texts == ((),)
    readings, settled = search.close(
        readings, [*runs, "4"], lambda past: logits(9, 9, 9), fixed=True
    )
    assert [word.text for words in settled for word in words] == ["ab", "4"]


def test_no_more_runs_wait_than_a_word_can_have() -> None:
    search, whole = Search(told, LABELS, 1), 0
    readings, runs = search.begin(), list[str]()
    for _ in range(40):
        runs.append("ab")
        readings, settled = search.close(
            readings, runs, lambda past: logits(-9, -9, 9), fixed=False
        )
        runs, whole = runs[len(settled) :], whole + len(settled)
        assert len(runs) <= LAG
    assert whole >= 40 - LAG
