"""A bundle's profile: measured times of this machine, exact counts of emulated chips, apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgernn.bundle import open_bundle
from edgernn.profile.chip import ChipCost, cost
from edgernn.profile.latency import HostLatency, machine, measure

HERE = ("host", "any")
Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Profile:
    """One step of a bundle, measured. frame_ms: the real time that a step covers."""

    model: str
    step: str
    frame_ms: float
    machine: str
    host: tuple[HostLatency, ...]
    chips: tuple[ChipCost, ...]

    def as_json(self) -> dict[str, Any]:
        """Every figure; the units are in the names."""
        rows = [{**asdict(chip), "instructions_per_mac": chip.per_mac} for chip in self.chips]
        return {**asdict(self), "chips": rows}

    def tables(self) -> list[tuple[str, Rows]]:
        """(title, rows) of every table that has rows."""
        name = f"{self.model}, step {self.step!r}, {self.frame_ms:g} ms of real time a step"
        tables = [(f"{name}: measured here on {self.machine}", self._host_rows())]
        tables.append((f"{name}: counted exactly under emulation, not times", self._chip_rows()))
        for chip in self.chips:
            title = f"{chip.target} {chip.number_type}: instructions a step by function"
            tables.append((title, _function_rows(chip)))
        return [(title, rows) for title, rows in tables if rows]

    def notes(self) -> list[str]:
        """What could not be had, and why."""
        return [f"{chip.target}: {note}" for chip in self.chips for note in chip.notes]

    def _host_rows(self) -> Rows:
        return [
            {
                "code": f"{row.backend} {row.number_type}",
                "p50 µs": row.p50_us,
                "p99 µs": row.p99_us,
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
                "MACs": chip.macs,
                "flash bytes": chip.flash_bytes,
                "state bytes": chip.state_bytes,
                "scratch bytes": chip.scratch_bytes,
                "stack bytes": chip.stack_bytes,
                "counted by": chip.count.emulator if chip.count else None,
            }
            for chip in self.chips
        ]


def _function_rows(chip: ChipCost, most: int = 12) -> Rows:
    if chip.count is None or len(chip.count.by_function) < 2:
        return []
    rows = list(chip.count.by_function.items())
    rest = sum(count for _, count in rows[most:])
    rows = rows[:most] + ([(f"{len(rows) - most} more", rest)] if rest else [])
    return [
        {
            "function": name,
            "instructions": round(count),
            "share": f"{100 * count / chip.count.mean:.1f} %",
        }
        for name, count in rows
    ]


def profile(path: Path, seconds: float, progress: Callable[[str], None]) -> list[Profile]:
    """Measure every artifact of every step of a bundle, `seconds` for each that runs natively.

    Raises: BundleError if the bundle is not whole, ToolError if the host's own code fails.
    """
    bundle = open_bundle(path)
    found = []
    for step, row in bundle.manifest["steps"].items():
        host, chips = [], []
        for entry in row["artifacts"]:
            progress(f"{step}: {entry['backend']} {entry['number_type']} for {entry['target']}")
            if entry["target"] in HERE:
                host.append(measure(path, step, entry["target"], seconds))
            else:
                chips.append(cost(bundle, step, entry))
        model, real_ms = bundle.manifest["model"], bundle.frame_ms(step)
        found.append(Profile(model, step, real_ms, machine(), tuple(host), tuple(chips)))
    return found
