"""What a model is for, measured with all its steps as each backend makes them, beside torch."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgernn.card import one_or_all, part_of, sessions_of
from edgernn.errors import EdgernnError
from edgernn.exporting import export
from edgernn.model import find_model
from edgernn.parity import GREEN, GREY, RED, Cell, Say, Types

STEPS = "all steps"
LOST = 0.05  # of the task's figure, that a number type may cost; our choice, above what noise does
TORCH = "torch"


def task_cells(
    name: str, wanted: Types, data: Path, say: Say, truth: float | None = None
) -> Iterator[Cell]:
    """Torch first where it is measured, then each backend's number types, from bundles as exported.

    A model whose torch steps are not measured is compared with the first cell.
    truth: the figure that all are compared with, where it is known already.
    """
    model = find_model(name)
    evaluate = part_of(model, "evaluate")
    blank = Cell(name, STEPS, TORCH, "fp32", "host", GREY)
    if truth is None and hasattr(evaluate, "from_network"):
        say(f"{name}: the task by torch")
        what, truth = evaluate.task(evaluate.from_network(one_or_all(model.steps())), data)
        yield _told(blank, what, truth, truth)
    for backend, number_types in wanted.items():
        for number_type in number_types:
            cell = replace(blank, backend=backend, number_type=number_type)
            say(f"{name}: the task by {backend} {number_type}")
            try:
                what, figure, size = _measured(evaluate, cell, data)
            except EdgernnError as cause:
                yield replace(cell, why=str(cause))
                continue
            truth = figure if truth is None else truth
            yield _told(replace(cell, bytes=size), what, figure, truth)


def _measured(evaluate: Any, cell: Cell, data: Path) -> tuple[str, float, int]:
    """The task's name and figure by a bundle, and the bytes of what runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.edgernn"
        export(cell.model, cell.target, cell.number_type, path, backend=cell.backend)
        sessions, _ = sessions_of(path)
        name, figure = evaluate.task(evaluate.from_session(one_or_all(sessions)), data)
        mains = [one.bundle.read(one.artifact["main"]) for one in sessions.values()]
        return name, figure, sum(map(len, mains))


def _told(cell: Cell, what: str, figure: float, truth: float) -> Cell:
    lost = truth - figure
    why = "" if lost <= LOST else f"{what} {figure:.1%}, {lost:.1%} below {truth:.1%}"
    return replace(
        cell,
        task=figure,
        allowed=f"{what}, -{LOST:.0%}",
        result=RED if why else GREEN,
        why=why,
    )
