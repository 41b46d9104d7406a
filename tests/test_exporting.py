"""Export from its name to its file: what is written, and all that stops it with nothing left."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest

from edgernn.bundle import open_bundle
from edgernn.errors import (
    BundleError,
    ContractError,
    DataError,
    DoesNotFit,
    ShapeError,
    UnknownName,
    UnsupportedOp,
)
from edgernn.exporting import export
from edgernn.step_code import step_files
from edgernn.verify import verify

pytestmark = pytest.mark.usefixtures("whole_road")

HEAD = """
import numpy as np
import torch
from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming

def examples():
    yield np.random.default_rng(0).standard_normal((1, 80, 4)).astype(np.float32)
"""
SMALL = """
def build():
    torch.manual_seed(0)
    return Sequential(rnn=GRU(4, 6), out=Linear(6, 2))
"""
BROKEN = {
    "peeks": (
        """
class Mine(Streaming):
    def step(self, x, state):
        return torch.cat([x[:, 1:], x[:, -1:]], dim=1), state
""",
        ContractError,
        r"Mine: .*frame \d+",
    ),
    "mutates": (
        """
class Mine(Streaming):
    def initial_state(self, batch):
        return {"total": torch.zeros(batch, 4)}
    def step(self, x, state):
        ys = []
        for t in range(x.shape[1]):
            state["total"] += x[:, t]
            ys.append(state["total"].clone())
        return torch.stack(ys, 1), state
""",
        ContractError,
        "step modifies state total in place",
    ),
    "grows": (
        """
class Mine(Streaming):
    def initial_state(self, batch):
        return {"past": torch.zeros(batch, 1, 4)}
    def step(self, x, state):
        return x, {"past": torch.cat([state["past"], x], dim=1)}
""",
        ContractError,
        r"state past changes shape from \(1, 1, 4\)|state past changes shape",
    ),
    "sines": (
        """
class Mine(Streaming):
    def step(self, x, state):
        return torch.atan(torch.sin(x)), state
""",
        UnsupportedOp,
        r"no plain form of Sin \(.*\), Atan \(.*\)",
    ),
}


def mine(folder: Path, body: str, name: str = "mine") -> str:
    path = folder / f"{name}.py"
    path.write_text(
        HEAD + body + ("" if "def build" in body else "\ndef build():\n    return Mine()\n")
    )
    return f"{path}:build"


def files(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if p.suffix != ".py" and p.name != "__pycache__")


@pytest.mark.cc
def test_a_user_s_own_file_becomes_a_bundle_for_a_chip(tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out.edgernn"
    report = export(mine(tmp_path, SMALL), "cortex-m4", "w8a8", out, say=said.append)
    assert files(tmp_path) == ["out.edgernn"]
    bundle = open_bundle(out)
    assert bundle.manifest["model"] == "mine"
    (row,) = bundle.manifest["steps"].values()
    assert [(a["backend"], a["target"]) for a in row["artifacts"]] == [
        *(("c", "cortex-m4"), ("c", "host"), ("onnx", "any"))
    ]
    assert [s["in"] for s in row["states"]] == ["rnn.h"]
    assert row["states"][0]["dtype"] == "int16"
    held = {check.what: check.result for check in report.checks}
    assert held["mine c w8a8 on cortex-m4 against host"] == "same bits"
    assert report.sizes["macs"] == 3 * 6 * (4 + 6) + 2 * 6
    assert 0 < report.sizes["flash_bytes"] < 20_000
    assert any(note.startswith("quantize: ") for note in report.notes)
    assert any(note.startswith("memory: ") for note in report.notes)
    assert any("ONNX Runtime against torch over 10,000 steps" in line for line in said)


@pytest.mark.cc
def test_calibration_and_bits_of_states_are_recorded_and_change_the_code(tmp_path: Path) -> None:
    name, out = mine(tmp_path, SMALL), tmp_path / "out.edgernn"
    sources = []
    for number_type, calibration in (("w8a8", "percentile"), ("w8a8", "mse"), ("w8a8-s8", "mse")):
        export(name, "host", number_type, out, calibration=calibration)
        bundle = open_bundle(out)
        assert bundle.manifest["calibration"] == calibration
        assert bundle.manifest["number_type"] == number_type
        (row,) = bundle.manifest["steps"].values()
        assert row["states"][0]["dtype"] == ("int8" if number_type == "w8a8-s8" else "int16")
        sources.append(bundle.read("mine/host/mine.c"))
    assert len(set(sources)) == 3
    export(name, "host", "fp32", out)
    assert open_bundle(out).manifest["calibration"] is None


@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
def test_gates_of_few_bits_are_held_to_a_tolerance_of_their_own(
    number_type: str, tmp_path: Path
) -> None:
    text = (
        SMALL.replace("return Seq", "net = Seq") + "    Activations(4).apply(net)\n    return net\n"
    )
    name = mine(tmp_path, f"from edgernn.compress.activations import Activations\n{text}")
    out = tmp_path / "out.edgernn"
    report = export(name, "host", number_type, out)
    assert any(f"mine c {number_type} on host against torch" in c.what for c in report.checks)
    (row,) = open_bundle(out).manifest["steps"].values()
    assert row["artifacts"][-1]["facts"]["tolerance"] == "fp32-held"
    floats = b"edgernn_rint_f32(" in open_bundle(out).read("mine/host/mine.c")
    assert floats == (number_type == "fp32")


@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
def test_exporting_twice_writes_the_same_bytes(number_type: str, tmp_path: Path) -> None:
    name = mine(tmp_path, SMALL)
    outs = [tmp_path / "one.edgernn", tmp_path / "two.edgernn"]
    for out in outs:
        export(name, "cortex-m3", number_type, out)
    assert outs[0].read_bytes() == outs[1].read_bytes()


@pytest.mark.cc
def test_a_slim_bundle_runs_and_is_verified_but_cannot_be_embedded(tmp_path: Path) -> None:
    name = mine(tmp_path, SMALL)
    whole, slim = tmp_path / "whole.edgernn", tmp_path / "slim.edgernn"
    export(name, "cortex-m3", "w8a8", whole)
    export(name, "cortex-m3", "w8a8", slim, slim=True)
    members = open_bundle(slim).members()
    assert members.items() < open_bundle(whole).members().items()
    assert {Path(member).suffix for member in members} == {".elf", ".h", ".npz"}
    assert slim.stat().st_size < 0.7 * whole.stat().st_size
    assert any(check.result.startswith("same bits") for check in verify(slim).checks)
    with pytest.raises(
        DataError, match=r"slim\.edgernn: is slim, without mine\.c; .* without --slim"
    ):
        step_files(open_bundle(slim), "cortex-m3")


@pytest.mark.cc
def test_golden_vectors_of_wide_steps_are_few(tmp_path: Path) -> None:
    out = tmp_path / "wide.edgernn"
    wide = SMALL.replace("Linear(6, 2)", "Linear(6, 6000)")
    export(mine(tmp_path, wide), "host", "fp32", out)
    golden = np.load(io.BytesIO(open_bundle(out).read("mine/golden.npz")))
    assert golden["out.y"].nbytes == 5 * 6000 * 4, "two of them are a quarter of a megabyte"
    export(mine(tmp_path, SMALL, "narrow"), "host", "fp32", out)
    golden = np.load(io.BytesIO(open_bundle(out).read("narrow/golden.npz")))
    assert len(golden["out.y"]) == 100


@pytest.mark.cc
@pytest.mark.parametrize("kind", BROKEN)
def test_a_step_that_breaks_the_law_or_the_compiler_leaves_nothing(
    kind: str, tmp_path: Path
) -> None:
    body, error, words = BROKEN[kind]
    with pytest.raises(error, match=words) as caught:
        export(mine(tmp_path, body, kind), "cortex-m4", "fp32", tmp_path / "out.edgernn")
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


@pytest.mark.cc
def test_a_model_too_large_for_its_chip_is_told_in_numbers(tmp_path: Path) -> None:
    body = "def build():\n    return Sequential(rnn=GRU(4, 200), out=Linear(200, 2))\n"
    with pytest.raises(DoesNotFit) as caught:
        export(mine(tmp_path, body), "cortex-m0", "fp32", tmp_path / "out.edgernn")
    text = str(caught.value)
    assert re.search(r"needs \d{3},\d{3} bytes of flash", text)
    assert "262,144" in text
    assert re.search(r"weights alone are about \d{3},\d{3} bytes", text)
    assert "try --number-type w8a8 (about 12" in text
    assert "cortex-m7" in text
    assert files(tmp_path) == []


def test_names_that_do_not_exist_are_refused_with_the_nearest(tmp_path: Path) -> None:
    out = tmp_path / "out.edgernn"
    for words, near in (
        (("kwz", "host", "fp32"), "model 'kwz'; did you mean kws"),
        (("kws", "cortex-m44", "fp32"), "target 'cortex-m44'; did you mean cortex-m4"),
        (("kws", "host", "w8a9"), "number type 'w8a9'; did you mean w8a8"),
    ):
        with pytest.raises(UnknownName, match=re.escape(near)):
            export(*words, out)
    assert files(tmp_path) == []


def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "missing" / "out.edgernn"):
        with pytest.raises(BundleError, match="not a file in an existing directory"):
            export("kws", "host", "fp32", out)


@pytest.mark.cc
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("np.zeros((1, 0, 4), np.float32)", "no example is as long as one block"),
        ("np.full((1, 80, 4), np.nan, np.float32)", "finite"),
        ("np.zeros((1, 80, 3), np.float32)", "4"),
        ("np.zeros((80, 4), np.float32)", r"examples\(\)"),
        ("'audio'", r"examples\(\)"),
    ],
)
def test_examples_that_cannot_be_used_are_refused(text: str, words: str, tmp_path: Path) -> None:
    body = SMALL + f"\ndef examples():\n    yield {text}\n"
    with pytest.raises((DataError, ShapeError, ContractError), match=words) as caught:
        export(mine(tmp_path, body), "host", "w8a8", tmp_path / "out.edgernn")
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


@pytest.mark.cc
def test_examples_of_doubles_and_steps_of_two_names_are_taken(tmp_path: Path) -> None:
    body = (
        "def build():\n    torch.manual_seed(0)\n"
        "    return {'encoder': GRU(4, 6), 'joiner': Linear(4, 3)}\n"
        "def examples():\n    yield np.sin(np.arange(320.0)).reshape(1, 80, 4)\n"
    )
    out = tmp_path / "out.edgernn"
    export(mine(tmp_path, body), "host", "fp32", out)
    bundle = open_bundle(out)
    assert list(bundle.manifest["steps"]) == ["encoder", "joiner"]
    assert bundle.manifest["steps"]["joiner"]["states"] == []


@pytest.mark.cc
def test_explain_prints_passes_and_the_memory_plan(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from edgernn.cli import group

    words = ["export", mine(tmp_path, SMALL), "-t", "host", "-o", str(tmp_path / "o.edgernn")]
    plain, explained = (CliRunner().invoke(group, [*words, *more]) for more in ([], ["--explain"]))
    assert explained.exit_code == 0, explained.output
    assert "rnn.h 1x6 float32: made in place" in explained.stdout
    assert "bytes of values alive at action" in explained.stdout
    assert "made in place" not in plain.stdout
