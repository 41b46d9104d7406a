"""The task's figure in the matrix: torch first, then each backend, red where too much is lost."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgernn import parity_task
from edgernn.cli import group
from edgernn.errors import ToolError
from edgernn.models.kws import evaluate as spotting
from edgernn.parity import GREEN, GREY, RED, Cell
from edgernn.parity_task import STEPS, task_cells

WANTED = {"onnx": ("fp32", "int4")}


def run(how: SimpleNamespace, **wanted: Any) -> list[Cell]:
    return list(task_cells("kws/tiny", wanted or WANTED, Path(), lambda line: None))


@pytest.fixture
def how(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A task that listens to some noise: the share of frames whose answer is torch's."""
    sound = np.random.default_rng(0).standard_normal(320 * 40).astype(np.float32)
    truth: list[np.ndarray[Any, Any]] = []

    def task(hear: Any, data: Path) -> tuple[str, float]:
        answers = hear(sound).argmax(axis=1)
        truth[:] = truth or [answers]
        return "frames alike", float(np.mean(answers == truth[0])) - made.lost.pop(0)

    made = SimpleNamespace(
        task=task,
        from_network=spotting.from_network,
        from_session=spotting.from_session,
        lost=[0.0, 0.0, 0.0],
    )
    monkeypatch.setattr(parity_task, "part_of", lambda model, part: made)
    return made


def test_torch_is_told_first_and_what_runs_after_it(how: SimpleNamespace) -> None:
    torch, floats, few = run(how)
    assert (torch.backend, torch.task, torch.result) == ("torch", 1.0, GREEN)
    assert (floats.backend, floats.number_type, floats.task) == ("onnx", "fp32", 1.0)
    assert (few.number_type, few.step, few.result) == ("int4", STEPS, GREEN)
    assert few.bytes is not None
    assert floats.bytes is not None
    assert few.bytes < floats.bytes


def test_a_task_that_suffers_is_red(how: SimpleNamespace) -> None:
    how.lost[2] = 0.2
    *_, few = run(how)
    assert few.result == RED
    assert "below 100.0%" in few.why


def test_without_torch_the_first_that_runs_is_the_measure(how: SimpleNamespace) -> None:
    del how.from_network
    how.lost[1] = 0.2
    first, second = run(how)
    assert (first.number_type, first.result) == ("fp32", GREEN)
    assert second.result == RED


def test_what_cannot_be_made_says_why(
    how: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ToolError("no compiler")

    monkeypatch.setattr(parity_task, "export", refuse)
    torch, *others = run(how)
    assert torch.result == GREEN
    assert {(cell.result, cell.why) for cell in others} == {(GREY, "no compiler")}


def test_data_that_is_not_there_is_refused(tmp_path: Path) -> None:
    words = ["parity", "kws", "--data", str(tmp_path / "none")]
    result = CliRunner().invoke(group, words, prog_name="edgernn")
    assert result.exit_code == 2
    assert "no such directory; --data takes the one with the archives" in result.output


@pytest.mark.parametrize("name", ["kws", "wakeword", "digits", "asr", "keyboard"])
def test_every_shipped_model_has_a_task(name: str) -> None:
    from edgernn.card import part_of
    from edgernn.model import find_model

    assert callable(part_of(find_model(name), "evaluate").task)
