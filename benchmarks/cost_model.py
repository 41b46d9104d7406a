"""Fit prices of kinds of work, and hold what they predict of shipped models against counts.

    python -m benchmarks.cost_model            # counts what is not kept in runs/cost_model yet
    python -m benchmarks.cost_model --write    # and writes edgernn/estimate/prices and the docs

The fit sees layers and networks of `cost_nets` alone; no shipped model is among them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
UPPER = {"instructions": "instructions a step", "flash_bytes": "flash"}


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
    return count.target if count.core == "max" else count.core


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    fit = [row for net in nets() for row in rows_of(net_case(net), net.types)]
    held = [
        row
        for model, types in MODELS.items()
        for case in model_cases(model)
        for row in rows_of(case, types)
    ]
    made = prices(fit, held)
    print(made, table, write_section, json, arguments, DIGITS)


if __name__ == "__main__":
    main()
