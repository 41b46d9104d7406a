"""What options of training do for a keyboard: `python -m benchmarks.keyboard_training --data PATH`.

The keyboard's own recipe over fewer steps: without options, with each alone, and as it is; on a
share of the texts over more steps; all by the same seed; and the shipped weights. Rows are the
figures of the validation at the end, and those on the way there; see docs/keyboards.md. A training
that was interrupted goes on from its checkpoint, and what is there is not trained again. `--write`
puts the table, the picture and the rows into docs/.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.document import table, write_section
from benchmarks.figure import pyplot, saved
from benchmarks.rows import Row, Rows, digest
from benchmarks.trainings import OutOfTime, spent, trained
from edgernn.errors import DataError, EdgernnError
from edgernn.model import find_model, load_weights
from edgernn.train.recipe import Recipe, read_recipe
from edgernn.train.run import HISTORY, WEIGHTS, find_task, own_recipe

PAGE, RESULTS = Path("docs/keyboards.md"), Path("docs/keyboard_training.json")
PICTURE = "keyboards-training.svg"
STEPS, CHECKS, CHECKPOINTS = 2000, 20, 30  # of a training, its validations and checkpoints
LONGER = 2  # times as many steps for the shares of the texts
SELDOM = 10  # steps between them at least, of short trials too
HEAD = ("", "words right", "lines right", "clean words right", "completed", "core-minutes")
SHIPPED = "as shipped"
FIGURES = ("val_words", "val_sentences", "val_clean", "val_completions")
DRAWN = {"val_words": "words right, %", "val_completions": "completed, %"}


@dataclass(frozen=True, slots=True)
class Option:
    """What of the recipe is otherwise: keys of [train], and of [data]."""

    train: Mapping[str, Any]
    data: Mapping[str, Any]


PLAIN = {"foretold": 0, "spelled": False}  # the recipe's own options, which others do without
OPTIONS = {
    "no option": Option({}, PLAIN),
    "weight drop": Option({"weight_drop": 0.5}, PLAIN),  # the paper's
    "NT-ASGD": Option(
        {
            "optimizer": "nt_asgd",
            "watch": "val_words",
            "learning_rate": 1.0,  # of 1, 3, 10, 30 the lowest loss at 60 steps of 12 sentences
            "grad_clip": 0.25,  # this and the decay are the paper's
            "weight_decay": 1.2e-6,
        },
        PLAIN,
    ),
    "smoothed labels": Option(  # half of what is smoothed stays with the word itself; not tuned
        {}, {**PLAIN, "smoothing": {"alpha": 0.1, "temperature": 0.08, "vectors": "spelling"}}
    ),
    "words foretold": Option({}, {**PLAIN, "foretold": 256}),
    "spelled alike": Option({}, {**PLAIN, "spelled": True}),
    "the recipe": Option({}, {}),
}
SHARES = {  # the recipe, on so much of the texts
    "a sixteenth of the texts": 1 / 16,
    "a quarter of the texts": 1 / 4,
    "all of the texts": 1.0,
}


def recipe(option: Option, steps: int) -> Recipe:
    """The keyboard's own, over so many steps."""
    own = _own()
    return replace(
        own.with_steps(steps),
        validate_every=max(SELDOM, steps // CHECKS),
        checkpoint_every=max(SELDOM, steps // CHECKPOINTS),
        **option.train,
        data={**own.data, **option.data},
    )


def _own() -> Recipe:
    return read_recipe("keyboard", own_recipe(find_model("keyboard")))


def plan(steps: int, only: Sequence[str] = ()) -> list[tuple[str, Recipe]]:
    """Options, then shares of the texts over LONGER as many steps."""
    every = {name: recipe(option, steps) for name, option in OPTIONS.items()}
    for name, share in SHARES.items():
        every[name] = recipe(Option({}, {"share": share}), LONGER * steps)
    return [(name, how) for name, how in every.items() if not only or name in only]


def carried_out(
    data: Path, output: Path, rows: Rows, wanted: Sequence[tuple[str, Recipe]], deadline: float
) -> None:
    """A row of each that has none. Raises: OutOfTime."""
    for name, how in wanted:
        steps = how.steps
        if rows.get(name, str(steps)) is None:
            folder = output / how.fingerprint()[:16]
            trained(find_model("keyboard"), how, data, folder, deadline)
            history = history_of(folder / HISTORY)
            row = {"steps": steps, "cpu_s": spent(folder), **history[-1], "curve": curve(history)}
            rows.note(row, name, str(steps))


def history_of(path: Path) -> list[Row]:
    """The validations of a training. Raises: DataError for another file."""
    try:
        rows: list[Row] = json.loads(path.read_bytes())["rows"]
        if not curve(rows):
            raise DataError(f"{path}: no validation")
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise DataError(f"{path}: is no history of a keyboard's training: {cause}") from cause
    return rows


def curve(history: Sequence[Row]) -> list[list[float]]:
    """Steps with what is drawn."""
    return [[row[one] for one in ("step", *DRAWN)] for row in history]


def shipped(data: Path, rows: Rows, history: Path | None) -> None:
    """A row of the shipped weights, if these have none; history: of the training they are from."""
    model, how = find_model("keyboard"), _own()
    assert model.folder is not None
    weights = model.folder / WEIGHTS
    whose = digest(weights)
    if (rows.get(SHIPPED) or {}).get("weights") != whose:
        task = find_task(model)(how, data)
        network = task.build()
        load_weights({"": network}, weights)
        with torch.no_grad():
            figures = task.validate(network.eval())
        rows.note({"weights": whose, "steps": how.steps, **figures}, SHIPPED)
    if history:
        row = rows.get(SHIPPED) or {}
        rows.note({**row, "curve": curve(history_of(history))}, SHIPPED)


def lines(rows: Rows, steps: int) -> list[str]:
    """The table of what is there; nothing without a row."""
    found = there(rows, OPTIONS, steps)
    titled = dict(found)
    for name, row in there(rows, SHARES, LONGER * steps).items():
        titled[f"{name}, {LONGER * steps:,} steps"] = row
    if found and (final := rows.get(SHIPPED)):
        titled[f"{SHIPPED}, {final['steps']:,} steps"] = final
    made = table(HEAD, [[name, *told(row)] for name, row in titled.items()])
    return [*made, "", f"![by steps and by texts]({PICTURE})"] if found else []


def there(rows: Rows, names: Iterable[str], steps: int) -> dict[str, Row]:
    """The row of each that has one."""
    return {name: row for name in names if (row := rows.get(name, str(steps)))}


def told(row: Row) -> list[str]:
    """The cells of a row."""
    minutes = f"{row['cpu_s'] / 60:.1f}" if "cpu_s" in row else ""
    return [*(f"{100 * row[name]:.1f}" for name in FIGURES), minutes]


def draw(rows: Rows, steps: int, folder: Path) -> None:
    """Above: each option and what is shipped, by steps; below: the recipe by its share of texts."""
    found, shared = there(rows, OPTIONS, steps), there(rows, SHARES, LONGER * steps)
    figure, axes = pyplot().subplots(2, len(DRAWN), figsize=(9, 6.5))
    for column, (name, title) in enumerate(DRAWN.items(), 1):
        by_steps, by_share = axes[:, column - 1]
        for option, row in {**found, SHIPPED: rows.get(SHIPPED) or {}}.items():
            points = [(point[0], 100 * point[column]) for point in row.get("curve", ())]
            if points:
                by_steps.plot(*zip(*points, strict=True), label=option, linewidth=1)
        by_steps.set_xscale("log")
        points = [(100 * SHARES[of], 100 * row[name]) for of, row in shared.items()]
        if points:
            label = f"the recipe, {LONGER * steps:,} steps"
            by_share.plot(*zip(*points, strict=True), marker="o", label=label)
            by_share.legend()
        ticks = [100 * share for share in SHARES.values()]
        by_share.set_xscale("log", base=4)
        by_share.set_xticks(ticks, [f"{x:g}" for x in ticks])
        for axis, along in ((by_steps, "steps"), (by_share, "texts learnt from, %")):
            axis.set(xlabel=along, ylabel=title)
            axis.set_ylim(0, 100)
            axis.grid(color="#eeeeee")
    axes[0, 0].legend(loc="lower right")
    figure.tight_layout()
    saved(figure, folder / PICTURE)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.keyboard_training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the corpora")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of each training; {STEPS}")
    parser.add_argument("--only", nargs="*", choices=[*OPTIONS, *SHARES], default=[])
    parser.add_argument("--minutes", type=float, help="stop behind the first checkpoint after that")
    parser.add_argument("--output", type=Path, default=Path("runs/keyboard_training"))
    parser.add_argument("--history", type=Path, help=f"{HISTORY} of what is shipped, to draw")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = Rows(options.output / "rows.json", RESULTS)
    end = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    try:
        try:
            wanted = plan(options.steps, options.only)
            shipped(options.data, rows, options.history)
            carried_out(options.data, options.output, rows, wanted, end)
        except OutOfTime as over:
            print(over, file=sys.stderr)
        made = lines(rows, options.steps)
        print("\n".join(made))
        if options.write and made:
            write_section("keyboards training", made, PAGE)
            draw(rows, options.steps, PAGE.parent)
            rows.write(RESULTS)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
