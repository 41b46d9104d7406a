"""Every recurrent unit measured side by side: what docs/cells.md shows.

    python -m benchmarks.zoo --only training steps [--units gru mingru] [--write]
    python -m benchmarks.zoo --data PATH --only chars words --minutes 60

    units     what each is and weighs, as `edgernn cells` tells it
    training  a training step of whole sequences beside the same frame by frame
    steps     the compiled step: time here, instructions on chips
    drift     a long stream: does a state or an error grow?
    chars     a character model of each at equal parameters, some minutes of training
    words     a spotter of twelve words likewise

Units are found by their files. What is in --output or docs/zoo.json is not measured again, unless
with --fresh; a training that was stopped goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch

from benchmarks import zoo_chars, zoo_measures, zoo_tables, zoo_words
from benchmarks.compiled import host_source
from benchmarks.document import write_section
from benchmarks.rows import Row, Rows
from benchmarks.trainings import OutOfTime, in_time, spent, trained
from benchmarks.zoo_nets import parameters, width_for
from edgernn.errors import ContractError, DataError, EdgernnError
from edgernn.graph.capture import capture
from edgernn.model import find_model, load_weights
from edgernn.streaming import Streaming
from edgernn.streams import cut_to_steps
from edgernn.train.run import WEIGHTS
from edgernn.zoo import unit_classes

PAGE, RESULTS = Path("docs/cells.md"), Path("docs/zoo.json")
QUALITY = {"chars": zoo_chars, "words": zoo_words}


@dataclass(frozen=True, slots=True)
class Bench:
    """Where rows and trainings are kept, and until when something may be begun."""

    output: Path
    rows: Rows
    deadline: float
    data: Path | None
    frames: int
    steps: int | None

    def key(self, task: str, unit: str) -> tuple[str, ...]:
        """Of a row; a trial of other steps has one of its own."""
        trial = task in QUALITY and self.steps is not None
        return (task, unit, str(self.steps)) if trial else (task, unit)

    def held(self, task: str, unit: str) -> bool:
        """Whether there is its row; a stream that was shorter than asked for is none."""
        row = self.rows.get(*self.key(task, unit))
        return row is not None and row.get("frames", self.frames) >= self.frames

    def measured(self, task: str, sort: type[Streaming]) -> Row:
        """The row of a unit. Raises: OutOfTime."""
        if task in QUALITY:
            return self.trained(QUALITY[task], sort.__name__)
        if task == "drift":
            return zoo_measures.drifting(sort, self.frames)
        return MEASURES[task](sort)

    def trained(self, task: ModuleType, unit: str) -> Row:
        """A network of a unit, trained and judged."""
        if self.data is None:
            raise DataError("--data: say which folder holds tinyshakespeare.txt.gz and the clips")
        width = width_for(lambda width: task.build(unit, width), task.BUDGET)
        recipe = task.recipe(unit, width)
        recipe = recipe if self.steps is None else recipe.with_steps(self.steps)
        folder = self.output / recipe.fingerprint()[:16]
        model = find_model(f"{task.__file__}:build")
        trained(model, recipe, self.data, folder, self.deadline)
        network = task.build(**recipe.network)
        load_weights({"": network}, folder / WEIGHTS)
        network.eval()
        block = network.timing.block
        frames = cut_to_steps(task.examples(), block)
        step = capture(network, torch.from_numpy(frames[0]), unit.lower())
        try:
            source = host_source(step, "w8a8", frames[:500])
        except DataError as cause:  # what it has learnt runs away; the data is as it was
            raise ContractError(f"{unit}: {cause}") from cause
        return {
            "width": width,
            "parameters": parameters(network),
            "w8a8_bytes": [source.facts["weights_bytes"], source.facts["state_bytes"]],
            "test": task.Task(recipe, self.data).test(network),
            "steps": recipe.steps,
            "cpu_s": spent(folder),
        }


MEASURES: dict[str, Callable[[type[Streaming]], Row]] = {
    "training": zoo_measures.training,
    "steps": zoo_measures.compiled,
}
TASKS = ("units", *MEASURES, "drift", *QUALITY)


def measure(bench: Bench, tasks: Sequence[str], sorts: Sequence[type[Streaming]]) -> None:
    """All rows that there are not. Raises: OutOfTime.

    A unit that cannot be measured has a row that says why.
    """
    for task in tasks:
        for sort in sorts:
            key = bench.key(task, sort.__name__)
            if task == "units" or bench.held(task, sort.__name__):
                continue
            in_time(bench.deadline)
            start = time.monotonic()
            try:
                row = bench.measured(task, sort)
            except (OutOfTime, DataError):
                raise
            except EdgernnError as cause:
                row = {"why": str(cause)}
            bench.rows.note(row, *key)
            took = time.monotonic() - start
            print(f"{task} {sort.__name__}: {row.get('why', f'{took:.0f} s')}", file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("--units", nargs="+", default=[], metavar="UNIT", help="files or classes")
    parser.add_argument("--data", type=Path, help="folder of the data sets, for chars and words")
    parser.add_argument("--frames", type=int, default=1_000_000, help="of drift")
    parser.add_argument("--steps", type=int, help="of each training, for a trial")
    parser.add_argument("--minutes", type=float, help="begin nothing after that")
    parser.add_argument("--output", type=Path, default=Path("runs/zoo"))
    parser.add_argument("--fresh", action="store_true", help="measure again what there is")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {RESULTS}")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    end = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    try:
        sorts = unit_classes(options.units)
        rows = Rows(options.output / "rows.json", RESULTS)
        bench = Bench(options.output, rows, end, options.data, options.frames, options.steps)
        if options.fresh:
            for task in options.only:
                for sort in sorts:
                    rows.found.pop(" ".join(bench.key(task, sort.__name__)), None)
        try:
            measure(bench, options.only, sorts)
        except OutOfTime as over:
            print(over, file=sys.stderr)
        told(bench, options.only, sorts, write=options.write)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def told(
    bench: Bench, tasks: Sequence[str], sorts: Sequence[type[Streaming]], *, write: bool
) -> None:
    """Tables of the units asked for; into the page those of all units that there are rows of."""
    every = unit_classes() if write else sorts
    for task in tasks:
        found = {
            sort.__name__: row
            for sort in every
            if (row := bench.rows.get(*bench.key(task, sort.__name__)))
        }
        lines = zoo_tables.units(every) if task == "units" else zoo_tables.SECTIONS[task](found)
        print("\n".join([f"## {task}", *lines, ""]))
        if write and (found or task == "units"):
            picture = zoo_tables.picture(task, found, PAGE.parent)
            shown = [f"![{task}]({picture.name})", ""] if picture else []
            write_section(f"zoo {task}", [*shown, *lines], PAGE)
    if write:
        bench.rows.write(RESULTS)


if __name__ == "__main__":
    raise SystemExit(main())
