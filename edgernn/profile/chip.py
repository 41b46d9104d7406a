"""What a step costs on a chip: counted exactly under an emulator, read from the linked image.

An emulator's count of instructions is exact and the same on every run; its clock is not the
chip's, so no time is given here.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

from edgernn.backend import find_runner
from edgernn.bundle import Bundle
from edgernn.elf import read_elf
from edgernn.errors import EdgernnError, ToolError
from edgernn.firmware import read_report
from edgernn.profile.frames import frames
from edgernn.runtime import open_program
from edgernn.target import Target, find_target

COUNTED_STEPS = 20


@dataclass(frozen=True, slots=True)
class ChipCost:
    """Exact counts of one artifact. Sizes in bytes; None where they do not apply or are unknown.

    instructions: median over `steps` steps of real frames; most_instructions: the largest.
    stack_bytes: the deepest stack of a step, found by painting it.
    by_function: instructions of one step by function, most first.
    """

    target: str
    number_type: str
    emulator: str
    steps: int
    instructions: int | None
    most_instructions: int | None
    macs: int | None
    flash_bytes: int | None
    state_bytes: int | None
    scratch_bytes: int | None
    stack_bytes: int | None
    by_function: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def per_mac(self) -> float | None:
        """Instructions a multiply-accumulate."""
        return self.instructions / self.macs if self.instructions and self.macs else None


def cost(bundle: Bundle, step: str, entry: dict[str, Any]) -> ChipCost:
    """Count one artifact. What cannot be had here is None, and `notes` says why."""
    target = find_target(entry["target"])
    facts = entry.get("facts") or {}
    notes: list[str] = []
    counts, by_function, emulator = _counted(bundle, step, entry, notes)
    return ChipCost(
        target=target.name,
        number_type=entry["number_type"],
        emulator=emulator,
        steps=len(counts),
        instructions=round(statistics.median(counts)) if counts else None,
        most_instructions=max(counts) if counts else None,
        macs=facts.get("macs"),
        flash_bytes=_flash_bytes(bundle, entry, target, notes),
        state_bytes=facts.get("state_bytes"),
        scratch_bytes=facts.get("scratch_bytes"),
        stack_bytes=_stack_bytes(bundle, entry, target, notes),
        by_function=by_function,
        notes=tuple(dict.fromkeys(notes)),
    )


def _counted(
    bundle: Bundle, step: str, entry: dict[str, Any], notes: list[str]
) -> tuple[list[int], dict[str, int], str]:
    try:
        program: Any = open_program(bundle, entry, step)
        counts = [program.count(frame) for frame in frames(bundle, step, COUNTED_STEPS)]
        module, by_function = program.module, {}
        if hasattr(module, "count_by_function"):
            by_function = module.count_by_function(f"{program.symbol}_step", *program.arguments)
        return counts, by_function, "unicorn"
    except EdgernnError as cause:
        notes.append(str(cause))
        return [], {}, "none"


def _flash_bytes(
    bundle: Bundle, entry: dict[str, Any], target: Target, notes: list[str]
) -> int | None:
    if target.kind == "wasm":
        return len(bundle.read(entry["main"]))
    try:
        return read_elf(bundle.read(entry["main"])).sizes.flash_bytes
    except EdgernnError as cause:
        notes.append(str(cause))
        return None


def _stack_bytes(
    bundle: Bundle, entry: dict[str, Any], target: Target, notes: list[str]
) -> int | None:
    runner: Any = find_runner(target.runner)
    if target.kind != "firmware" or not hasattr(runner, "boot"):
        return None
    try:
        report = runner.boot(bundle.read(entry["main"]), target)
    except ToolError as cause:
        notes.append(str(cause))
        return None
    if not report.ok:
        notes.append(f"the image ended with exit code {report.exit_code}")
    return read_report(report.text).get("stack")
