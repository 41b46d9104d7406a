"""What a compiled step costs on a device of one's own: times by its clock, in a static program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.bundle import Bundle
from edgernn.device import find_device
from edgernn.errors import ToolError
from edgernn.profile.about import About, about
from edgernn.profile.compare import noise
from edgernn.profile.program import ROUNDS, Measuring
from edgernn.profile.runtimes import RuntimeMeasuring, measured_row
from edgernn.profile.timed import Timed

BINS = 40  # of a histogram, from the least to the 99.5th percentile; the last holds what is above
POINTS = 400  # of a timeline: the median of so many neighbours each


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts between edges (one more than counts), microseconds."""

    edges_us: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DeviceLatency:
    """A step there. Times in microseconds, memory in bytes.

    first_us: the first step of all, apart. rounds_us: medians of rounds, which verdicts are drawn
    from; noise: theirs, see compare. paces_us: by round, what a chain of sums takes that tells how
    fast the core's clock was. nodes_us: means, measured apart.
    memory_bytes: peak resident memory above the empty program. read_gb_per_s: what one core reads
    there of as many bytes as the weights have, again and again; roof_share: of it the step's own
    weights over its p50, above 1 where it does not read all of them. energy_uj: of a step, by the
    whole machine, as energy_source tells: RAPL, or a sensor's rail. core: that it stayed on.
    partial: why there are fewer rounds than asked for; None where all are there.
    """

    device: str
    about: About
    backend: str
    number_type: str
    steps: int
    first_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    steps_per_second: float
    real_time_factor: float
    noise: float
    rounds_us: tuple[float, ...]
    histogram: Histogram
    timeline_us: tuple[float, ...]
    nodes_us: dict[str, float]
    memory_bytes: int | None
    read_gb_per_s: float | None
    roof_share: float | None
    energy_uj: float | None
    macs: int | None
    weights_bytes: int | None
    state_bytes: int | None
    scratch_bytes: int | None
    energy_source: str | None = None
    core: int | None = None
    partial: str | None = None
    paces_us: tuple[float, ...] = ()


Job = tuple[Bundle, str]  # a bundle, and which of its steps


def on_device(jobs: Sequence[Job], url: str, seconds: float) -> list[DeviceLatency | None]:
    """Measure steps on a device, in turn: what disturbs it for long disturbs all of them.

    Each round is a process of its own: the same program differs more from one process to the next,
    by where its memory lies, than from round to round within one.

    Of a device that is lost meanwhile there is what was measured before, partial; None where that
    is nothing.

    Raises: UnknownName, ToolError, DataError if a bundle has no C for the device.
    """
    device = find_device(url)
    rows = [measured_row(bundle, step, device.target) for bundle, step in jobs]
    what = about(device)
    under_way = [
        (Measuring if row["backend"] == "c" else RuntimeMeasuring)(device, bundle, step, seconds)
        for (bundle, step), row in zip(jobs, rows, strict=True)
    ]
    lost = None
    try:
        for number in range(ROUNDS):
            for one in under_way:
                one.run(1)
                if number == ROUNDS // 2:
                    one.run_by_node()  # here: the time to build it lies between the rounds
    except ToolError as cause:
        if not any(one.runs for one in under_way):
            raise
        lost = cause
    return [
        _told(url, what, row, one.result(), bundle.frame_ms(step) * 1e6, lost) if one.runs else None
        for (bundle, step), row, one in zip(jobs, rows, under_way, strict=True)
    ]


def _told(
    url: str,
    what: About,
    row: dict[str, Any],
    timed: Timed,
    real_ns: float,
    lost: ToolError | None,
) -> DeviceLatency:
    every = timed.rounds.reshape(-1) / 1e3
    p50, p90, p99 = (float(x) for x in np.percentile(every, [50, 90, 99]))
    rounds = np.median(timed.rounds, axis=1) / 1e3
    facts = row["facts"]
    weights = facts.get("weights_bytes")
    return DeviceLatency(
        device=url,
        about=what,
        backend=row["backend"],
        number_type=row["number_type"],
        steps=len(every),
        first_us=timed.first / 1e3,
        p50_us=p50,
        p90_us=p90,
        p99_us=p99,
        max_us=float(every.max()),
        steps_per_second=1e6 / float(every.mean()),
        real_time_factor=float(every.mean()) * 1e3 / real_ns,
        noise=noise(rounds),
        rounds_us=tuple(map(float, rounds)),
        histogram=_histogram(every),
        timeline_us=_timeline(every),
        nodes_us={name: spent / 1e3 for name, spent in timed.nodes.items()},
        memory_bytes=timed.memory_bytes,
        read_gb_per_s=weights / timed.roof if weights and timed.roof else None,
        roof_share=timed.roof / 1e3 / p50 if weights and timed.roof else None,
        energy_uj=timed.energy_uj,
        energy_source=timed.energy_source,
        core=timed.core,
        paces_us=tuple(pace / 1e3 for pace in timed.paces),
        partial=f"{len(timed.rounds)} of {ROUNDS} rounds, then {lost}" if lost else None,
        **{name: facts.get(name) for name in KEPT},
    )


KEPT = ("macs", "weights_bytes", "state_bytes", "scratch_bytes")


def _histogram(every: Array) -> Histogram:
    low, high = float(every.min()), float(np.percentile(every, 99.5))
    edges = np.linspace(low, max(high, low * 1.001), BINS)
    counts, _ = np.histogram(np.minimum(every, edges[-1]), edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def _timeline(every: Array) -> tuple[float, ...]:
    parts = np.array_split(every, min(POINTS, len(every)))
    return tuple(float(np.median(part)) for part in parts)
