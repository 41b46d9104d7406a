"""What options of training do for a keyboard: `python -m benchmarks.keyboard_training --data PATH`.

The keyboard's own recipe over fewer steps: as it is, and with each option alone, by the same seed.
Rows are the figures of the validation at the end; see docs/keyboards.md. A training that was
interrupted goes on from its checkpoint, and what is there is not trained again. `--write` puts the
table and the rows into docs/.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.document import table, write_section
from benchmarks.rows import Row, Rows
from benchmarks.trainings import OutOfTime, spent, trained
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.train.recipe import Recipe, read_recipe
from edgernn.train.run import HISTORY, own_recipe

PAGE, RESULTS = Path("docs/keyboards.md"), Path("docs/keyboard_training.json")
STEPS, CHECKS, CHECKPOINTS = 3000, 20, 30  # of a training, its validations and checkpoints
SELDOM = 10  # steps between them at least, of short trials too
HEAD = ("", "words right", "lines right", "clean words right", "completed", "core-minutes")
FIGURES = ("val_words", "val_sentences", "val_clean", "val_completions")


@dataclass(frozen=True, slots=True)
class Option:
    """What of the recipe is otherwise: keys of [train], and of [data]."""

    train: Mapping[str, Any]
    data: Mapping[str, Any]


OPTIONS = {
    "the recipe": Option({}, {}),
    "weight drop": Option({"weight_drop": 0.5}, {}),  # the paper's
    "NT-ASGD": Option(
        {
            "optimizer": "nt_asgd",
            "watch": "val_words",
            "learning_rate": 1.0,  # of 1, 3, 10, 30 the lowest loss at 60 steps of 12 sentences
            "grad_clip": 0.25,  # this and the decay are the paper's
            "weight_decay": 1.2e-6,
        },
        {},
    ),
    "smoothed labels": Option(  # half of what is smoothed stays with the word itself; not tuned
        {}, {"smoothing": {"alpha": 0.1, "temperature": 0.08, "vectors": "spelling"}}
    ),
}


def recipe(option: Option, steps: int) -> Recipe:
    """The keyboard's own, over so many steps."""
    own = read_recipe("keyboard", own_recipe(find_model("keyboard"))).with_steps(steps)
    return replace(
        own,
        validate_every=max(SELDOM, steps // CHECKS),
        checkpoint_every=max(SELDOM, steps // CHECKPOINTS),
        **option.train,
        data={**own.data, **option.data},
    )


def carried_out(data: Path, output: Path, rows: Rows, steps: int, deadline: float) -> None:
    """A row of each option that has none. Raises: OutOfTime."""
    for name, option in OPTIONS.items():
        if rows.get(name, str(steps)) is None:
            how = recipe(option, steps)
            folder = output / how.fingerprint()[:16]
            trained(find_model("keyboard"), how, data, folder, deadline)
            last = json.loads((folder / HISTORY).read_text())["rows"][-1]
            rows.note({"steps": steps, "cpu_s": spent(folder), **last}, name, str(steps))


def lines(rows: Rows, steps: int) -> list[str]:
    """The table of what is there; nothing without a row."""
    found = {name: row for name in OPTIONS if (row := rows.get(name, str(steps)))}
    return table(HEAD, [[name, *told(row)] for name, row in found.items()]) if found else []


def told(row: Row) -> list[str]:
    """The cells of a row."""
    return [*(f"{100 * row[name]:.1f}" for name in FIGURES), f"{row['cpu_s'] / 60:.1f}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keyboard_training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each training; {STEPS}")
    parser.add_argument("--minutes", type=float, help="stop behind the first checkpoint after that")
    parser.add_argument("--output", type=Path, default=Path("runs/keyboard_training"))
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = Rows(options.output / "rows.json", RESULTS)
    end = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    try:
        try:
            carried_out(options.data, options.output, rows, options.steps, end)
        except OutOfTime as over:
            print(over, file=sys.stderr)
        made = lines(rows, options.steps)
        print("\n".join(made))
        if options.write and made:
            write_section("keyboards training", made, PAGE)
            rows.write(RESULTS)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
