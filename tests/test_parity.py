"""The parity matrix: green where all agree, red and exit code 1 where something does not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edgernn.backend import Array
from edgernn.cli import group
from edgernn.errors import ModelError, ToolError, UnknownName
from edgernn.export.onnx.program import OnnxProgram
from edgernn.exporting import steps_of
from edgernn.model import find_model
from edgernn.parity import GREEN, GREY, RED, Cell, parity
from edgernn.parity_page import page
from edgernn.streams import lengthened

NETWORKS = Path(__file__).parent / "plain" / "networks"


FORMS = ("fp32", "int8-dynamic", "int8", "int4")
OPTIONAL = {"litert": "ai_edge_quantizer", "tvm": "tvm"}
HERE = {"backends": ("onnx",), "targets": ("host",)}


def cells(*models: str, **how: Any) -> list[Cell]:
    return list(parity(models, frames=300, **how))


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


@pytest.mark.slow
@pytest.mark.cc
@pytest.mark.parametrize(
    "model", ["kws/tiny", *(f"{NETWORKS / name}.py:build" for name in ("tagger", "transformer"))]
)
def test_small_models_are_green_everywhere(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped one, and two plain networks; all of those are compiled in test_streamify.py."""
    if model != "kws/tiny":  # one model on the board is enough: its runtimes begin slowly there
        monkeypatch.delenv("EDGERNN_BOARD", raising=False)
    missing = [backend for backend, module in OPTIONAL.items() if find_spec(module) is None]
    found = cells(model, targets=("host", "aarch64", "wasm", "cortex-m4"))
    here = [(c.backend, c.number_type) for c in found if c.target == "host"]
    forms = {"c": ("fp32", "w8a8", "w4a8"), "onnx": FORMS, "litert": FORMS, "tvm": ("fp32",)}
    assert here == [(backend, t) for backend, types in forms.items() for t in types]
    assert not [cell for cell in found if cell.result == RED]
    for cell in found:
        absent = cell.target != "host" or cell.backend in missing
        assert cell.result == GREEN or (absent and cell.why), cell
        if cell.backend in missing:
            continue
        assert cell.bytes
    long = [cell for cell in found if cell.target == "host" and cell.backend not in missing]
    assert all(cell.frames == 300 and cell.rms is not None for cell in long)
    ours = [cell for cell in found if cell.backend == "c" and cell.target != "host"]
    assert all(cell.allowed == "same bits" for cell in ours)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime, whose numbers go astray as time goes by."""
    step = OnnxProgram.step

    def astray(self: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.at = getattr(self, "at", 0) + 1
        return {k: v * np.float32(1 + 1e-4 * self.at) for k, v in step(self, inputs).items()}

    monkeypatch.setattr(OnnxProgram, "step", astray)


@pytest.mark.usefixtures("wrong")
def test_what_drifts_is_red_and_says_from_where() -> None:
    (cell,) = cells("kws/tiny", number_types=("fp32",), **HERE)
    assert cell.result == RED
    assert "differs from torch from frame" in cell.why
    assert cell.first is not None
    assert cell.last is not None
    assert cell.last > 3 * cell.first


@pytest.mark.usefixtures("wrong")
def test_a_red_cell_ends_with_one_and_is_on_the_page(tmp_path: Path) -> None:
    out = tmp_path / "parity.html"
    words = ["parity", "kws/tiny", "--backend", "onnx", "--number-type", "fp32", "--frames", "300"]
    result = edgernn(*words, "--html", out)
    assert result.exit_code == 1
    assert "kws, onnx fp32, host: differs: kws y differs from torch from frame" in result.stdout
    assert '<td class="differs">differs</td>' in out.read_text()
    assert edgernn(*words, "--json").exit_code == 1


def test_the_documents_are_json_and_a_page_that_needs_nothing_else(tmp_path: Path) -> None:
    words = ["parity", "kws/tiny", "--backend", "onnx", "--number-type", "int4", "--frames", "100"]
    words += ["-t", "host"]
    result = edgernn(*words, "--json")
    (row,) = json.loads(result.stdout)
    assert (row["result"], row["frames"], row["number_type"]) == (GREEN, 100, "int4")
    cell = Cell(**row)
    text = page([cell, replace(cell, model="<b>", result=GREY, why="no emulator")], "a desk")
    assert "1 hold, 0 differ, 1 were not run" in text
    assert "&lt;b&gt;" in text
    assert '<td class="not">not run</td>' in text
    assert "http" not in text
    bad = edgernn(*words, "--html", tmp_path / "none" / "p.html")
    assert bad.exit_code == 2
    assert "not a file in an existing directory" in bad.output


def test_what_cannot_be_run_here_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ToolError("no runtime here")

    monkeypatch.setattr(OnnxProgram, "__init__", refused)
    (cell,) = cells("kws/tiny", number_types=("int4",), **HERE)
    assert (cell.result, cell.why) == (GREY, "no runtime here")


def test_of_a_wide_step_one_in_so_many_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cells("kws/tiny", number_types=("int8",), **HERE)[0]
    monkeypatch.setattr("edgernn.parity.KEPT_BYTES", 300 * 12 * 4 // 7 + 1)
    (thin,) = cells("kws/tiny", number_types=("int8",), **HERE)
    assert (thin.frames, thin.result) == (300, GREEN)
    assert thin.allowed.endswith("; one step in 7")
    assert thin.peak is not None
    assert whole.peak is not None
    assert 0 < thin.peak <= whole.peak * 1.3
    (source,) = steps_of(find_model("kws/tiny"), lambda line: None)
    frames = lengthened(source.frames, 1203)
    every, some = source.run(frames), source.run(frames, 7)
    np.testing.assert_array_equal(some.outputs["y"], every.outputs["y"][::7])


def test_a_number_type_that_nothing_makes_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown number type of onnx 'w8a8'"):
        cells("kws/tiny", backends=("onnx",), number_types=("w8a8",))


def test_an_onnx_file_has_no_torch_module_to_be_compared_with(tmp_path: Path) -> None:
    (tmp_path / "step.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match="is no torch module"):
        cells(str(tmp_path / "step.onnx"))
