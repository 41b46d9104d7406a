"""The zoo's benchmark: its measures are of what they say, and what was measured is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import zoo, zoo_chars, zoo_measures, zoo_tables, zoo_words
from benchmarks.zoo_nets import framed, parameters, width_for
from edgernn.cells.fastgrnn import FastGRNN
from edgernn.cells.gru import GRU
from edgernn.cells.lru import ComplexDecay
from edgernn.cells.mingru import MinGRU
from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.streaming import Delay, Streaming
from edgernn.testing import check_streaming


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo_measures, "WIDTH", 8)
    monkeypatch.setattr(zoo_measures, "ROUNDS", {8: 1, 16: 2})
    monkeypatch.setattr(zoo_tables, "ROUNDS", {8: 1, 16: 2})


def test_networks_are_of_about_equal_parameters_and_obey_the_law() -> None:
    for unit in (
        "GRU",
        "MinGRU",
        "SSM",
        "ComplexDecay",
    ):  # the last reads and gives twice its width
        width = width_for(lambda width, unit=unit: zoo_chars.build(unit, width), 60_000)  # type: ignore[misc]
        network = zoo_chars.build(unit, width)
        assert width % 4 == 0
        assert abs(parameters(network) - 60_000) < 4_000
        check_streaming(network, torch.randint(0, 65, (2, 12)))
    words = zoo_words.build("MinGRU", 16)
    assert words(torch.zeros(1, 640, 1)).shape == (1, 2, 12)


def test_the_blocks_of_a_network_differ() -> None:
    net = framed("GRU", 8, 3, into=Linear(4, 8))
    one, other = (net.get_parameter(f"block{k}.body.unit.rnn.weight_hh_l0") for k in range(2))
    assert not torch.equal(one, other)


def test_a_unit_that_answers_late_is_not_judged_by_frames() -> None:
    from benchmarks.zoo_nets import _block

    class Late(Delay):
        def __init__(self, channels: int) -> None:
            super().__init__(2, channels)

    with pytest.raises(ShapeError, match=r"Late: Timing\(.*delay=2\); need an answer for each"):
        _block(Late, 8)


@pytest.mark.parametrize("sort", [FastGRNN, MinGRU, GRU, ComplexDecay])
def test_both_forms_of_a_training_step_are_of_one_function(sort: type[Streaming]) -> None:
    from edgernn.zoo import at_width, input_channels

    unit = at_width(sort, 8)
    x = torch.randn(2, 16, input_channels(sort, 8))
    torch.testing.assert_close(zoo_measures._by_frames(unit)(x), unit(x), atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("small")
def test_what_was_measured_is_not_measured_again_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zoo, "RESULTS", tmp_path / "none.json")
    words = ["--only", "training", "--units", "mingru", "--output", str(tmp_path)]
    assert zoo.main(words) == 0
    row = json.loads((tmp_path / "rows.json").read_text())["rows"]["training MinGRU"]
    assert row["parallel"] == "scan"
    low, high = sorted(row["16"]["ratio"][1:])
    assert low <= row["16"]["ratio"][0] <= high
    assert "| MinGRU | scan |" in capsys.readouterr().out
    monkeypatch.setitem(zoo.MEASURES, "training", lambda sort: {"why": "was asked again"})
    assert zoo.main(words) == 0
    assert "asked again" not in capsys.readouterr().out
    assert zoo.main([*words, "--fresh"]) == 0
    assert "- MinGRU: was asked again" in capsys.readouterr().out


def test_tables_go_between_their_markers_and_rows_beside_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "cells.md"
    marks = "<!-- zoo {0}: begin -->\n<!-- zoo {0}: end -->\n"
    page.write_text("".join(marks.format(task) for task in ("drift", "chars")))
    monkeypatch.setattr(zoo, "PAGE", page)
    monkeypatch.setattr(zoo, "RESULTS", tmp_path / "zoo.json")
    course = [0.25, 0.01, 0.02]
    rows = {
        "drift GRU": {
            "frames": 1000,
            "states": {"h": course},
            "errors": {"fp32": course, "w8a8": [None, None, None]},
            "grows": ["w8a8"],
        },
        "drift MinGRU": {"why": "would not"},
        "chars GRU": {
            "test": 2.5, "parameters": 10, "width": 8, "w8a8_bytes": [5, 6], "cpu_s": 1.0
        },
    }  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps({"rows": rows}))
    words = ["--units", "gru", "mingru", "--output", str(tmp_path), "--minutes", "0"]
    pytest.importorskip("matplotlib")
    assert zoo.main(["--only", "drift", "chars", "--write", *words]) == 0
    text = page.read_text()
    assert "| GRU | 1,000 | 0.01 ± 0.02 | 2.5e-01 | 0.01 ± 0.02 | - | not finite | w8a8 |" in text
    assert "- MinGRU: would not" in text
    assert "| GRU | 2.500 | 10 | 8 | 5 | 6 | 1 |" in text
    assert (tmp_path / "zoo-chars.svg").is_file()
    assert json.loads((tmp_path / "zoo.json").read_text())["rows"] == rows


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--fresh", "--output", str(tmp_path), "--units"]
    assert zoo.main([*words, "grux"]) == 2
    assert capsys.readouterr().err.startswith("error: unknown unit 'grux'; did you mean gru")
    assert zoo.main(["--only", "chars", *words, "mingru"]) == 2
    assert "error: --data: say which folder" in capsys.readouterr().err
    assert zoo.main(["--only", "chars", "--data", str(tmp_path), *words, "mingru"]) == 2
    assert f"error: {tmp_path}/tinyshakespeare.txt.gz: no such file" in capsys.readouterr().err


@pytest.mark.cc
@pytest.mark.usefixtures("small")
def test_a_compiled_step_is_timed_and_counted() -> None:
    from edgernn.targets.runners.qemu import RUNNER

    if missing := RUNNER.missing():
        pytest.skip(missing)
    row = zoo_measures.compiled(MinGRU)
    assert row["macs"] == 128
    assert 0 < row["us"]["w8a8"] < 1000
    assert row["instructions"]["cortex-m4"] > row["instructions"]["aarch64"] > 128
    (line,) = [x for x in zoo_tables.steps({"MinGRU": row}) if x.startswith("| MinGRU")]
    assert f"| {row['instructions']['cortex-m4'] / 128:.2f} |" in line
