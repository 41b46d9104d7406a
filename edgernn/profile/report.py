"""A bundle's profile: measured times of this machine, exact counts of emulated chips, apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

from edgernn.profile.chip import ChipCost
from edgernn.profile.compare import SCHEMA, VERSION
from edgernn.profile.device import DeviceLatency
from edgernn.profile.gpu import GpuLatency
from edgernn.profile.latency import HostLatency

BAR = 20  # letters of a whole
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Profile:
    """One step of a bundle, measured. frame_ms: the real time that a step covers.

    plan: how its C lays out memory, with `target`, `state_bytes` and `scratch_bytes`; {} of a
    bundle that does not say. It is drawn, and no part of the document.
    """

    bundle: str
    model: str
    step: str
    frame_ms: float
    machine: str
    host: tuple[HostLatency, ...] = ()
    chips: tuple[ChipCost, ...] = ()
    devices: tuple[DeviceLatency, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)
    gpus: tuple[GpuLatency, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Every figure; the units are in the names."""
        rows = [{**asdict(chip), "instructions_per_mac": chip.per_mac} for chip in self.chips]
        made = {**asdict(self), "chips": rows}
        del made["plan"]
        return made

    def tables(self) -> list[tuple[str, Rows]]:
        """(title, rows) of every table that has rows."""
        name = f"{self.model}, step {self.step!r}, {self.frame_ms:g} ms of real time a step"
        tables = [(f"{name}: measured here on {self.machine}", self._host_rows())]
        tables += [
            (f"{name}: on {one.device}, {one.about.line()}{_partial(one)}", [_device_row(one)])
            for one in self.devices
        ]
        tables += [
            (f"{one.device} {one.number_type}: by node of the step graph", _node_rows(one))
            for one in self.devices
        ]
        for device, gpu in dict.fromkeys((one.device, one.gpu) for one in self.gpus):
            here = [_gpu_row(one) for one in self.gpus if one.device == device]
            tables.append((f"{name}: on {device}, {gpu}", here))
        tables.append((f"{name}: counted exactly under emulation, not times", self._chip_rows()))
        for chip in self.chips:
            title = f"{chip.target} {chip.number_type}: instructions a step by"
            if chip.by_node:
                tables.append((f"{title} node", _count_rows("node", chip.by_node)))
            elif chip.count and len(chip.count.by_function) > 1:
                tables.append(
                    (f"{title} function", _count_rows("function", chip.count.by_function))
                )
        return [(title, rows) for title, rows in tables if rows]

    def notes(self) -> list[str]:
        """What could not be had, and why."""
        partial = [f"{one.device}: partial: {one.partial}" for one in self.devices if one.partial]
        partial += [
            f"{one.device}, {one.how}, {one.streams:,} streams: {one.lacking}"
            for one in self.gpus
            if one.lacking
        ]
        return partial + [f"{chip.target}: {note}" for chip in self.chips for note in chip.notes]

    def _host_rows(self) -> Rows:
        return [
            {
                "code": f"{row.backend} {row.number_type}",
                "first µs": row.first_us,
                "p50 µs": row.p50_us,
                "p90 µs": row.p90_us,
                "p99 µs": row.p99_us,
                "max µs": row.max_us,
                "without Python µs": row.alone_p50_us,
                "steps a second": round(row.steps_per_second),
                "real-time factor": row.real_time_factor,
                "peak memory MB": None if row.peak_bytes is None else row.peak_bytes / 1e6,
                "steps": row.steps,
            }
            for row in self.host
        ]

    def _chip_rows(self) -> Rows:
        return [
            {
                "target": f"{chip.target} {chip.number_type}",
                "instructions a step": round(chip.count.mean) if chip.count else None,
                "most": chip.count.most if chip.count else None,
                "per MAC": chip.per_mac,
                "cycles, estimated": _cycles(chip),
                "MACs": chip.macs,
                "flash bytes": chip.flash_bytes,
                "state bytes": chip.state_bytes,
                "scratch bytes": chip.scratch_bytes,
                "stack bytes": chip.stack_bytes,
                "counted by": chip.count.emulator if chip.count else None,
            }
            for chip in self.chips
        ]


def _device_row(one: DeviceLatency) -> dict[str, Any]:
    return {
        "code": f"{one.backend} {one.number_type}",
        "first µs": one.first_us,
        "p50 µs": one.p50_us,
        "p90 µs": one.p90_us,
        "p99 µs": one.p99_us,
        "max µs": one.max_us,
        "steps a second": round(one.steps_per_second),
        "real-time factor": one.real_time_factor,
        "memory KB": None if one.memory_bytes is None else one.memory_bytes / 1e3,
        "of the roof": None if one.roof_share is None else f"{one.roof_share:.0%}",
        "energy µJ": one.energy_uj,
        "noise": f"{one.noise:.1%}",
        "core": one.core,
        "steps": one.steps,
    }


def _gpu_row(one: GpuLatency) -> dict[str, Any]:
    every = one.steps_per_second
    return {
        "by": one.how,
        "streams": one.streams,
        "first µs": one.first_us,
        "p50 µs": one.p50_us,
        "p99 µs": one.p99_us,
        "steps a second, of all": None if every is None else round(every),
        "streams in real time": one.real_time_streams,
        "peak memory MB": None if one.peak_bytes is None else one.peak_bytes / 1e6,
        "steps": one.steps or None,
    }


def _partial(one: DeviceLatency) -> str:
    return "; PARTIAL" if one.partial else ""


def _node_rows(one: DeviceLatency) -> Rows:
    return [
        {"node": name, "µs": spent, "share": f"{share:.1%}", "": bar(share)}
        for name, spent, share in most_of(one.nodes_us)
    ]


def _count_rows(what: str, counts: Mapping[str, float]) -> Rows:
    return [
        {what: name, "instructions": round(count), "share": f"{share:.1%}", "": bar(share)}
        for name, count, share in most_of(counts)
    ]


def _cycles(chip: ChipCost) -> int | None:
    cycles = chip.count.cycles if chip.count else None
    return None if cycles is None else round(cycles)


def most_of(parts: Mapping[str, float], most: int = 12) -> list[tuple[str, float, float]]:
    """The largest parts with their shares of the whole, and one for all the others."""
    whole = sum(parts.values()) or 1.0
    rows = sorted(parts.items(), key=lambda item: -item[1])
    if rest := rows[most:]:
        rows = [*rows[:most], (f"{len(rest)} more", sum(value for _, value in rest))]
    return [(name, value, value / whole) for name, value in rows]


def bar(share: float) -> str:
    """A share as a bar of text, to an eighth of a letter."""
    eighths = round(share * BAR * 8)
    rest: str = ("", *"▏▎▍▌▋▊▉")[eighths % 8]
    return f"{'█' * (eighths // 8)}{rest}"


def document(profiles: Sequence[Profile]) -> dict[str, Any]:
    """What `--json` prints and `--compare` reads."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "edgernn": metadata.version("edgernn"),
        "profiles": [one.as_json() for one in profiles],
    }
