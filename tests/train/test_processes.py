"""Two processes train as one does, resume as one does, and say so when one of them is lost."""

from __future__ import annotations

import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

from edgernn.errors import ToolError
from edgernn.train.loop import train, with_recipe
from edgernn.train.processes import ALONE, Processes, joined
from edgernn.train.recipe import RecipeError

from ..two import said, start_two, torchrun, wait_for
from .toy import RECIPE, ToyTask

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")


def toy(checkpoint: Path, *more: str) -> list[str]:
    return ["-m", "tests.train.toy", str(checkpoint), *more]


def running(checkpoint: Path) -> list[subprocess.Popen[str]]:
    """Two processes, once a checkpoint is there."""
    found = start_two(toy(checkpoint))
    wait_for(checkpoint)
    return found


def state(checkpoint: Path) -> dict[str, Any]:
    return dict(torch.load(checkpoint, weights_only=False))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes have trained."""
    checkpoint = tmp_path_factory.mktemp("two") / "a.pt"
    assert torchrun(toy(checkpoint)).returncode == 0
    return state(checkpoint)


def test_two_processes_learn_what_one_learns(whole: dict[str, Any], tmp_path: Path) -> None:
    """Each sees 16 of 32 points a step; dropout and the norms' statistics are a part's own."""
    alone = [
        train(ToyTask(replace(RECIPE, seed=seed)), tmp_path / f"{seed}.pt", quiet=True).history
        for seed in range(1, 6)
    ]
    losses = [history[-1]["loss"] for history in alone]
    last = whole["history"][-1]
    assert min(losses) - 0.05 < last["loss"] < max(losses) + 0.05
    assert last["val_accuracy"] > min(history[-1]["val_accuracy"] for history in alone) - 0.05


def test_a_killed_training_resumes_on_all_processes_to_the_same_bits(
    whole: dict[str, Any], tmp_path: Path
) -> None:
    cut = tmp_path / "cut.pt"
    for one in running(cut):
        one.send_signal(signal.SIGKILL)
        said(one)
    assert 0 < state(cut)["step"] < RECIPE.steps
    assert torchrun(toy(cut, "resume")).returncode == 0
    again = state(cut)
    for name, tensor in whole["average"].items():
        assert torch.equal(tensor, again["average"][name]), name


def test_ctrl_c_on_one_process_stops_all_after_the_same_step(tmp_path: Path) -> None:
    both = running(tmp_path / "a.pt")
    both[1].send_signal(signal.SIGINT)
    assert all("KeyboardInterrupt" in said(one) for one in both)
    assert 0 < state(tmp_path / "a.pt")["step"] < RECIPE.steps


def test_a_lost_process_is_told_of(tmp_path: Path) -> None:
    both = running(tmp_path / "a.pt")
    both[1].send_signal(signal.SIGKILL)
    assert "process 0 of 2: another was lost" in said(both[0])
    said(both[1])
    assert 0 < state(tmp_path / "a.pt")["step"] < RECIPE.steps


def test_an_error_within_is_no_lost_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("init_process_group", "barrier"):
        monkeypatch.setattr(distributed, name, lambda *_, **__: None)
    with pytest.raises(ToolError, match="no compiler"), joined(Processes(0, 2), CPU):
        raise ToolError("no compiler")  # a RuntimeError, as gloo's are


def test_gradients_of_parts_are_that_of_the_whole() -> None:
    """Without dropout and norms, equal parts average to the batch's gradient."""
    task = ToyTask()
    net = torch.nn.Linear(6, 2)
    whole = task.batch(0)
    task.loss(net(whole["x"]), whole)[0].backward()
    want = net.weight.grad.clone()  # type: ignore[union-attr]
    parts = []
    for half in (slice(0, 16), slice(16, 32)):
        net.zero_grad()
        part = {name: tensor[half] for name, tensor in whole.items()}
        task.loss(net(part["x"]), part)[0].backward()
        parts.append(net.weight.grad.clone())  # type: ignore[union-attr]
    torch.testing.assert_close(sum(parts) / 2, want)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(RecipeError, match="toy: batch_size 32 does not divide among 3 processes"):
        Processes(0, 3).share(RECIPE)
    assert with_recipe(ToyTask(), Processes(1, 4).share(RECIPE)).recipe.batch_size == 8
    assert ALONE.at(7) == 7
    assert [Processes(rank, 4).at(2) for rank in range(4)] == [8, 9, 10, 11]


EXPORTER = """
import weakref
import torch
from torch import distributed
from edgernn.train.processes import joined, processes

with joined(processes(), torch.device("cpu")):
    group = weakref.ref(distributed.distributed_c10d._get_default_group())
    import torch._dynamo
assert group() is None
"""


def test_a_group_ends_with_its_threads_though_the_exporter_was_loaded_within() -> None:
    """Threads that outlive it may abort the process while python ends."""
    both = start_two(["-c", EXPORTER])
    said = [one.communicate(timeout=240)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
