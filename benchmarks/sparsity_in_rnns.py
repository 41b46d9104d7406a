"""Sparse recurrent nets, pruned and by construction: `python -m benchmarks.sparsity_in_rnns`.

Reproduces Darji 2021, Investigating sparsity in recurrent neural networks (arXiv:2407.20601), on
Reber strings, and asks the same of a task that cannot be done without recurrent weights. Each run
ends as a line of a file and is not done again; `--write` puts tables and pictures into the page.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.document import write_section
from benchmarks.sequence_tasks import TASKS
from benchmarks.sparsity_runs import Row, Run, as_data, done, kept, pruning_runs, wiring_runs
from benchmarks.sparsity_tables import sections
from edgernn.errors import EdgernnError

PAGE = Path("docs/sparsity-in-rnns.md")
RESULTS = Path("runs/sparsity-in-rnns.jsonl")
QUICK_RESULTS = Path("runs/sparsity-in-rnns-quick.jsonl")
GRAPHS = 8  # of each family


def planned(options: argparse.Namespace) -> list[Run]:
    """What the options ask for."""
    runs: list[Run] = []
    if options.only != "wiring":
        runs += pruning_runs(options.task or ("reber", "shells"), options.seeds, options.quick)
    if options.only != "pruning":
        runs += wiring_runs(options.graphs, options.thesis_graphs, options.quick)
    return runs


def carried_out(runs: Sequence[Run], path: Path) -> list[Row]:
    """The row of each run; those that the file lacks are done, under a bar."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    rows = []
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(runs))
        for run in runs:
            progress.update(bar, description=f"{run.kind} {run.task} {run.cell}")
            known = [row for row in kept(path) if row["run"] == as_data(run)]
            rows.append(known[0] if known else done(run, path))
            progress.advance(bar)
    return rows


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("pruning", "wiring"), help="one of the two parts")
    parser.add_argument("--task", choices=[*TASKS], action="append", help="to prune; repeat it")
    parser.add_argument("--seeds", type=int, default=3, help="of each pruned net")
    parser.add_argument("--graphs", type=int, default=GRAPHS, help="of each family")
    parser.add_argument("--thesis-graphs", type=int, default=4, help="in the thesis's form too")
    parser.add_argument("--results", type=Path, help=f"lines of finished runs; {RESULTS}")
    parser.add_argument("--quick", action="store_true", help="tiny runs, to see that it works")
    parser.add_argument("--json", action="store_true", help="rows as JSON instead of tables")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}, with pictures")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.graphs, options.thesis_graphs = 1, min(options.graphs, 2), 1
        if options.write:
            parser.error("--quick is not for the page")
    return options


def main() -> None:
    """Do what is not done yet, tell, write."""
    options = arguments()
    path = options.results or (QUICK_RESULTS if options.quick else RESULTS)
    rows = carried_out(planned(options), path)
    made = sections(rows)
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print("\n\n".join("\n".join(lines) for lines in made.values()))
        print(f"\n{len(rows)} runs, {sum(row['cpu_s'] for row in rows) / 60:.0f} minutes of CPU")
    if options.write:
        from benchmarks.sparsity_plots import draw

        draw(rows)
        for name, lines in made.items():
            write_section(name, lines, PAGE)


if __name__ == "__main__":
    try:
        main()
    except EdgernnError as error:
        sys.exit(f"error: {error}")
