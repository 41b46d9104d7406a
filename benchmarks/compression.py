"""What each compression costs: `python -m benchmarks.compression --data PATH --only kws`.

For a trained model every candidate begins with the same weights, is trained for equally many steps
with several seeds, compiled, and judged by its compiled step; see docs/compression.md. It is the
search of `edgernn compress` over longer lists. Runs are kept in --output, so that it goes on where
it was; --write puts tables and pictures into docs/.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks.document import table, write_section
from edgernn.compress.budget import Budget
from edgernn.compress.candidates import CONTROL, Candidate, candidates
from edgernn.compress.frontier import Found, Search, search
from edgernn.compress.frontier_report import drawn_costs, picture_name, pictures, rows
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.train.checkpoint import write_bytes

PAGE = Path("docs/compression.md")
CELLS = ["input", "recurrent"]
TYPES = ("w4a8", "w4a8-row", "w2a8", "w2a8-row")
PATTERNS = ("unstructured", "16x4", "8x4", "4x4", "16x1", "4x16")
SPARSITY = 0.75


@dataclass(frozen=True, slots=True)
class Workload:
    """A trained model to compress; steps and rate of each training."""

    title: str
    model: str
    recipe: Path | None
    steps: int
    rate: float


WORKLOADS = {
    "kws": Workload("keyword spotter", "kws", None, 600, 1e-3),
    "char256": Workload(
        "character LM, GRU 256",
        "runs/char_lm",
        Path("benchmarks/recipes/char_lm.toml"),
        800,
        2e-3,
    ),
}


def bits() -> list[Candidate]:
    """Number types, trained for and not, ternary weights, learned steps."""
    found = [Candidate(CONTROL, "w8a8")]
    for name in TYPES:
        found.append(Candidate(f"{name} after training", name))
        found.append(Candidate(name, name, {"quantize": {"number_type": name}}))
    learned = {"number_type": "w4a8", "learned": True}
    found.append(Candidate("w4a8, learned steps", "w4a8", {"quantize": learned}))
    ternary = {"number_type": "w2a8", "ternary": True}
    return [*found, Candidate("ternary", "w2a8", {"quantize": ternary})]


def zeros(steps: int) -> list[Candidate]:
    """Patterns at one sparsity along a schedule over half of the steps; one of them at once."""
    found = []
    for pattern in PATTERNS:
        for budget in ("gate", "global") if pattern == "16x4" else ("gate",):
            prune = {"pattern": pattern, "sparsity": SPARSITY, "budget": budget, "only": CELLS}
            gradual = {**prune, "end": steps // 2, "every": max(1, steps // 40)}
            name = f"{SPARSITY:.0%} zero {pattern}" + (", global" if budget == "global" else "")
            found.append(Candidate(name, "w8a8", {"prune": [gradual]}))
            if pattern == "16x4" and budget == "gate":
                found.append(Candidate(f"{name}, at once", "w8a8", {"prune": [prune]}))
    return found


def listed(network: nn.Module, steps: int) -> list[Candidate]:
    """All that is compared: number types, zeros, and what `edgernn compress` tries besides."""
    mine = [*bits(), *zeros(steps)]
    names = {one.name for one in mine}
    others = [one for one in candidates(network, ("w8a8", "w4a8")) if _new(one, names)]
    return [*mine, *others]


def _new(one: Candidate, names: set[str]) -> bool:
    return one.name not in names and "prune" not in one.compress and "dense" not in one.name


def measured(name: str, options: argparse.Namespace) -> Found:
    """All candidates of a workload, as far as time goes."""
    work = WORKLOADS[name]
    steps = options.steps or work.steps
    network = next(iter(find_model(work.model).steps().values()))
    tried = [
        one
        for one in listed(network, steps)
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


def lines(name: str, found: Found) -> list[str]:
    """A section of the page."""
    shown = rows(found)
    made = [f"### {WORKLOADS[name].title}", ""]
    made += [f"![{cost}](compression-{name}-{picture_name(cost)})" for cost in drawn_costs(found)]
    cells = [[_cell(value) for value in row.values()] for row in shown]
    return [*made, "", *table(list(shown[0]), cells), ""]


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
        if options.write:
            for name, found in results.items():
                write_section(f"compression {name}", lines(name, found), PAGE)
                for file_name, content in pictures(found).items():
                    write_bytes(PAGE.parent / f"compression-{name}-{file_name}", content)
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps({name: rows(found) for name, found in results.items()}, indent=1))
    else:
        print("\n".join(line for name, found in results.items() for line in lines(name, found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
