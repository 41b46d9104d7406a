"""Train once, deploy many, on AN4: `python -m benchmarks.todm --data PATH --only sizes`.

Repeats on one recogniser what TODM (arXiv:2309.01947) claims; see docs/todm.md. A training that was
interrupted goes on from its checkpoint, and what is judged is not judged again: the same command
goes on. `--jobs 2` trains two at a time. `--minutes 0` only tells what there is. `--write` puts
results, tables and pictures into docs/.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import todm_tables
from benchmarks.document import write_section
from benchmarks.todm_plan import PARTS, base, planned
from benchmarks.todm_runs import Bench, Rows
from benchmarks.todm_tables import Found
from benchmarks.todm_targets import sized, targets
from benchmarks.trainings import OutOfTime
from edgernn.errors import EdgernnError

PAGE, RESULTS = Path("docs/todm.md"), Path("docs/todm.json")
TARGETS = "targets"
SECTIONS = {
    "sizes": todm_tables.sizes,
    "ablation": todm_tables.ablation,
    "families": todm_tables.families,
    TARGETS: todm_tables.targets,
}


def carried_out(
    parts: Sequence[str], bench: Bench, seeds: int, steps: int | None, jobs: int
) -> None:
    """All that is not done yet. Raises: OutOfTime."""
    trained = [part for part in parts if part in PARTS]
    left = [one for one in planned(trained, seeds, steps) if bench.left(one)]
    for one in bench.side_by_side(left, jobs) if jobs > 1 else left:
        bench.judged(one)
    if "families" in parts:
        for one in PARTS["families"](base(1, steps)):
            sized(bench, one.key)
    if TARGETS in parts:
        targets(bench, steps)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.todm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with an4_mfcc13.npz")
    parser.add_argument("--only", choices=list(SECTIONS), help="one part")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each training, for a trial")
    parser.add_argument("--minutes", type=float, help="stop behind the first checkpoint after that")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time; 1")
    parser.add_argument("--output", type=Path, default=Path("runs/todm"))
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    parser.add_argument("--json", action="store_true", help="all rows instead of tables")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    parts = [options.only] if options.only else list(SECTIONS)
    rows = Rows(options.output / "rows.json", RESULTS)
    end = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    bench = Bench(options.data, options.output, rows, end, quiet=options.json)
    try:
        try:
            carried_out(parts, bench, options.seeds, options.steps, options.jobs)
        except OutOfTime as over:
            print(over, file=sys.stderr)
        found = Found(rows, options.seeds, options.steps)
        made = {part: SECTIONS[part](found) for part in parts}
        if options.write:
            written(made, found)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(rows.found, indent=1))
    else:
        print("\n\n".join("\n".join([f"## {part}", *lines]) for part, lines in made.items()))
    return 0


def written(made: dict[str, list[str]], found: Found) -> None:
    """Tables and pictures into the page, rows beside it."""
    from benchmarks.todm_plots import draw

    drawn = draw(found, made, PAGE.parent)
    for part, lines in made.items():
        pictures = [f"![{part}]({drawn[part].name})"] if part in drawn else []
        if lines:
            write_section(f"todm {part}", [*pictures, "", *lines], PAGE)
    found.rows.write(RESULTS)


if __name__ == "__main__":
    raise SystemExit(main())
