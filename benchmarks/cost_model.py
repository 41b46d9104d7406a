"""Fit prices of kinds of work, and hold what they predict of shipped models against counts.

    python -m benchmarks.cost_model            # counts what is not kept in runs/cost_model yet
    python -m benchmarks.cost_model --write    # and writes edgernn/estimate/prices and the docs

The fit sees layers and networks of `cost_nets` alone; no shipped model is among them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cost_counts import CORES, Case, Count, counted, model_cases, net_case
from benchmarks.cost_fit import fitted
from benchmarks.cost_nets import nets
from benchmarks.document import table, write_section
from edgernn.backend import Outlook, find_backend
from edgernn.estimate.moves import moved
from edgernn.estimate.prices import total
from edgernn.figures import figure
from edgernn.streams import each_step
from edgernn.target import find_target

PRICES, PAGE = Path("edgernn/estimate/prices"), Path("docs/estimate.md")
MODELS = {  # shipped models and the number types in which they are held against counts
    "kws": ("fp32", "w8a8", "w4a8"),
    "kws/dense": ("fp32", "w8a8"),
    "kws/half": ("mixed",),
    "kws/tiny": ("mixed",),
    "wakeword": ("fp32", "w8a8"),
    "digits": ("fp32", "w8a8"),
    "asr": ("fp32", "w8a8"),
    "asr/small": ("w8a8",),
    "asr/large": ("w8a8",),
    "keyboard": ("fp32", "w8a8"),
    "keyboard/small": ("mixed",),
}
TITLES = {"cortex-a72": "aarch64 NEON", "cortex-a76": "aarch64 dotprod"}
DIGITS = 4  # of a price


@dataclass(frozen=True, slots=True)
class Row:
    """A count, and what the step was made of."""

    count: Count
    outlook: Outlook

    @property
    def core(self) -> str:
        """The core, and of a chip its name."""
        return core_of(self.count)


def core_of(count: Count) -> str:
    return _names(count.target, (count.core,))[0]


def _names(target: str, cores: Sequence[str]) -> list[str]:
    """What cores are called; one that is not told apart by its target."""
    return [target if core == "max" else core for core in cores]


def rows_of(case: Case, number_types: Iterable[str]) -> Iterator[Row]:
    """A step in its number types on all cores that it fits."""
    backend: Any = find_backend("c")
    for number_type in number_types:
        counts = [one for one in counted(case, number_type, CORES) if not one.why]
        typed = case.typed(number_type)
        moves = moved(typed, each_step(case.golden(typed.macs())))
        for name in dict.fromkeys(one.target for one in counts):
            seen = backend.outlook(case.graph, typed, find_target(name), moves)
            yield from (Row(one, seen) for one in counts if one.target == name)


def prices(rows: Sequence[Row], held: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By target what its file holds."""
    made: dict[str, dict[str, Any]] = {}
    for target in CORES:
        mine = [row for row in rows if row.count.target == target]
        cores: dict[str, Any] = {}
        for core in dict.fromkeys(row.core for row in mine):
            own = [row for row in mine if row.core == core]
            work = [row.outlook.work for row in own]
            found = {"instructions": fitted(work, [row.count.instructions for row in own])}
            if own[0].count.cycles:
                found["cycles"] = fitted(work, [row.count.cycles or 0.0 for row in own])
            errors = [
                abs(total(row.outlook.work, found["instructions"]) / row.count.instructions - 1)
                for row in held
                if row.core == core
            ]
            cores[core] = {**_rounded(found), "error": round(float(np.median(errors)), 3)}
        one = {row.count.step + row.count.number_type: row for row in mine}.values()
        code = [row.outlook.code for row in one]
        bytes_ = [row.count.flash_bytes - row.outlook.facts["weights_bytes"] for row in one]
        made[target] = {"cores": cores, **_rounded({"flash": fitted(code, bytes_)})}
    return made


def _rounded(tables: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {
        name: {kind: float(f"{price:.{DIGITS}g}") for kind, price in prices.items()}
        for name, prices in tables.items()
    }


def errors(rows: Iterable[Row], made: Mapping[str, Any], what: str = "instructions") -> list[float]:
    """Of what is predicted, as a share of what was counted."""
    found = []
    for row in rows:
        counted_ = getattr(row.count, what)
        if counted_:
            found.append(predicted(row, made, what) / counted_ - 1)
    return found


def predicted(row: Row, made: Mapping[str, Any], what: str = "instructions") -> float:
    """By the tables that would be written."""
    tables = made[row.count.target]
    if what == "flash_bytes":
        return row.outlook.facts["weights_bytes"] + total(row.outlook.code, tables["flash"])
    return total(row.outlook.work, tables["cores"][row.core][what])


def lines(fit: Sequence[Row], held: Sequence[Row], made: Mapping[str, Any]) -> list[str]:
    """Both tables of the page."""
    cores = [core for name, cores in CORES.items() for core in _names(name, cores)]
    head = ["core", "instructions: median", "worst", "of", "in the fit: median", "worst", "of"]
    head += ["flash: median", "worst", "cycles: median", "worst"]
    summary = []
    for core in cores:
        own = [row for row in held if row.core == core]
        mine = [row for row in fit if row.core == core]
        cells = [*_spread(errors(own, made)), str(len(own))]
        cells += [*_spread(errors(mine, made)), str(len(mine))]
        cells += [*_spread(errors(own, made, "flash_bytes"))]
        cells += [*_spread(errors(own, made, "cycles"))] if own[0].count.cycles else ["", ""]
        summary.append([TITLES.get(core, core), *cells])
    whole = [*_spread(errors(held, made)), str(len(held))]
    whole += [*_spread(errors(fit, made)), str(len(fit))]
    summary.append(["all", *whole, *_spread(errors(held, made, "flash_bytes")), "", ""])
    steps: dict[tuple[str, str], dict[str, Row]] = {}
    for row in held:
        steps.setdefault((row.count.step, row.count.number_type), {})[row.core] = row
    return [
        "Errors of what is predicted for shipped models, none of which is in the fit, and of what "
        "is in it (`python -m benchmarks.cost_model --write`):",
        "",
        *table(head, summary),
        "",
        "Thousands of instructions a step, predicted / counted; an empty cell does not fit:",
        "",
        *table(
            ["step", "", *(TITLES.get(core, core) for core in cores)],
            [
                [f"`{step}`", type_, *(_cell(rows.get(core), made) for core in cores)]
                for (step, type_), rows in steps.items()
            ],
        ),
    ]


def _spread(found: Sequence[float]) -> tuple[str, str]:
    """Median and worst of errors, whichever their sign."""
    sizes = np.abs(found)
    return f"{np.median(sizes):.1%}", f"{sizes.max():.0%}"


def _cell(row: Row | None, made: Mapping[str, Any]) -> str:
    if row is None:
        return ""
    told, counted_ = predicted(row, made) / 1000, row.count.instructions / 1000
    return f"{figure(told)} / {figure(counted_)} ({told / counted_ - 1:+.0%})"


def times() -> list[str]:
    """CPU time of `edgernn estimate` for shipped models, at first and again."""
    rows = []
    for model in (name for name in MODELS if "/" not in name):
        with tempfile.TemporaryDirectory() as cache:
            command = [sys.executable, "-m", "edgernn", "estimate", model, "-t", "cortex-m4"]
            taken = []
            for _ in range(3):
                begin = _spent()
                subprocess.run(
                    [*command, "--json"],
                    check=True,
                    capture_output=True,
                    env={**os.environ, "XDG_CACHE_HOME": cache},
                )
                taken.append(_spent() - begin)
        rows.append([f"`{model}`", f"{taken[0]:.1f}", f"{min(taken[1:]):.2f}"])
    return [
        "Seconds of CPU, the start of Python and all, as a model is captured and once its steps "
        "are kept (`python -m benchmarks.cost_model --write`):",
        "",
        *table(["", "captured", "kept"], rows),
    ]


def _spent() -> float:
    """Seconds of CPU of all processes that we started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write(made: Mapping[str, Any]) -> None:
    """A file of prices for each target."""
    PRICES.mkdir(exist_ok=True)
    for target, tables in made.items():
        text = json.dumps(tables, indent=1, sort_keys=True)
        (PRICES / f"{target}.json").write_text(f"{text}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="Write prices and docs.")
    parser.add_argument("--json", action="store_true", help="Print every count as JSON.")
    arguments = parser.parse_args()
    fit = [row for net in nets() for row in rows_of(net_case(net), net.types)]
    held = [
        row
        for model, types in MODELS.items()
        for case in model_cases(model)
        for row in rows_of(case, types)
    ]
    made = prices(fit, held)
    text = lines(fit, held, made)
    if arguments.json:
        found = [{**asdict(row.count), "predicted": predicted(row, made)} for row in held]
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(text))
    if arguments.write:
        write(made)
        write_section("estimate", text, PAGE)
        write_section("estimate_time", times(), PAGE)


if __name__ == "__main__":
    main()
