"""What a call adds to a step in C, of nanoseconds measured call by call in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Spent = Mapping[str, list[NDArray[Any]]]  # by contender: of each round its calls


def added_row(
    step: str, spent: Spent, clocks: Mapping[str, str], names: Mapping[str, str]
) -> dict[str, Any]:
    """A row in microseconds: differences within a round, and of the 99th percentiles of all.

    clocks: by contender, of which "c" is the step in C, what asking the clock costs it.
    names: of the others, as the row calls them.
    """
    medians, tails = {}, {}
    for name, clock in clocks.items():
        rounds = zip(spent[name], spent[clock], strict=True)
        medians[name] = np.array([np.median(a) - np.median(b) for a, b in rounds])
        asked = np.median(np.concatenate(spent[clock]))
        tails[name] = np.percentile(np.concatenate(spent[name]), 99) - asked
    row: dict[str, Any] = {
        "step": step,
        "C us": round(float(np.median(medians["c"])) / 1e3, 2),
        "C p99 us": round(float(tails["c"]) / 1e3, 2),
    }
    for name, said in names.items():
        row[f"{said} adds us"] = round(float(np.median(medians[name] - medians["c"])) / 1e3, 2)
        row[f"{said} adds p99 us"] = round(float(tails[name] - tails["c"]) / 1e3, 2)
    return row
