"""The parity matrix of shipped models and newcomers' networks: `python -m benchmarks.parity`.

What runs on this machine, over long streams, one row a model, backend and number type. What stands
in docs/parity.json, or was found since and lies in `runs/parity`, is not measured anew but with
`--again`, which takes patterns such as 'keyboard onnx int8' or '* c w4a8'. `--write` puts all into
docs/parity.json and the table into docs/backends.md. Exits with 1 where something differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

from benchmarks.document import table, write_section
from benchmarks.rows import Rows
from edgernn.errors import EdgernnError
from edgernn.parity import BACKENDS, FRAMES, RED, Cell, Types, parity, types_of
from edgernn.parity_page import written
from edgernn.parity_task import STEPS, TORCH, task_cells

PAGE, RESULTS = Path("docs/backends.md"), Path("docs/parity.json")
MODELS = ("kws", "wakeword", "digits", "asr", "keyboard")
NETWORKS = Path("tests/plain/networks")
HEAD = ("peak", "rms", "first", "last", "same_answer", "task", "bytes")
TITLES = ("peak error", "rms", "first tenth", "last tenth", "same answer", "task", "bytes")


def names() -> list[str]:
    """Models, and files with a network each."""
    return [*MODELS, *map(str, sorted(NETWORKS.glob("[a-z]*.py")))]


def cells_of(model: str, rows: Rows) -> list[Cell]:
    """What is known of a model: its steps one after the other, its task behind them."""
    known = [Cell(**row) for row in rows.found.values() if row["model"] == model]
    steps = list(dict.fromkeys(cell.step for cell in known))
    order = {backend: list(types) for backend, types in types_of().items()}

    def place(cell: Cell) -> tuple[bool, int, int, int]:
        first = cell.backend == TORCH
        types = ["fp32"] if first else order[cell.backend]
        backend = -1 if first else BACKENDS.index(cell.backend)
        at = types.index(cell.number_type)
        return cell.step == STEPS, steps.index(cell.step), backend, at

    return sorted(known, key=place)


def lacking(model: str, known: Iterable[Cell], again: Sequence[str]) -> Types:
    """What is not known, or shall be measured again."""
    there = {(cell.backend, cell.number_type) for cell in known}
    found = {
        backend: [
            one
            for one in types
            if (backend, one) not in there or _asked(model, backend, one, again)
        ]
        for backend, types in types_of().items()
    }
    return {backend: types for backend, types in found.items() if types}


def _asked(model: str, backend: str, number_type: str, again: Sequence[str]) -> bool:
    name = f"{Path(model).stem} {backend} {number_type}"
    return any(fnmatchcase(name, pattern) for pattern in again)


def _truth(tasks: Sequence[Cell], again: Sequence[str]) -> float | None:
    """The figure that the others of a task are compared with, if it need not be measured."""
    if not tasks or _asked(tasks[0].model, tasks[0].backend, tasks[0].number_type, again):
        return None
    return tasks[0].task


def measure(model: str, rows: Rows, frames: int, again: Sequence[str], data: Path | None) -> None:
    """What a model's rows lack. Raises: as `parity`."""
    known = cells_of(model, rows)
    wanted = lacking(model, (cell for cell in known if cell.step != STEPS), again)
    if wanted:
        _note(rows, parity([model], backends=wanted, targets=("host",), frames=frames, say=print))
    if data is None or model not in MODELS:  # a newcomer's network has no task
        return
    tasks = [cell for cell in known if cell.step == STEPS]
    wanted = lacking(model, tasks, again)
    if wanted:
        _note(rows, task_cells(model, wanted, data, print, _truth(tasks, again)))


def _note(rows: Rows, cells: Iterable[Cell]) -> None:
    """All of them once the last is there, so that none is taken for all."""
    for cell in list(cells):
        rows.note(asdict(cell), cell.model, cell.step, cell.backend, cell.number_type)


def lines_of(cells: Sequence[Cell], frames: int) -> list[str]:
    """The section: a table of all cells."""
    rows = []
    for cell in cells:
        name = Path(cell.model).stem
        where = name if cell.step in (name, cell.model.split("/")[0]) else f"{name}, {cell.step}"
        figures = [written(key, getattr(cell, key)) or "-" for key in HEAD]
        rows.append([where, f"`{cell.backend}`", f"`{cell.number_type}`", cell.result, *figures])
    return [
        f"{frames:,} steps here, `python -m benchmarks.parity --data PATH --write`:",
        "",
        *table(["", "backend", "number type", "", *TITLES], rows),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--data", type=Path, help="where the recordings are: the task too")
    parser.add_argument("--output", type=Path, default=Path("runs/parity"))
    parser.add_argument("--again", nargs="*", default=(), metavar="PATTERN")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    shipped = RESULTS if given.frames == FRAMES else None
    if given.write and shipped is None:
        parser.error(f"--write is for {FRAMES:,} frames, as all others there")
    rows = Rows(given.output / f"{given.frames}.json", shipped)
    try:
        for model in names():
            measure(model, rows, given.frames, given.again, given.data)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    cells = [cell for model in names() for cell in cells_of(model, rows)]
    made = lines_of(cells, given.frames)
    print("\n".join(made))
    if given.write:
        rows.write(RESULTS)
        write_section("parity", made, PAGE)
    return int(any(cell.result == RED for cell in cells))


if __name__ == "__main__":
    raise SystemExit(main())
