"""The measurements themselves: exact counts are held to their limit, statistics are checked."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks import chip_cost
from benchmarks.chip_cost import Row
from benchmarks.contender import Contender, called, timed, view
from benchmarks.document import table, write_section
from benchmarks.interleave import Array, fastest, interleaved, ratio, times
from edgernn.errors import DataError

needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm"
)


def test_paired_ratios_see_through_a_machine_that_slows_down() -> None:
    load = np.linspace(1, 9, 41)
    ours = [np.array([2.0, 2.0, 90.0]) * slow for slow in load]
    theirs = [np.array([3.0, 3.0, 3.0]) * slow for slow in load]
    found = ratio(theirs, ours)
    assert (found.median, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))


def test_a_ratio_tells_its_quartiles() -> None:
    ones = [np.array([1.0])] * 5
    found = ratio([np.array([value]) for value in (5.0, 1.0, 2.0, 4.0, 3.0)], ones)
    assert (found.low, found.median, found.high) == (2.0, 3.0, 4.0)
    assert str(found) == "3.00 (2.00 to 4.00)"


def test_every_contender_runs_in_every_round_in_changing_order() -> None:
    order: list[str] = []

    def contender(name: str) -> object:
        def measure(steps: int) -> Array:
            if steps == 3:
                order.append(name)
            return np.full(steps, 5000.0)

        return measure

    names = ("a", "b", "c", "d")
    found = interleaved({name: contender(name) for name in names}, rounds=20, steps=3)  # type: ignore[misc]
    assert all(len(rounds) == 20 for rounds in found.values())
    turns = [tuple(order[k : k + 4]) for k in range(0, 80, 4)]
    assert all(sorted(turn) == list(names) for turn in turns)
    assert len(set(turns)) > 5
    assert times(found["a"]).median_us == 5.0


def test_the_tail_is_told_only_where_steps_were_timed_singly() -> None:
    single = times([np.r_[np.full(99, 1000.0), 9000.0]] * 3)
    assert single.median_us == 1.0
    assert single.p99_us == pytest.approx(1.08, abs=0.1)
    assert times([np.array([1000.0])] * 3).p99_us is None


def test_the_fastest_setting_is_found_by_its_median() -> None:
    spiky = [np.array([1.0, 1.0, 99.0])] * 3
    assert fastest({"steady": [np.full(3, 2.0)] * 3, "spiky": spiky}) == "spiky"


def test_a_contender_steps_frames_in_turn() -> None:
    seen: list[float] = []

    def step(frame: Array) -> Array:
        seen.append(float(frame[0]))
        return frame.copy()

    frames = np.arange(3.0).reshape(3, 1)
    spent = timed(step, frames)(5)
    assert seen == [0, 1, 2, 0, 1]
    assert (spent >= 0).all()
    contender = Contender(step, lambda: None, called(lambda: None))
    assert contender.outputs(frames).tolist() == frames.tolist()


def test_a_view_lies_on_the_memory_it_is_given() -> None:
    owner = np.zeros((2, 3), np.float32)
    view(owner.ctypes.data, (2, 3))[1, 2] = 7
    assert owner[1, 2] == 7


def test_a_section_replaces_only_what_is_between_its_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n<!-- x: begin -->\nold\n<!-- x: end -->\nbelow\n")
    write_section("x", table(("a", "b"), [("1", "2")]), page)
    text = page.read_text()
    assert text.startswith("above\n<!-- x: begin -->\n")
    assert text.endswith("<!-- x: end -->\nbelow\n")
    assert "| a | b |\n| --- | --: |\n| 1 | 2 |" in text
    assert "old" not in text
    with pytest.raises(DataError, match="no markers"):
        write_section("y", [], page)


def test_a_missed_limit_and_an_absent_target_are_told() -> None:
    rows = [
        Row("gru", "w8a8", "cortex-m4", per_mac=4.5),
        Row("gru", "w8a8", "aarch64", per_mac=0.7),
        Row("gru", "fp32", "aarch64", per_mac=3.5),
    ]
    first, second = chip_cost.missed(rows)
    assert "cortex-m4: 4.50" in first
    assert "cortex-m55: not counted" in second


@pytest.mark.cc
@pytest.mark.emulator
@needs_qemu
@pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs zig")
def test_the_int8_gru_is_within_its_limit_on_a_cortex_m4() -> None:
    (row,) = chip_cost.counted("gru", "w8a8", ["cortex-m4"])
    assert row.per_mac is not None
    assert 0.5 < row.per_mac <= chip_cost.LIMITS["cortex-m4"]
    assert row.flash_bytes is not None
    assert row.flash_bytes < 90_000
    assert row.by_function["edgernn_matvec_s8"] > 0.5 * sum(row.by_function.values())
