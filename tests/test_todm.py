"""The benchmark of supernets: every part runs, goes on where it was, and tells what it has."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import todm, todm_plan, todm_targets
from benchmarks.todm_plan import PARTS, SIZES, alone, base, planned, trained_on
from benchmarks.todm_runs import Bench, Rows
from benchmarks.todm_tables import Found
from benchmarks.trainings import OutOfTime, spent
from edgernn.errors import DoesNotFit
from edgernn.models.asr.data import AN4
from edgernn.supernet.space import parse_label
from edgernn.train.run import WEIGHTS

from .models.test_asr_data import arrays

TINY = """
model = "asr"
[train]
steps = 4
batch_size = 4
checkpoint_every = 2
validate_every = 4
[network]
joint = 12
dropout = 0.1
[supernet]
random = 1
labels = 1.0
[supernet.space]
hidden = [12, 16]
layers = [1, 2]
channels = [8, 12]
"""
SMALL = "hidden=12,layers=1,channels=8"
LARGE = "hidden=16,layers=2,channels=12"
FORMS = tuple(todm_targets.FORMS[at] for at in (3, -1))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """The benchmark on the smallest sizes, over utterances made up, with a page of its own."""
    np.savez(tmp_path / AN4, **arrays())
    own = (root / todm_plan.RECIPE).read_text()
    recipe = tmp_path / "many.toml"
    recipe.write_text(TINY + own[own.index("[data]") : own.index("[supernet]")])
    monkeypatch.setattr(todm_plan, "RECIPE", recipe)
    for module in (todm_plan, todm.todm_tables):
        monkeypatch.setattr(module, "SIZES", (SMALL, LARGE))
    attend = {"encoder": "transformer", "heads": 2, "width": 4, "feed": 8, "left": 2, "ahead": 1}
    few = {"LSTM": {}, "Transformer, left 2, ahead 1": attend}
    for module in (todm_plan, todm.todm_tables):
        monkeypatch.setattr(module, "FAMILIES", few)
    monkeypatch.setattr(todm_plan, "EQUAL", {"hidden": 12, "layers": 1, "channels": 8})
    for module in (todm_targets, todm.todm_tables):
        monkeypatch.setattr(module, "CHOSEN", (SMALL,))
        monkeypatch.setattr(module, "CHIPS", ("cortex-m7",))
        monkeypatch.setattr(module, "FORMS", FORMS)
    page = tmp_path / "todm.md"
    sections = re.compile(r"(<!-- todm \w+: begin -->).*?(?=<!-- todm \w+: end -->)", re.DOTALL)
    page.write_text(sections.sub(r"\1\n\n", (root / todm.PAGE).read_text()))
    monkeypatch.setattr(todm, "PAGE", page)
    monkeypatch.setattr(todm, "RESULTS", tmp_path / "todm.json")
    return tmp_path


def run(folder: Path, *more: str) -> int:
    asked = ["--data", str(folder), "--output", str(folder / "runs"), "--seeds", "1", "--json"]
    return todm.main([*asked, *more])


def bench(folder: Path, output: str, seconds: float) -> Bench:
    rows = Rows(folder / "rows.json")
    return Bench(folder, folder / output, rows, time.monotonic() + seconds, quiet=True)


def test_a_training_is_interrupted_behind_a_checkpoint_and_goes_on(tiny: Path) -> None:
    recipe = alone(base(1), parse_label(SMALL))
    with pytest.raises(OutOfTime, match="the time is over"):
        bench(tiny, "parted", -1.0).trained(recipe)
    with pytest.raises(OutOfTime, match="stopped at step 2"):
        bench(tiny, "parted", 0.01).trained(recipe)
    first = spent(bench(tiny, "parted", 0.0).folder(recipe))
    parted = bench(tiny, "parted", 1e6).trained(recipe)
    whole = bench(tiny, "whole", 1e6).trained(recipe)
    assert spent(parted) > first > 0
    assert (parted / WEIGHTS).read_bytes() == (whole / WEIGHTS).read_bytes()


def test_the_same_training_of_two_parts_is_done_once(tiny: Path) -> None:
    together = planned(["sizes", "ablation"], 2, None)
    keys = [one.key for one in together]
    assert len(keys) == len(set(keys)) == 2 * (3 + 4)
    assert {one.recipe.seed for one in together[:7]} == {1}, "one seed after the other"
    scaled = next(one for one in together if one.name.startswith("ScaledAdam"))
    assert (scaled.recipe.optimizer, scaled.recipe.learning_rate) == ("scaled_adam", 2e-2)


def test_what_is_trained_on_begins_with_the_slice_and_ends_with_zeros(tmp_path: Path) -> None:
    recipe = trained_on(base(1, 1000), parse_label(SMALL), tmp_path, 0.5)
    assert recipe.steps == 200
    assert recipe.network["hidden"] == 12
    assert recipe.compress["prune"][0]["sparsity"] == 0.5
    assert recipe.compress["prune"][0]["end"] == 120
    control = trained_on(base(1, 1000), {}, tmp_path, 0.0).compress
    assert control.keys() == {"start"}
    rounded = trained_on(base(1, 1000), {}, tmp_path, 0.0, "w4a8").compress
    assert rounded["quantize"] == {"number_type": "w4a8", "learned": True}


def test_nothing_is_told_where_nothing_is(tiny: Path, capsys: Any) -> None:
    assert run(tiny, "--minutes", "0", "--write") == 0
    assert json.loads(capsys.readouterr().out) == {}
    assert "| " not in (tiny / "todm.md").read_text().partition("todm sizes: begin")[2]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["sizes", "ablation", "families"])
def test_each_part_is_trained_judged_and_written(part: str, tiny: Path) -> None:
    assert run(tiny, "--only", part, "--write") == 0
    kept = json.loads((tiny / "todm.json").read_text())
    row = next(iter(kept["rows"].values()))
    assert {"wer", "ctc_wer", "val_wer", "cpu_s", "steps", "latency_ms"} <= row.keys()
    assert len(row["errors"]) == len(kept["words"]) > 2
    page = (tiny / "todm.md").read_text()
    section = page.partition(f"<!-- todm {part}: begin -->")[2].partition("<!--")[0]
    assert f"![{part}](todm-{part}.svg)" in section
    assert " 4 |" in section, "steps"
    assert (tiny / f"todm-{part}.svg").is_file()
    before = (tiny / "runs" / "rows.json").read_bytes()
    (tiny / AN4).unlink()
    assert run(tiny, "--only", part) == 0, "all is there"
    assert (tiny / "runs" / "rows.json").read_bytes() == before


@pytest.mark.slow
def test_trainings_side_by_side_are_those_one_after_the_other(tiny: Path, capsys: Any) -> None:
    some = planned(["sizes"], 1, None)
    one_by_one, together = bench(tiny, "a", 1e6), bench(tiny, "b", 1e6)
    for one in some:
        one_by_one.trained(one.recipe)
    for one in together.side_by_side(some, 2):
        folders = [each.folder(one.recipe) / WEIGHTS for each in (one_by_one, together)]
        assert folders[0].read_bytes() == folders[1].read_bytes()
    with pytest.raises(OutOfTime, match="the time is over"):
        list(bench(tiny, "c", -1.0).side_by_side(some, 2))
    assert run(tiny, "--only", "sizes", "--jobs", "2") == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


@pytest.mark.cc
@pytest.mark.slow
def test_chosen_sizes_are_compiled_and_counted(tiny: Path) -> None:
    assert run(tiny, "--only", "targets", "--write") == 0
    kept = json.loads((tiny / "todm.json").read_text())["rows"]
    assert {row["form"] for row in kept.values()} == {form.name for form in FORMS}
    for row in kept.values():
        assert row["cortex-m7"]["instructions"] > 1e6
        assert row["cortex-m7"]["bundle_bytes"] > row["weights_bytes"] > 1000
        assert 0 < row["real_time_factor"] < 1
    assert "todm-targets.svg" in (tiny / "todm.md").read_text()


def test_a_chip_that_a_network_does_not_fit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> Path:
        raise DoesNotFit("encoder on cortex-m7: needs 1,309,292 bytes of flash")

    monkeypatch.setattr(todm_targets, "built", full)
    row = todm_targets.on_chip(Path(), "cortex-m7", "w8a8")
    assert set(row.values()) == {None}
    assert todm.todm_tables.on_chip(row) == ["does not fit", "", ""]


def test_differences_are_of_the_seeds_that_both_have(tmp_path: Path) -> None:
    rows = Rows(tmp_path / "rows.json", facts={"words": [10, 10]})
    few, many = {"errors": [[1, 0, 0], [0, 0, 0]]}, {"errors": [[2, 0, 0], [0, 3, 0]]}
    found = Found(rows, 2)
    apart = found.beside([("a", {1: few, 2: few})], [("a", {2: many})])
    assert apart is not None
    assert apart.difference == pytest.approx((1 - 5) / 20)
    assert found.beside([("a", {1: few})], [("a", {2: many})]) is None


def test_time_is_compared_where_it_was_counted(tmp_path: Path) -> None:
    """A seed without a time for one of them tells of no other's."""
    rows = Rows(tmp_path / "rows.json", facts={"words": [10]})
    told = {"parameters": 1, "steps": 5, "wer": 0.2, "ctc_wer": 0.2, "errors": [[1, 0, 0]]}
    for seed in (1, 2):
        shared, *alone = PARTS["sizes"](base(seed))
        for name in shared.judged:
            rows.note({**told, "cpu_s": 180.0 if seed == 1 else None}, shared.key, name)
        for one in alone:
            rows.note({**told, "cpu_s": 60.0 * seed}, one.key, "")
    *_, told_last = todm.todm_tables.sizes(Found(rows, 2))
    assert "takes 3.0 core-minutes, 3.0 times the largest alone; the 4 alone take 4.0" in told_last
    assert todm.todm_tables.minutes(Found(rows, 2).of("sizes", SIZES[0])) == "1.5"
