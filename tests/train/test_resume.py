"""A training that is killed and resumed ends in the very bits of one that was not."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from edgernn.errors import CheckpointError
from edgernn.train import checkpoint as checkpoint_module
from edgernn.train.checkpoint import load_checkpoint, write_atomic
from edgernn.train.loop import train

TOY = Path(__file__).with_name("toy.py")
_spec = importlib.util.spec_from_file_location("toy_task", TOY)
assert _spec
assert _spec.loader
toy: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As the process that is killed: sums over several threads round otherwise."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The training without any interruption."""
    return train(toy.ToyTask(), tmp_path_factory.mktemp("straight") / "c.pt", quiet=True)


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def steps_done(path: Path) -> int:
    return int(load_checkpoint(path, recipe=toy.RECIPE.fingerprint())["step"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_killed_training_resumes_to_equal_bits(
    tmp_path: Path, straight: Any, number: signal.Signals
) -> None:
    path = tmp_path / "c.pt"
    process = subprocess.Popen(
        [sys.executable, str(TOY), str(path)],
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert 0 < steps_done(path) < toy.RECIPE.steps
    assert process.returncode != 0
    resumed = train(toy.ToyTask(), path, resume=True, quiet=True)
    assert same(resumed.weights, straight.weights)
    assert resumed.history == straight.history


def test_training_learns(straight: Any) -> None:
    assert [row["step"] for row in straight.history] == [10, 20, 30, 40]
    assert straight.history[-1]["loss"] < straight.history[0]["loss"]


def test_another_seed_gives_other_weights(tmp_path: Path, straight: Any) -> None:
    other = train(toy.ToyTask(replace(toy.RECIPE, seed=2)), tmp_path / "c.pt", quiet=True)
    assert not same(other.weights, straight.weights)


def test_resuming_with_another_recipe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    train(toy.ToyTask(toy.RECIPE.with_steps(2)), path, quiet=True)
    with pytest.raises(CheckpointError, match="belongs to another recipe"):
        train(toy.ToyTask(), path, resume=True, quiet=True)


def test_resuming_from_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint to resume from"):
        train(toy.ToyTask(), tmp_path / "c.pt", resume=True, quiet=True)


def test_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    train(toy.ToyTask(toy.RECIPE.with_steps(2)), path, quiet=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(CheckpointError, match="damaged"):
        train(toy.ToyTask(toy.RECIPE.with_steps(2)), path, resume=True, quiet=True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_full_disk_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.pt"
    train(toy.ToyTask(toy.RECIPE.with_steps(2)), path, quiet=True)
    before = path.read_bytes()

    def full(**_: Any) -> tuple[int, str]:
        return os.open("/dev/full", os.O_WRONLY), str(tmp_path / "temporary")

    monkeypatch.setattr(checkpoint_module.tempfile, "mkstemp", full)
    with pytest.raises(CheckpointError, match=r"No space left on device.*is intact"):
        train(toy.ToyTask(toy.RECIPE.with_steps(2)), path, quiet=True)
    assert path.read_bytes() == before


def test_interrupted_write_leaves_no_file_behind(tmp_path: Path) -> None:
    def interrupted(file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "c.pt", interrupted)
    assert list(tmp_path.iterdir()) == []
