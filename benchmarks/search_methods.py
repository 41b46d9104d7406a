"""Search methods at equal evaluations: `python -m benchmarks.search_methods --data PATH kws=RUN`.

Every size of a trained supernet is judged once, by the validation and as a fresh network; what was
judged is kept, and the same command goes on. Then each method searches that table by 100 seeds with
so many evaluations, within half of the MACs and without a budget. Without a supernet it searches
the tables of docs/search_methods.json. `--write` puts tables and a picture into docs/.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.document import table, write_section
from benchmarks.figure import pyplot, saved
from benchmarks.search_tables import PARAMETERS, Table, judged, read_tables, write_tables
from edgernn.compress.budget import Budget
from edgernn.errors import DataError, EdgernnError
from edgernn.supernet.extract import COVARIANCE
from edgernn.supernet.search import METHODS, search
from edgernn.supernet.space import Choice

PAGE, RESULTS = Path("docs/supernet.md"), Path("docs/search_methods.json")
PICTURE = "search_methods.svg"
EVALUATIONS = (4, 8, 12, 16, 24, 32, 48)
SEEDS = 100
FORM = "TITLE=FOLDER[:DIMENSION=SIZES]"
RANKINGS = {"most parameters": PARAMETERS, "hidden covariance": COVARIANCE}
MARKERS = dict(zip((*METHODS, *RANKINGS), "os^Dv", strict=True))


@dataclass(frozen=True, slots=True)
class Row:
    """How well a method does with so many evaluations.

    regrets: by seed, how far its best lies from the best there is. fewest: evaluations of a seed.
    """

    table: str
    budget: str
    method: str
    evaluations: int
    fewest: int
    regrets: tuple[float, ...]

    @property
    def mean(self) -> float:
        return statistics.fmean(self.regrets)

    @property
    def error(self) -> float:
        """Standard error of the mean; 0 of what does not depend on a seed."""
        count = len(self.regrets)
        return statistics.stdev(self.regrets) / math.sqrt(count) if count > 1 else 0.0

    @property
    def found(self) -> float:
        """Share of the seeds that found the best."""
        return sum(regret == 0 for regret in self.regrets) / len(self.regrets)


def compared(made: Table, budget: Budget, seeds: int) -> Iterator[Row]:
    """All methods, for all numbers of evaluations that are fewer than the sizes that fit."""
    fit = [choice for choice in made.space if not budget.excess(made.of(choice))]
    best = min(made.losses(fit))
    for count in (one for one in EVALUATIONS if one < len(fit)):
        asked = {method: by_seed(method, made, budget, count, seeds) for method in METHODS}
        asked |= {name: [by_rank(fit, made, key, count)] for name, key in RANKINGS.items()}
        for method, losses in asked.items():
            regrets = tuple(min(one) - best for one in losses)
            yield Row(made.title, str(budget), method, count, min(map(len, losses)), regrets)


def by_seed(method: str, made: Table, budget: Budget, count: int, seeds: int) -> list[list[float]]:
    """The losses that each seed's search asked for."""

    def excess(choice: Choice) -> float:
        return budget.excess(made.of(choice))

    return [
        [loss for loss, _ in search(method, made.space, made.losses, excess, count, seed=seed)]
        for seed in range(seeds)
    ]


def by_rank(fit: Sequence[Choice], made: Table, column: str, count: int) -> list[float]:
    """The losses of those that a column puts first."""
    return made.losses(sorted(fit, key=lambda choice: -made.of(choice)[column])[:count])


def lines(made: Table, rows: Sequence[Row]) -> list[str]:
    """The tables of one supernet."""
    shown = [100 * abs(loss) for loss in made.losses(list(made.space))]
    alike = ", ".join(f"{made.alike(key):+.2f} {name}" for name, key in RANKINGS.items())
    text = [
        f"**{made.title}**, {len(made.space)} sizes, `{made.figure}` from {min(shown):.1f} to "
        f"{max(shown):.1f} %. Rank correlation with it, better taken as higher: {alike}."
    ]
    for budget in dict.fromkeys(row.budget for row in rows):
        some = [row for row in rows if row.budget == budget]
        counts = list(dict.fromkeys(row.evaluations for row in some))
        cells = {(row.method, row.evaluations): _cell(row) for row in some}
        body = [[name, *(cells[name, count] for count in counts)] for name in MARKERS]
        head = [budget or "no budget", *map(str, counts)]
        text += ["", *table(head, body)]
    return text


def _cell(row: Row) -> str:
    few = f", {row.fewest} asked" if row.fewest < row.evaluations else ""
    error = f" ± {100 * row.error:.2f}" if len(row.regrets) > 1 else ""
    return f"{100 * row.mean:.2f}{error} ({row.found:.0%}{few})"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Mean regret by evaluations, a panel a supernet and budget."""
    panels = list(dict.fromkeys((row.table, row.budget) for row in rows))
    figure, axes = pyplot().subplots(
        1, len(panels), figsize=(3 * len(panels), 3), squeeze=False, layout="constrained"
    )
    for axis, panel in zip(axes[0], panels, strict=True):
        for method, marker in MARKERS.items():
            line = [row for row in rows if (row.table, row.budget, row.method) == (*panel, method)]
            x, y = [row.evaluations for row in line], [100 * row.mean for row in line]
            bars = [100 * row.error for row in line]
            style = "-" if method in METHODS else ":"
            axis.errorbar(x, y, bars, label=method, marker=marker, markersize=3, linestyle=style)
        axis.set_title(f"{panel[0]}, {panel[1] or 'no budget'}", fontsize=8)
        axis.set_xlabel("evaluations")
        axis.grid(color="#eeeeee")
    axes[0][0].set_ylabel("mean regret, points")
    axes[0][0].legend()
    saved(figure, path)


def tables_of(named: Sequence[str], data: Path | None, output: Path) -> list[Table]:
    """Of trained supernets as in `FORM`; without any, those that are kept beside the page.

    Raises: DataError for another form, or without data; what `judged` raises.
    """
    if not named:
        return read_tables(RESULTS)
    if data is None:
        raise DataError("supernets are judged over data; give --data PATH")
    return [_judged(one, data, output) for one in named]


def _judged(text: str, data: Path, output: Path) -> Table:
    named, *fewer = (one.partition("=") for one in text.split(":"))
    title, _, folder = named
    only = {name: values.split(",") for name, _, values in fewer}
    if not title or not folder or not all(one.isdigit() for each in only.values() for one in each):
        raise DataError(f"{text!r}: need {FORM}, as kws=runs/fine:kernel=3,5")
    sizes = {name: [int(one) for one in each] for name, each in only.items()}
    return judged(title, folder, data, output / title, sizes)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.search_methods",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("supernets", nargs="*", metavar=FORM)
    parser.add_argument("--data", type=Path, help="as for `edgernn supernet list`")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--output", type=Path, default=Path("runs/search_methods"))
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    parser.add_argument("--json", action="store_true", help="all rows instead of tables")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        made = tables_of(options.supernets, options.data, options.output)
        every = [(one, budget) for one in made for budget in (Budget({}), one.half)]
        bar = track(every, "searching", console=Console(stderr=True))
        rows = [row for one, budget in bar for row in compared(one, budget, options.seeds)]
        text = [lines(one, [row for row in rows if row.table == one.title]) for one in made]
        shown = [line for part in text for line in (*part, "")][:-1]
        if options.write:
            write_tables(RESULTS, made)
            draw(rows, PAGE.with_name(PICTURE))
            write_section("search methods", [f"![Mean regret]({PICTURE})", "", *shown], PAGE)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps([asdict(row) for row in rows]) if options.json else "\n".join(shown))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
