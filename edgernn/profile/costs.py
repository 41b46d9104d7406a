"""What the compiled steps of a bundle take on its target, in one row: for budgets and frontiers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgernn.bundle import Bundle, open_bundle
from edgernn.profile.chip import cost
from edgernn.profile.latency import measure
from edgernn.target import Target

TIMED_SECONDS = 1.0
LABELS = {
    "flash_bytes": "flash, bytes",
    "ram_bytes": "RAM, bytes",
    "instructions": "instructions a step",
    "latency_us": "µs a step",
    "macs": "MACs a step",
}


def costs(path: Path, target: Target) -> dict[str, Any]:
    """Counted on a chip, timed on this machine. Of several steps one of each, added up."""
    bundle = open_bundle(path)
    rows = [_of_step(bundle, step, entry, target) for step, entry in bundle.all_built().items()]
    found = {name: [row[name] for row in rows] for name in rows[0]}
    return {name: None if None in each else sum(each) for name, each in found.items()}


def _of_step(bundle: Bundle, step: str, entry: dict[str, Any], target: Target) -> dict[str, Any]:
    facts = entry["facts"]
    ram = facts["state_bytes"] + facts["scratch_bytes"]
    if target.name == "host":
        timed = measure(bundle.path, step, "host", TIMED_SECONDS)
        return {
            "flash_bytes": facts["binary_bytes"],
            "ram_bytes": ram,
            "macs": facts["macs"],
            "latency_us": timed.alone_p50_us,
        }
    counted = cost(bundle, step, entry)
    return {
        "flash_bytes": counted.flash_bytes or facts["binary_bytes"],
        "ram_bytes": ram + (counted.stack_bytes or 0),
        "macs": facts["macs"],
        "instructions": counted.count.mean if counted.count else None,
    }
