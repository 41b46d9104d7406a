"""The parity matrix of shipped models and newcomers' networks: `python -m benchmarks.parity`.

What runs on this machine, over long streams, one row a model, backend and number type. Cells lie in
`runs/parity` as they come, and are not measured again but with `--again`. `--write` puts the table
into docs/backends.md. Exits with 1 where something differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.document import table, write_section
from edgernn.errors import EdgernnError
from edgernn.parity import FRAMES, RED, Cell, parity
from edgernn.parity_page import written

PAGE = Path("docs/backends.md")
MODELS = ("kws", "wakeword", "digits", "asr", "keyboard")
NETWORKS = Path("tests/plain/networks")
HEAD = ("peak", "rms", "first", "last", "same_answer", "task", "bytes")
TITLES = ("peak error", "rms", "first tenth", "last tenth", "same answer", "task", "bytes")


def names() -> list[str]:
    """Models, and files with a network each."""
    return [*MODELS, *map(str, sorted(NETWORKS.glob("[a-z]*.py")))]


def measured(
    model: str, frames: int, folder: Path, *, again: bool, data: Path | None
) -> list[Cell]:
    """Of this machine, from the folder if they are there. Raises: as `parity`."""
    path = folder / f"{Path(model).stem}-{frames}.json"
    if path.is_file() and not again:
        return [Cell(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    data = data if model in MODELS else None  # a newcomer's network has no task
    cells = list(parity([model], targets=("host",), frames=frames, data=data, say=print))
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps([asdict(cell) for cell in cells], indent=1)
    path.write_text(whole, encoding="utf-8")
    return cells


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
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    try:
        cells = [
            cell
            for name in names()
            for cell in measured(
                name, given.frames, given.output, again=given.again, data=given.data
            )
        ]
        made = lines_of(cells, given.frames)
        print("\n".join(made))
        if given.write:
            write_section("parity", made, PAGE)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return int(any(cell.result == RED for cell in cells))


if __name__ == "__main__":
    raise SystemExit(main())
