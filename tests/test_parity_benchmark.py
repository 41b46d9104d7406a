"""The benchmark's parity matrix: what is known is not measured again, unless it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import parity as benchmark
from benchmarks.rows import Rows
from edgernn.parity import FRAMES, GREEN, Cell, types_of
from edgernn.parity_task import STEPS, TORCH

Asked = list[tuple[str, Any, Any]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What was measured: (what, number types by backend, the figure compared with)."""
    calls: Asked = []

    def streams(models: list[str], backends: Any, **_: Any) -> list[Cell]:
        calls.append(("streams", backends, None))
        types = [(b, t) for b, found in backends.items() for t in found]
        return [Cell(models[0], step, *of, "host", GREEN) for step in ("b", "a") for of in types]

    def tasks(name: str, wanted: Any, data: Path, say: Any, truth: Any) -> list[Cell]:
        calls.append(("task", wanted, truth))
        types = [(b, t) for b, found in wanted.items() for t in found]
        first = [(TORCH, "fp32")] if truth is None else []
        return [Cell(name, STEPS, *of, "host", GREEN, task=0.9) for of in (*first, *types)]

    monkeypatch.setattr(benchmark, "parity", streams)
    monkeypatch.setattr(benchmark, "task_cells", tasks)
    return calls


def test_what_is_known_is_measured_again_only_where_a_pattern_asks(
    asked: Asked, tmp_path: Path
) -> None:
    def measure(*again: str) -> list[Cell]:
        asked.clear()
        rows = Rows(tmp_path / "rows.json")  # as a second run would find them
        benchmark.measure("kws", rows, 10, again, tmp_path)
        return benchmark.cells_of("kws", rows)

    whole = measure()
    assert asked == [("streams", types_of(), None), ("task", types_of(), None)]
    assert list(dict.fromkeys(cell.step for cell in whole)) == ["b", "a", STEPS]
    assert next(cell.backend for cell in whole if cell.step == STEPS) == TORCH
    assert measure() == whole
    assert not asked
    some = {"onnx": ["int8-dynamic", "int8"]}
    assert measure("kws onnx int8*", "wakeword * *") == whole
    assert asked == [("streams", some, None), ("task", some, 0.9)]
    measure("kws torch fp32", "kws tvm *")
    assert asked[1] == ("task", {"tvm": ["fp32"]}, None)


def test_the_table_is_what_was_measured_of_every_model_and_form() -> None:
    rows = Rows(benchmark.RESULTS)
    known = {model: benchmark.cells_of(model, rows) for model in benchmark.names()}
    assert not [model for model, cells in known.items() if benchmark.lacking(model, cells, ())]
    every = [cell for cells in known.values() for cell in cells]
    page = benchmark.PAGE.read_text(encoding="utf-8")
    assert "\n".join(benchmark.lines_of(every, FRAMES)) in page
