"""The measurements themselves: exact counts are held to their limit, statistics are checked."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import chip_cost, chips, delta, footprint, latency_tables, workloads
from benchmarks.bandwidth import read_gigabytes
from benchmarks.chips import Row
from benchmarks.compiled import Compiled, Stream, host_source
from benchmarks.contender import Contender, alone, view, whole
from benchmarks.document import table, write_section
from benchmarks.interleave import Array, Ratio, Times, fastest, interleaved, ratio, times
from benchmarks.peers import PEERS, onnxruntime
from benchmarks.prepared import LARGEST_ERROR, network
from benchmarks.step_latency import OurRow
from benchmarks.variants import variants
from edgernn.cells.gru import GRU
from edgernn.errors import DataError, MissingExtra, ParityError
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential

needs_zig = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="needs zig")
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


def test_a_contender_is_given_each_frame_in_turn_and_carries_its_state() -> None:
    x, y, old, new = (np.zeros(1, np.float32) for _ in range(4))
    seen: list[float] = []

    def call() -> None:
        seen.append(float(x[0]))
        y[0] = new[0] = old[0] + x[0]

    contender = Contender(x, y, call, lambda: old.fill(0), carried=[(old, new)])
    frames = np.array([[1.0], [2.0], [4.0]], np.float32)
    assert contender.outputs(frames).ravel().tolist() == [1, 3, 7]
    contender.reset()
    seen.clear()
    spent = whole(contender, frames)(5)
    assert seen == [1, 2, 4, 1, 2]
    assert old[0] == 10
    assert (spent >= 0).all()


@pytest.mark.parametrize(("nanoseconds", "run"), [(1000, 20), (30_000, 1)])
def test_a_loop_in_c_is_timed_in_short_runs(nanoseconds: int, run: int) -> None:
    array, runs = np.zeros(1, np.float32), list[int]()

    def loop(steps: int) -> int:
        runs.append(steps)
        return nanoseconds * steps

    measure = alone(Contender(array, array, lambda: None, lambda: None, loop=loop))
    runs.clear()
    assert measure(40).tolist() == [nanoseconds] * (40 // run)
    assert runs == [run] * (40 // run)


def test_three_in_four_blocks_become_zero_and_small_matrices_stay() -> None:
    network = Sequential(rnn=GRU(40, 128), head=Linear(128, 12))
    before = network.layers["head"].linear.weight.clone()
    workloads.prune(network, (16, 4))
    weight = network.layers["rnn"].rnn.weight_hh_l0.detach()
    blocks = weight.reshape(24, 16, 32, 4).abs().sum((1, 3))
    assert int((blocks == 0).sum()) == 3 * blocks.numel() // 4
    assert int((weight == 0).sum()) == 3 * weight.numel() // 4
    assert network.layers["head"].linear.weight.equal(before)


def test_drifting_frames_keep_their_variance() -> None:
    still, noise = workloads.frames("kws", 4000, 0.1), workloads.frames("kws", 4000)
    assert still.std() == pytest.approx(noise.std(), rel=0.1)
    assert np.diff(still, axis=0).std() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize("block", [1, 4])
def test_the_delta_network_reads_the_share_that_it_was_set_for(block: int) -> None:
    held = delta.held("kws", block)
    for drift, wanted in ((held.speech, delta.SPEECH), (held.silence, delta.SILENCE)):
        stream = workloads.frames("kws", delta.SETTLED + delta.MEASURED, drift)
        share = delta.share(delta.leaves(held.network, stream), held.rows)
        assert share == pytest.approx(wanted, abs=0.015)


@pytest.mark.parametrize(
    ("peer", "module"),
    [("LiteRT", "ai_edge_litert.interpreter"), ("OpenVINO", "openvino"), ("TVM", "tvm")],
)
def test_a_runtime_that_is_not_installed_is_told_with_what_brings_it(
    peer: str, module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    (found,) = [one for one in PEERS if peer == one.NAME]
    graph = network("kws", workloads.module("kws")).graph
    with pytest.raises(MissingExtra, match="bench"):
        next(found.candidates(graph, "fp32", tmp_path))


def test_onnx_runtime_gives_what_torch_gives_in_every_number_type(tmp_path: Path) -> None:
    made = network("kws", workloads.module("kws"))
    for kind in onnxruntime.KINDS:
        for candidate in onnxruntime.candidates(made.graph, kind, tmp_path):
            assert made.error(candidate, LARGEST_ERROR[kind], candidate.setting) >= 0


def test_every_goal_of_the_three_shapes_is_a_variant() -> None:
    goals = [variant for variant in variants("kws", workloads.SHAPES) if variant.goals]
    assert {tuple(variant.goals) for variant in goals} == {("kws", "kbd", "asr")}
    titles = [variant.title for variant in variants("kws", workloads.SHAPES)]
    assert len(set(titles)) == len(titles)


def test_a_core_reads_what_fits_its_cache_faster_than_what_does_not() -> None:
    assert read_gigabytes(16 << 10) > read_gigabytes(256 << 20) > 0.5


def test_a_goal_is_told_as_reached_or_missed() -> None:
    def row(ratio: float) -> OurRow:
        found = Ratio(ratio, ratio, ratio)
        fields = {"workload": "kws", "variant": "dense", "number_type": "w8a8"}
        figures = {"alone_us": 1.0, "error": 0.0, "weights_bytes": 66_000, "columns": None}
        return OurRow(
            **fields, **figures, step=Times(1.2, None), bandwidth=100.0, peer="LiteRT int8",
            ratio=found, alone_ratio=found, goal=3.0,
        )  # fmt: skip

    assert "3.10 (3.10 alone), goal 3: reached" in latency_tables.summary([row(3.1)])[-1]
    assert "2.90 (2.90 alone), goal 3: missed" in latency_tables.summary([row(2.9)])[-1]
    (line,) = latency_tables.workload("kws", [row(2.9)], [])[5:6]
    assert "| 66 | 66% of 100 |" in line


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


def _rows(chip: str, dense: float, sparse: float, delta_count: float) -> list[Row]:
    cases = (chips.DENSE_CASE, chips.SPARSE_CASES[0], chips.DELTA_CASES[0])
    counts = zip(cases, (dense, sparse, delta_count), strict=True)
    return [
        Row(case.workload, case.variant.title, chip, 1000, instructions=1000 * count)
        for case, count in counts
    ]


def test_a_missed_limit_and_an_absent_chip_are_told() -> None:
    limit = chip_cost.LIMITS.per_mac["cortex-m4"]
    good = _rows("cortex-m4", limit, 0.2 * limit, 0.2 * limit)
    bad = _rows("cortex-m0", 9.5, 9.0, 1.0)
    lines = chip_cost.missed([*good, *bad], chip_cost.LIMITS)
    assert not [line for line in lines if "cortex-m4" in line]
    slow, sparse, *others = lines
    assert "cortex-m0: 9.50 instructions a MAC" in slow
    assert "75 % sparse takes 0.95" in sparse
    assert all("not counted" in line for line in others)


def test_dense_counts_are_held_below_their_goals_and_shares_where_they_are() -> None:
    for name, below in (("per_mac", True), ("sparse", False), ("delta", False)):
        goals, limits = getattr(chip_cost.GOALS, name), getattr(chip_cost.LIMITS, name)
        assert goals.keys() == limits.keys()
        assert all((limits[chip] < goals[chip]) == below for chip in goals)


def test_a_footprint_above_its_limits_is_told() -> None:
    row = footprint.Row("kws", "w8a8", 66_000, 149_000, 2_900_000, 500, 600, 1000)
    assert footprint.missed([row]) == []
    large = replace(row, library_bytes=150_000, resident_bytes=3_000_000, scratch_bytes=601)
    assert len(footprint.missed([large])) == 3


@needs_zig
@pytest.mark.cc
def test_kws_is_a_small_library_in_a_small_process() -> None:
    row = footprint.measured(*footprint.CHECKED)
    assert footprint.missed([row]) == []
    assert row.library_bytes > row.weights_bytes > 66_000
    assert row.resident_bytes is None or row.resident_bytes > row.library_bytes


@needs_zig
@pytest.mark.cc
def test_both_streams_of_a_compiled_step_keep_their_own_state() -> None:
    made = network("kws", workloads.module("kws"))
    step = Compiled(made.graph, host_source(made.graph, "w8a8", made.calibration))
    first, second = (Stream(step, made.frames, number).contender() for number in (0, 1))
    outputs = first.outputs(made.frames[:5])
    second.outputs(made.frames[5:9])
    assert first.outputs(made.frames[:5]).tolist() == outputs.tolist()
    assert made.error(first, 0.08, "kws") > 0
    with pytest.raises(ParityError, match="not torch's"):
        made.error(first, 1e-6, "kws")


@pytest.mark.cc
@pytest.mark.emulator
@needs_qemu
@needs_zig
def test_the_int8_gru_is_within_its_limit_on_a_cortex_m4() -> None:
    (row,) = chips.counted(chips.DENSE_CASE, ["cortex-m4"])
    assert row.per_mac is not None
    assert 0.5 < row.per_mac <= chip_cost.LIMITS.per_mac["cortex-m4"]
    assert row.flash_bytes is not None
    assert row.flash_bytes < 90_000
    kernels = sum(n for name, n in row.by_function.items() if name.startswith("edgernn_"))
    assert kernels > 0.5 * sum(row.by_function.values())
