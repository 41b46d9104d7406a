"""Long trainings, gone on with where they stopped; what each cost in CPU time is kept beside it."""

from __future__ import annotations

import json
import time
from pathlib import Path

from torch import nn

from edgernn.errors import EdgernnError
from edgernn.model import Model
from edgernn.train.checkpoint import write_bytes
from edgernn.train.method import Method
from edgernn.train.recipe import Recipe
from edgernn.train.run import CHECKPOINT, WEIGHTS, find_task, run_recipe

COST = "cost.json"  # in a training's folder


class OutOfTime(EdgernnError):
    """The time given is over; what was begun goes on from its checkpoint."""


class Meter(Method):
    """Counts the CPU time of a training, over all its goings-on, and ends it in time."""

    def __init__(self, folder: Path, every: int, deadline: float, before: float) -> None:
        self.path, self.every, self.deadline = folder / COST, every, deadline
        self.before = before
        self.start, self.first = time.process_time(), True

    def before_step(self, network: nn.Module, step: int) -> None:
        """Raises: OutOfTime right behind a checkpoint."""
        if step % self.every or self.first:
            self.first = False
            return
        self.note()
        if time.monotonic() > self.deadline:
            raise OutOfTime(f"stopped at step {step}; the same command goes on")

    def note(self) -> None:
        """Keep what was spent so far."""
        cpu_s = round(self.before + time.process_time() - self.start, 2)
        write_bytes(self.path, json.dumps({"cpu_s": cpu_s}).encode())


def spent(folder: Path) -> float:
    """Seconds of CPU that a training has taken."""
    path = folder / COST
    return float(json.loads(path.read_text())["cpu_s"]) if path.is_file() else 0.0


def trained(
    model: Model, recipe: Recipe, data: Path, folder: Path, deadline: float, *, quiet: bool = False
) -> None:
    """Leave a finished training in the folder; what is left of it is done now.

    deadline: until when it may be begun or go on (`time.monotonic`). Raises: OutOfTime.
    """
    if (folder / WEIGHTS).is_file():
        return
    in_time(deadline)
    task = find_task(model)(recipe, data)
    resume = (folder / CHECKPOINT).is_file()
    meter = Meter(folder, recipe.checkpoint_every, deadline, spent(folder) if resume else 0.0)
    try:
        run_recipe(model, task, folder, beside=[meter], resume=resume, device="cpu", quiet=quiet)
    finally:
        meter.note()


def in_time(deadline: float) -> None:
    """Raises: OutOfTime."""
    if time.monotonic() > deadline:
        raise OutOfTime("the time is over; the same command goes on")
