"""The code in the protocol pages runs as it is printed."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import edgernn.cells
import edgernn.layers
from edgernn.compress.low_rank import LowRank
from edgernn.compress.matrices import matrices
from edgernn.compress.permute import Permute
from edgernn.compress.units import Units
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming, example_input


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def cell(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The file that docs/add-a-cell.md tells its reader to save, in a folder beside the cells."""
    (code,) = (b for b in blocks(root / "docs/add-a-cell.md") if "EXAMPLES" in b)
    (tmp_path / "mgu.py").write_text(code)
    monkeypatch.setattr(edgernn.cells, "__path__", [*edgernn.cells.__path__, str(tmp_path)])
    yield importlib.import_module("edgernn.cells.mgu")
    del sys.modules["edgernn.cells.mgu"]
    del edgernn.cells.mgu


@pytest.fixture
def layer(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The file that docs/add-a-layer.md tells its reader to save, in a folder beside the layers."""
    (code,) = blocks(root / "docs/add-a-layer.md")
    (tmp_path / "preemphasis.py").write_text(code)
    monkeypatch.setattr(edgernn.layers, "__path__", [*edgernn.layers.__path__, str(tmp_path)])
    yield importlib.import_module("edgernn.layers.preemphasis")
    del sys.modules["edgernn.layers.preemphasis"]
    del edgernn.layers.preemphasis


def test_the_layer_of_the_docs_is_found_and_obeys_the_law(layer: ModuleType) -> None:
    names = {m.name for m in pkgutil.iter_modules(edgernn.layers.__path__)}
    assert {"conv", "preemphasis"} <= names
    for example in layer.EXAMPLES.values():
        built = example.build()
        check_streaming(built, example_input(built, example))


def test_the_cell_of_the_docs_is_found_by_its_file(cell: ModuleType) -> None:
    assert {"gru", "mgu"} <= {m.name for m in pkgutil.iter_modules(edgernn.cells.__path__)}


def test_the_cell_of_the_docs_obeys_the_law(cell: ModuleType) -> None:
    assert set(cell.EXAMPLES) == {"mgu"}
    for example in cell.EXAMPLES.values():
        layer = example.build()
        assert isinstance(layer, Streaming)
        check_streaming(layer, example_input(layer, example))


def test_the_cell_of_the_docs_is_compressed_like_any_other(cell: ModuleType) -> None:
    net = Sequential(rnn=cell.MGU(8, 32), head=Linear(32, 4))
    assert [m.kind for m in matrices(net)] == ["input", "recurrent", "linear"]
    Units({"rnn": 24}).apply(net)
    assert net.layers["rnn"].weight_hh.shape == (48, 24)
    LowRank({"recurrent": 8, "input": 3}).apply(net)
    x = torch.randn(2, 9, 8)
    before = net(x)
    Permute("8x4", 0.5, only=("rnn",)).apply(net)
    torch.testing.assert_close(net(x), before)
    check_streaming(net, x)


def test_the_short_check_of_the_docs_runs(cell: ModuleType, root: Path) -> None:
    (code,) = (b for b in blocks(root / "docs/add-a-cell.md") if "EXAMPLES" not in b)
    exec(code, {"MGU": cell.MGU})


def test_the_worked_example_of_the_protocol_runs(root: Path) -> None:
    (code,) = (b for b in blocks(root / "docs/protocol.md") if "import torch" in b)
    names: dict[str, object] = {}
    exec(code, names)
    assert "aligned" in names


def test_the_step_graph_page_runs_and_prints_what_it_says(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = root / "docs/step-graph.md"
    names: dict[str, object] = {}
    for code in blocks(page):
        exec(code, names)
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    (printed,) = (text for language, text in fences if not language)
    assert capsys.readouterr().out == printed


@pytest.mark.cc
@pytest.mark.usefixtures("whole_road")
def test_the_page_on_models_made_elsewhere_runs_and_prints_what_it_says(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = root / "docs/any-model.md"
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for code in blocks(page):
        exec(code, names)
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    _, printed = (text for language, text in fences if not language)
    assert capsys.readouterr().out == printed


def test_the_page_on_models_made_elsewhere_names_conventions_that_hold(root: Path) -> None:
    from edgernn.graph.state_names import known_pairs

    page = (root / "docs/any-model.md").read_text()
    rows = re.findall(r"^\| (`.*?) \| (`.*?) \|.*\|$", page, re.MULTILINE)
    assert len(rows) >= 6
    for given, made in rows:
        outputs = re.findall("`(.*?)`", made)
        for name in re.findall("`(.*?)`", given):
            assert any(known_pairs([name], [out], {}) for out in outputs), name
        for out in outputs:
            names = re.findall("`(.*?)`", given)
            assert any(known_pairs([name], [out], {}) for name in names), out


def test_the_compression_page_runs_and_prints_what_it_says(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (root / "docs/compression.md").read_text()
    found = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert len(found) == len(blocks(root / "docs/compression.md")) >= 5
    for code, printed in found:
        exec(code, {})
        assert capsys.readouterr().out == printed
