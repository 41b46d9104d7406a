"""The tables and the picture of docs/keyboard.md, of a few texts made up here."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.typing_errors import RATES, draw, error_table, kinds
from edgernn.keyboard.slips import Slip
from edgernn.keyboard.typing import Typed, plainly_typed

TEXTS = ("I don't know where their cat is.", "We have seen it, twice!")


def test_each_rate_has_a_row_and_no_kind_that_is_never_drawn() -> None:
    head, _, *rows = error_table(TEXTS)
    assert [row.split("|")[1].strip() for row in rows] == [f"{100 * rate:.0f} %" for rate in RATES]
    assert "missing space" in head
    assert "homophone" not in head


def test_edits_are_counted_by_kind() -> None:
    plain = plainly_typed("ab")
    slips = (Slip("case", 0, 1, "a", 1), Slip("transposition", 0, 2, "ba", 2))
    typed = Typed("ab", "ba", plain.offsets, plain.words, slips, missed=3)
    assert kinds([plain, typed]) == {"touch": 3, "case": 1, "transposition": 2}


def test_the_picture_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg"):
        draw(TEXTS, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()
