"""What a measuring program prints, read as times: also of a run that broke off in the middle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from edgernn.backend import Array
from edgernn.errors import ToolError

BEFORE = "call, and addresses"  # what is before the first node
RAPL = "RAPL"


@dataclass(frozen=True, slots=True)
class Timed:
    """Nanoseconds of a step on a device.

    rounds: of every step, (rounds, steps). first: the first step of all. memory_bytes: the most
    that it had resident above what an empty program has; None where it is not told. nodes: the
    mean of each node, by its name in the step graph; they are measured apart, with the clock read
    between them, so their sum is larger. roof: of reading as many bytes as the weights have; None
    where that was not reached, or is not asked. energy_uj: microjoules of a step, of the whole
    machine, as energy_source tells them; None where none are told. core: the one that it stayed
    on; None where it could not. paces: of the same chain of sums before and behind each round,
    which tells how fast the core's clock was.
    """

    rounds: Array
    first: float
    memory_bytes: int | None = None
    nodes: Mapping[str, float] = field(default_factory=dict)
    roof: float | None = None
    energy_uj: float | None = None
    energy_source: str | None = None
    core: int | None = None
    paces: tuple[float, ...] = ()


def read(
    lines: Iterable[str], steps: int, rounds: int, labels: Sequence[str] = ()
) -> tuple[Timed | None, ToolError | None]:
    """The times, and why there are no more of them.

    A line is `round`, a step's ticks, or a name and what is told of it; a round is whole once the
    clocks behind it are told. Raises: ToolError for what is none of these.
    """
    found: list[list[int]] = []
    told: dict[str, list[int]] = {}
    rail, whole, lost = "", 0, None
    try:
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "rail":
                rail = rest
            elif line == "round":
                found.append([])
            elif rest:
                told.setdefault(word, []).append(int(rest))
                whole = len(found) if word == "nanoseconds" else whole
            else:
                found[-1].append(int(line))
    except (ValueError, IndexError) as cause:
        raise ToolError(f"the measuring program printed {line!r}, which is no time") from cause
    except ToolError as cause:
        lost = cause
    found = found[:whole]
    if lost is None and (whole != rounds or "nanoseconds" not in told):
        lost = ToolError("the measuring program ended before it was done")
    if any(len(one) != steps for one in found):
        raise ToolError("the measuring program ended before it was done")
    return (_timed(found, told, rail, labels) if found else None), lost


def _timed(
    found: list[list[int]], told: Mapping[str, list[int]], rail: str, labels: Sequence[str]
) -> Timed:
    count = len(found) * len(found[0])
    scale = told["nanoseconds"][-1] / max(told["ticks"][-1], 1)
    spent = np.array(found, np.float64) * scale
    nodes: Counter[str] = Counter()
    for label, ticks in zip([*labels, BEFORE], told.get("node", []), strict=False):
        nodes[label] += ticks
    energy = told.get("energy_uj", [0])[0] / count
    source = RAPL if energy else None
    if not energy and "power_uw" in told:
        energy, source = told["power_uw"][0] * float(spent.mean()) / 1e9, rail
    return Timed(
        spent,
        told["first"][0] * scale,
        told.get("memory_kb", [0])[0] * 1024 or None,
        {label: ticks * scale / count for label, ticks in nodes.items()},
        told["roof"][0] * scale if "roof" in told else None,
        energy or None,
        source,
        told["core"][0] if "core" in told else None,
        tuple(ticks * scale for ticks in told.get("pace", [])[: len(found)]),
    )
