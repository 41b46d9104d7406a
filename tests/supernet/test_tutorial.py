"""Every command of the tutorial runs, here with two steps on made-up clips."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from edgernn.model import find_model
from edgernn.models.kws import LABELS
from edgernn.spotting.sources import COMMANDS
from edgernn.supernet import extract
from edgernn.train.recipe import read_recipe

from ..archives import make_archive
from .many import edgernn

PAGE = Path("docs/supernet-tutorial.md")
RECIPE = Path("benchmarks/recipes/kws_many.toml")


@pytest.fixture
def here(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which the commands find what they name."""
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name in ("benchmarks", "models"):
        Path(name).symlink_to(root / name)
    Path("PATH").mkdir()
    clips = [
        {"file": f"{i}.flac", "label": label, "speaker": f"s{i % 30}"}
        for i, label in enumerate(LABELS * 8)
    ]
    make_archive(Path("PATH") / COMMANDS, clips)
    return tmp_path


@pytest.mark.slow
@pytest.mark.cc
def test_every_command_runs(root: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = extract.measure_norms
    monkeypatch.setattr(extract, "measure_norms", lambda net, task: once(net, task, 1))
    commands = re.findall(r"^    edgernn (.*)$", (root / PAGE).read_text(), re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        more = ["--steps", "2"] if " train " in command else []
        found = edgernn(*shlex.split(command), *more)
        assert found.exit_code == 0, f"{command}: {found.output}"
    (best,) = find_model("runs/found/best").steps().values()
    assert best.get_submodule("rnn.rnn").hidden_size in (24, 48, 72, 96)


def test_the_page_shows_the_recipe_that_it_trains(root: Path) -> None:
    (shown,) = re.findall(r"```toml\n(.*?)```", (root / PAGE).read_text(), re.DOTALL)
    assert shown in (root / RECIPE).read_text()
    assert read_recipe("kws", root / RECIPE).supernet
