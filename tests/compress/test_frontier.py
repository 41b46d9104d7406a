"""The search tries, measures, resumes, delivers; where no budget is met it names the nearest."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.transforms import Bbox

from edgernn.compress.begin import SETTINGS
from edgernn.compress.budget import parse_budget, parse_loss
from edgernn.compress.candidates import CONTROL, Candidate, candidates
from edgernn.compress.frontier import RUNS, Found, Search, deliver, search
from edgernn.compress.frontier_picture import free_places
from edgernn.compress.frontier_report import markdown, pictures, rows
from edgernn.compress.points import Point, Run, choose, doubts, frontier, gathered
from edgernn.errors import CheckpointError, ModelError
from edgernn.model import find_model
from edgernn.train.run import train_model

from .test_begin import stale
from .test_plan import DENSE, MINE


def _run(name: str, value: float, flash: int, seed: int = 1) -> Run:
    return Run(name, seed, "w8a8", value, value, "f", flash_bytes=flash, ram_bytes=10, macs=5)


def _points() -> list[Point]:
    return gathered(
        [
            _run(CONTROL, 0.9, 100),
            _run("int4", 0.89, 60),
            _run("bad", 0.5, 70),
            _run("tiny", 0.8, 20),
        ]
    )


def test_seeds_are_gathered_with_their_spread() -> None:
    points = gathered([_run("a", 0.5, 10), _run("b", 0.1, 5), _run("a", 0.7, 10, seed=2)])
    assert [p.name for p in points] == ["a", "b"]
    assert points[0].value == pytest.approx(0.6)
    assert points[0].noise == pytest.approx(0.1414, abs=1e-3)
    assert points[1].noise is None
    assert points[0].best.seed == 1


def test_the_frontier_is_what_nothing_beats() -> None:
    names = [p.name for p in frontier(_points(), "flash_bytes", higher=True)]
    assert names == ["tiny", "int4", CONTROL]
    assert [p.name for p in frontier(_points(), "flash_bytes", higher=False)] == ["tiny", "bad"]


def test_the_best_within_a_budget_has_the_best_value() -> None:
    points = _points()
    some = parse_budget(["flash=64"], firmware=True)
    assert choose(points, points[0], some, None, higher=True).name == "int4"
    small = parse_budget(["flash=30B"], firmware=True)
    assert choose(points, points[0], small, None, higher=True).name == "tiny"


def test_without_a_budget_the_fewest_bytes_within_the_loss_win() -> None:
    points, none = _points(), parse_budget([], firmware=True)
    assert choose(points, points[0], none, 0.05, higher=True).name == "int4"
    assert choose(points, points[0], none, 0.2, higher=True).name == "tiny"
    assert choose(points, points[0], none, 0.0, higher=True).name == CONTROL


def test_a_budget_that_nothing_meets_shows_the_nearest() -> None:
    points = _points()
    with pytest.raises(ModelError, match="the nearest is tiny with flash_bytes 20"):
        choose(points, points[0], parse_budget(["flash=10"], firmware=True), None, higher=True)
    with pytest.raises(ModelError, match=r"the nearest, tiny, loses 0\.1"):
        choose(points, points[0], parse_budget(["flash=30"], firmware=True), 0.01, higher=True)
    unknown = parse_budget(["instructions=1k"], firmware=True)
    with pytest.raises(ModelError, match="instructions unknown"):
        choose(points, points[0], unknown, None, higher=True)


def _spread(name: str, value: float, flash: int, spread: float = 0.01) -> list[Run]:
    return [_run(name, value - spread, flash), _run(name, value + spread, flash, seed=2)]


def test_what_the_noise_does_not_tell_from_the_best_is_named() -> None:
    rows = [*_spread(CONTROL, 0.9, 100), *_spread("int4", 0.89, 60), *_spread("bad", 0.5, 20)]
    points = gathered([*rows, *_spread("near", 0.88, 50)])
    none, some = parse_budget([], firmware=True), parse_budget(["flash=64"], firmware=True)
    assert doubts(points, points[1], points[0], some, None, higher=True) == ["near is 0.01 behind"]
    assert doubts(points, points[1], points[0], none, 0.015, higher=True) == [
        "near is smaller and misses the allowed loss by 0.005"
    ]
    single = _points()
    assert doubts(single, single[1], single[0], some, None, higher=True) == []


def test_a_report_says_what_one_seed_cannot() -> None:
    how = Search("kws", Path(), "host", Path(), parse_budget(["flash=64"], firmware=True))
    one = Found("accuracy", True, _points(), {}, _points()[1])
    assert "1 seed: no noise bars" in markdown(how, one)
    points = gathered([*_spread(CONTROL, 0.9, 60), *_spread("int4", 0.89, 50)])
    text = markdown(replace(how, seeds=2), Found("accuracy", True, points, {}, points[0]))
    assert "- **within the noise**: int4 is 0.01 behind" in text


def test_numbers_in_a_picture_do_not_lie_on_one_another() -> None:
    runs = [_run(CONTROL, 0.9, 1000)]
    runs += [_run(f"one of {i}", 0.9 + 1e-4 * i, 1000 + i % 2) for i in range(20)]
    found = Found("accuracy", True, gathered(runs), {}, None)
    (svg,) = pictures(found).values()
    assert svg.count(b"<!-- one of ") == 20
    places = [(50.0, 50.0), *((50.0, 50.0 + i) for i in range(12))]
    box = Bbox([[0, 0], [300, 300]])
    chosen = free_places(places, box)
    assert all(math.dist(a, b) >= 15 for a, b in itertools.combinations(chosen, 2))
    assert free_places([(1.0, 1.0)], Bbox([[0, 0], [2, 2]])) == [(1.0, 1.0)]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("flash=64KG", "unit 'KG'; need none, B, KB"),
        ("flash", "need one of flash, ram, instructions, macs, latency, as flash=64KB"),
        ("disk=4", "need one of flash"),
        ("latency=20us", "an emulator has no times"),
        ("flash=0KB", "nothing fits into 0"),
    ],
)
def test_bad_budgets_are_refused(word: str, line: str) -> None:
    with pytest.raises(ModelError, match=line):
        parse_budget([word], firmware=True)


def test_budgets_are_read_with_their_units() -> None:
    found = parse_budget(["flash=64KB,ram=1.5KiB", "instructions=100k"], firmware=True).limits
    assert found == {"flash_bytes": 65536, "ram_bytes": 1536, "instructions": 100_000}
    assert parse_budget(["latency=0.5ms"], firmware=False).limits == {"latency_us": 500}
    with pytest.raises(ModelError, match=r"unit ''; need us"):
        parse_budget(["latency=20"], firmware=False)
    with pytest.raises(ModelError, match="nothing counts them here"):
        parse_budget(["instructions=1k"], firmware=False)
    assert (parse_loss("0.5pt"), parse_loss("0.02")) == (0.005, 0.02)
    with pytest.raises(ModelError, match="max-loss 'some'"):
        parse_loss("some")


def test_a_smaller_dense_network_stands_beside_the_sparse_ones() -> None:
    network = find_model("kws/dense").steps()["kws"]
    found = candidates(network, ("w8a8", "w4a8"))
    assert found[0] == Candidate(CONTROL, "w8a8")
    assert {"delta", "low_rank", "permute", "units"} <= {
        key for one in found for key in one.compress
    }
    assert any("prune" in one.compress for one in found)
    assert {one.number_type for one in found} == {"w8a8", "w4a8"}
    assert len({one.name for one in found}) == len(found)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    longer = DENSE.replace("steps = 150", "steps = 450")
    (folder / "dense.toml").write_text(f'model = "{MINE}:build"\n{longer}')
    train_model(f"{MINE}:build", folder, folder / "out", recipe=folder / "dense.toml", quiet=True)
    return folder / "out"


@pytest.mark.cc
@pytest.mark.slow
def test_a_search_tries_resumes_and_delivers(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "search"
    network = find_model(str(trained)).steps()["keep"]
    four = next(c for c in candidates(network, ("w4a8",)) if c.name == "dense w4a8")
    tried = (Candidate(CONTROL, "w8a8"), four, Candidate("odd", "w8a8", {"odd": {}}))
    none = parse_budget([], firmware=True)
    how = Search(str(trained), trained, "cortex-m4", out, none, 0.3, steps=20, tried=tried)
    said: list[str] = []
    found = search(how, quiet=True, say=said.append)
    assert [p.name for p in found.points] == [CONTROL, "dense w4a8"]
    assert "unknown key compress.odd" in found.skipped["odd"]
    flash = [p.costs["flash_bytes"] or 0 for p in found.points]
    assert flash[1] < flash[0]
    assert all(p.costs["instructions"] for p in found.points)
    assert found.reference.value > 0.9
    best = deliver(how, found)
    names = {path.name for path in best.iterdir()}
    assert {"recipe.toml", "weights.safetensors", "keep.edgernn"} <= names
    text = markdown(how, found)
    assert "| dense w4a8 |" in text
    assert all(picture.startswith(b"<?xml") for picture in pictures(found).values())
    assert json.dumps(rows(found))
    with pytest.raises(CheckpointError, match="add --resume to go on"):
        search(how, quiet=True, say=said.append)
    said.clear()
    log = out / RUNS
    mine = log.read_text()
    log.write_text(mine + stale("not tried now"))
    less = replace(how, tried=(tried[0], tried[2]), seeds=2)
    again = search(less, resume=True, quiet=True, say=said.append)
    assert [line for line in said if line.startswith("3 of 4")] == [f"3 of 4: {CONTROL}, seed 2"]
    assert not any(line.startswith("1 of 4") for line in said)
    assert [p.name for p in again.points] == [CONTROL, "dense w4a8", "not tried now"]
    assert again.points[0].runs[0].value == found.points[0].value
    with pytest.raises(CheckpointError, match="steps 20, now 21"):
        search(replace(how, steps=21), resume=True, quiet=True, say=said.append)
    said.clear()
    (out / SETTINGS).unlink()
    with pytest.raises(CheckpointError, match=rf"{CONTROL}, seed 1, was trained by another recipe"):
        search(replace(how, steps=21), resume=True, quiet=True, say=said.append)
    assert said == []
