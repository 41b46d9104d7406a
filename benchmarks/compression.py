"""What each compression costs: `python -m benchmarks.compression --data PATH --only kws-bits`.

For a trained model every candidate begins with the same weights, is trained for equally many steps
with several seeds, compiled, and judged by its compiled step; see docs/compression.md. It is the
search of `edgernn compress` over other lists. Runs are kept in --output, so that it goes on where
it was; --write puts tables and pictures into docs/.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.document import table, write_section
from edgernn.compress.budget import Budget
from edgernn.compress.candidates import CONTROL, Candidate
from edgernn.compress.frontier import Found, Search, search
from edgernn.compress.frontier_report import drawn_costs, picture_name, pictures, rows
from edgernn.compress.plan import SHIPPED
from edgernn.compress.played import Played
from edgernn.compress.points import Point
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.runtime import Session
from edgernn.train.checkpoint import write_bytes
from edgernn.train.recipe import read_recipe
from edgernn.train.run import find_task

PAGE = Path("docs/compression.md")
CELLS = ["input", "recurrent"]
TYPES = ("w4a8", "w4a8-row", "w2a8", "w2a8-row")
PATTERNS = ("4x4", "16x1", "8x4", "16x4", "unstructured")
CHAR_RECIPE = Path("benchmarks/recipes/char_lm.toml")
HELD_OUT = "held-out.json"


@dataclass(frozen=True, slots=True)
class Workload:
    """A trained model to compress; steps and rate of each training; what is tried.

    ema_decay: over about a tenth of a short training; an average of more blurs what was rounded.
    """

    title: str
    model: str
    recipe: Path | None
    steps: int
    rate: float
    tried: Callable[[int], list[Candidate]]
    ema_decay: float | None = None

    def candidates(self, steps: int) -> list[Candidate]:
        """What is tried, with this average."""
        more = {} if self.ema_decay is None else {"ema_decay": self.ema_decay}
        return [replace(one, others={**more, **one.others}) for one in self.tried(steps)]


def bits(steps: int) -> list[Candidate]:
    """Number types, trained for and not, with a teacher and without; ternary, learned steps."""
    taught = {"distill": {"teacher": SHIPPED, "weight": 0.7}}
    found = [Candidate(CONTROL, "w8a8"), Candidate(f"{CONTROL}, taught", "w8a8", taught)]
    for name in TYPES:
        found.append(Candidate(f"{name} after training", name))
        quantize = {"quantize": {"number_type": name}}
        found.append(Candidate(name, name, quantize))
        found.append(Candidate(f"{name}, taught", name, {**quantize, **taught}))
        learned = {"number_type": name, "learned": True}
        found.append(Candidate(f"{name}, learned steps", name, {"quantize": learned}))
        both = {"quantize": learned, **taught}
        found.append(Candidate(f"{name}, learned steps, taught", name, both))
    ternary = {"number_type": "w2a8", "ternary": True}
    return [*found, Candidate("ternary", "w2a8", {"quantize": ternary})]


def two_bits(steps: int) -> list[Candidate]:
    """A long training of 2 bits, which wants less dropout; dense with as little of it, and more."""
    less = {"data": {"dropout": 0.05}}
    learned = {"number_type": "w2a8", "learned": True}
    head = {"quantize": {**learned, "but": {"linear": "w4a8"}}}
    around = {"quantize": {**learned, "but": {"linear": "w4a8", "input": "w4a8"}}}
    return [
        Candidate(CONTROL, "w8a8"),
        Candidate("w2a8, head w4a8", "mixed", head, less),
        Candidate("w2a8, head and input w4a8", "mixed", around, less),
        Candidate("w2a8", "w2a8", {"quantize": learned}, less),
        Candidate(f"{CONTROL}, less dropout", "w8a8", {}, less),
    ]


def kws_two_bits(steps: int) -> list[Candidate]:
    """A long training of 2 bits with a teacher."""
    taught = {"distill": {"teacher": SHIPPED, "weight": 0.5}}
    learned = {"quantize": {"number_type": "w2a8", "learned": True}}
    return [Candidate(CONTROL, "w8a8"), Candidate("w2a8, taught", "w2a8", {**learned, **taught})]


def gradually(pattern: str, sparsity: float, steps: int) -> dict[str, Any]:
    """A table that prunes the cells over the first 60 % of a training."""
    prune = {"pattern": pattern, "sparsity": sparsity, "budget": "gate", "only": CELLS}
    return prune | {"end": int(0.6 * steps), "every": max(1, steps // 60)}


def zeros(steps: int, narrower: Sequence[Candidate], fresh_steps: int) -> list[Candidate]:
    """Zeros in the cells by pattern, schedule, budget and order; smaller dense networks beside."""

    def zero(name: str, pattern: str, sparsity: float, **more: Any) -> Candidate:
        prune = gradually(pattern, sparsity, steps) | more
        table: dict[str, Any] = {"prune": [{k: v for k, v in prune.items() if v is not None}]}
        if "permuted" in name:
            order = {"pattern": pattern, "sparsity": sparsity, "matrices": CELLS}
            table["permute"] = order
        others: dict[str, Any] = {}
        if "ramped" in name:
            table["start"] = ""
            others = {"steps": fresh_steps, "learning_rate": 4e-3}
        return Candidate(f"{sparsity:.0%} zero {name}", "w8a8", table, others)

    found = [Candidate(CONTROL, "w8a8"), *narrower]
    found += [zero(pattern, pattern, 0.75) for pattern in PATTERNS]
    return [
        *found,
        zero("4x4, permuted", "4x4", 0.75),
        zero("16x4, permuted", "16x4", 0.75),
        zero("4x4", "4x4", 0.5),
        zero("16x1", "16x1", 0.5),
        zero("4x4, ramped up from fresh weights", "4x4", 0.75, end=int(0.6 * fresh_steps)),
        zero("4x4, at once", "4x4", 0.75, end=None, every=None),
        zero("4x4, global", "4x4", 0.75, budget="global"),
        zero("4x4, movement", "4x4", 0.75, score="movement"),
        zero("4x4, group lasso", "4x4", 0.75, lasso=1e-4),
    ]


def char_zeros(steps: int) -> list[Candidate]:
    """Of the character model. A smaller one is trained afresh, for all steps of the larger.

    What is trained longer has less dropout, on both sides.
    """
    first = read_recipe("char_lm", CHAR_RECIPE).steps
    fresh = first + steps
    less = {"data": {"dropout": 0.05}}

    def afresh(name: str, hidden: int, steps: int, more: Mapping[str, Any]) -> Candidate:
        others = {"steps": steps, "learning_rate": 4e-3, "network": {"hidden": hidden}, **more}
        return Candidate(name, "w8a8", {"start": ""}, others)

    narrower = [afresh(f"{hidden} units, afresh", hidden, fresh, {}) for hidden in (128, 184)]
    longer = gradually("4x4", 0.75, fresh)
    others = {"steps": fresh, "learning_rate": 4e-3, **less}
    return [
        *zeros(steps, narrower, fresh),
        Candidate("75% zero 4x4, longer", "w8a8", {"prune": [longer]}, others),
        afresh("136 units, afresh, longer", 136, first + fresh, less),
    ]


def char_wide(steps: int) -> list[Candidate]:
    """Wider character models, ramped up from fresh weights; dense, what takes as many bytes."""

    def zero(sparsity: float) -> Candidate:
        table = {"start": "", "prune": [gradually("4x4", sparsity, steps)]}
        name = f"512 units, {sparsity:.0%} zero 4x4"
        return Candidate(name, "w8a8", table, {"network": {"hidden": 512}})

    return [
        Candidate(CONTROL, "w8a8", {"start": ""}, {"network": {"hidden": 272}}),
        Candidate("dense, 176 units", "w8a8", {"start": ""}, {"network": {"hidden": 176}}),
        zero(0.9),
        zero(0.75),
    ]


def kws_zeros(steps: int) -> list[Candidate]:
    """Of the keyword spotter, whose smaller ones keep what matters of the larger."""
    sizes = {"72 units": {"rnn": 72}, "80 units": {"rnn": 80}, "112 units": {"rnn": 112}}
    sizes["64 channels, 96 units"] = {"conv1": 64, "conv2": 64, "rnn": 96}
    sizes["72 channels, 126 units"] = {"conv1": 72, "conv2": 72, "rnn": 126}
    narrower = [Candidate(name, "w8a8", {"units": units}) for name, units in sizes.items()]
    return [one for one in zeros(steps, narrower, steps) if "ramped" not in one.name]


WORKLOADS = {
    "kws-bits": Workload("Bits: keyword spotter", "kws/dense", None, 600, 1e-3, bits),
    "char-bits": Workload(
        "Bits: character LM, GRU 256", "runs/char_lm", CHAR_RECIPE, 1000, 5e-4, bits, 0.99
    ),
    "kws-two": Workload(
        "2 bits, trained long: keyword spotter", "kws/dense", None, 2400, 1.5e-3, kws_two_bits
    ),
    "char-two": Workload(
        "2 bits, trained long: character LM, GRU 256",
        "runs/char_lm",
        CHAR_RECIPE,
        12000,
        5e-3,
        two_bits,
    ),
    "kws-zeros": Workload("Zeros: keyword spotter", "kws/dense", None, 600, 1e-3, kws_zeros),
    "char-zeros": Workload(
        "Zeros: character LM, GRU 256", "runs/char_lm", CHAR_RECIPE, 800, 2e-3, char_zeros, 0.98
    ),
    "char-wide": Workload(
        "Zeros: character LM, GRU 512 beside dense GRUs of as many bytes",
        "runs/char_lm",
        CHAR_RECIPE,
        2500,
        4e-3,
        char_wide,
    ),
}


def measured(name: str, options: argparse.Namespace) -> Found:
    """All candidates of a workload, as far as time goes."""
    work = WORKLOADS[name]
    steps = options.steps or work.steps
    tried = [
        one
        for one in work.candidates(steps)
        if re.search(options.match, one.name) or one.name == CONTROL
    ]
    how = Search(
        work.model,
        options.data,
        options.target,
        options.output / name,
        Budget({}),
        seeds=options.seeds,
        steps=steps,
        learning_rate=work.rate,
        seconds=None if options.minutes is None else 60 * options.minutes,
        recipe=work.recipe,
        tried=tuple(tried),
    )
    return search(how, resume=True, quiet=options.json, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def held_out(name: str, found: Found, options: argparse.Namespace) -> dict[str, list[float]]:
    """The figure of each run's compiled step on data that chose nothing, by candidate.

    A bundle is judged once; figures are kept beside the runs.
    """
    work, folder = WORKLOADS[name], options.output / name
    model = find_model(work.model)
    kept = folder / HELD_OUT
    known: dict[str, float] = json.loads(kept.read_text()) if kept.is_file() else {}
    task: Any = None
    for run in (run for point in found.points for run in point.runs):
        if run.folder not in known:
            if task is None:
                recipe = read_recipe(model.name, work.recipe or model.recipe or Path())
                task = find_task(model)(recipe, options.data)
            session = Session(folder / run.folder / f"{model.name}.edgernn", on="host")
            with torch.no_grad():
                known[run.folder] = task.test(Played(session))
            write_bytes(kept, json.dumps(known, indent=1).encode())
    return {point.name: [known[run.folder] for run in point.runs] for point in found.points}


def lines(name: str, found: Found, tests: dict[str, list[float]]) -> list[str]:
    """A section of the page."""
    shown = []
    by_name = {point.name: point for point in found.points}
    control = statistics.fmean(tests[CONTROL])
    for row in rows(found):
        point = by_name[row["tried"]]
        values = tests[point.name]
        mean = statistics.fmean(values)
        shown.append(
            {
                "tried": point.name,
                "seeds": len(values),
                "flash, bytes": row["flash, bytes"],
                "instructions a step": row.get("instructions a step"),
                "torch, validation": _shown(_mean_trained(point), found),
                **_figures("validation", point.value, point.noise, found.reference.value, found),
                **_figures("test", mean, _spread(values), control, found),
            }
        )
    made = [f"### {WORKLOADS[name].title}", ""]
    made += [f"![{cost}](compression-{name}-{picture_name(cost)})" for cost in drawn_costs(found)]
    cells = [[_cell(value) for value in row.values()] for row in shown]
    return [*made, "", *table(list(shown[0]), cells), ""]


def _figures(
    on: str, mean: float, noise: float | None, control: float, found: Found
) -> dict[str, str]:
    percent, shown = found.figure.endswith("accuracy"), _shown(mean, found)
    if noise is not None:
        shown += f" ± {100 * noise:.2f}" if percent else f" ± {noise:.4f}"
    beside = f"{100 * (mean - control):+.2f}" if percent else f"{mean - control:+.4f}"
    return {on: shown, "beside the control" if on == "validation" else "beside it": beside}


def _shown(value: float, found: Found) -> str:
    return f"{value:.2%}" if found.figure.endswith("accuracy") else f"{value:.4f}"


def _mean_trained(point: Point) -> float:
    return statistics.fmean(run.trained for run in point.runs)


def _spread(values: Sequence[float]) -> float | None:
    return statistics.stdev(values) if len(values) > 1 else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) and abs(value) >= 1000 else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.compression",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--only", choices=list(WORKLOADS), help="one workload")
    parser.add_argument("--match", default="", help="candidates whose name has this (a pattern)")
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each training, for a trial")
    parser.add_argument("--minutes", type=float, help="begin nothing new after so long, a workload")
    parser.add_argument("--output", type=Path, default=Path("runs/compression"))
    parser.add_argument("--write", action="store_true", help="into docs/compression.md")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    names = [options.only] if options.only else list(WORKLOADS)
    try:
        results = {name: measured(name, options) for name in names}
        tests = {name: held_out(name, found, options) for name, found in results.items()}
        if options.write:
            for name, found in results.items():
                write_section(f"compression {name}", lines(name, found, tests[name]), PAGE)
                for file_name, content in pictures(found).items():
                    write_bytes(PAGE.parent / f"compression-{name}-{file_name}", content)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        found_rows = {name: rows(found) for name, found in results.items()}
        print(json.dumps({"rows": found_rows, "test": tests}, indent=1))
    else:
        for name, found in results.items():
            print("\n".join(lines(name, found, tests[name])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
