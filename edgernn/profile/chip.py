"""What a step costs on a chip: counted exactly under an emulator, read from the linked image.

A count of instructions is exact and the same on every run; an emulator's clock is not the chip's,
so no time is given here. QEMU counts the golden steps inside the booted image. Where it is absent,
unicorn counts the same frames; it takes a skipped conditional instruction for an executed one,
which is 0.1 to 0.8 % more on a Cortex-M4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from edgernn.backend import find_runner
from edgernn.bundle import Bundle
from edgernn.elf import read_elf
from edgernn.errors import EdgernnError, ToolError
from edgernn.firmware import read_report
from edgernn.profile.cycles import estimated_cycles
from edgernn.profile.frames import frames
from edgernn.profile.image import counter, image, runs_in_qemu, step_source
from edgernn.runtime import open_program
from edgernn.target import Target, find_target

COUNTED_STEPS = 20


@dataclass(frozen=True, slots=True)
class Count:
    """Instructions of a step over some golden steps: the mean, the extremes, where they went.

    cycles: of a step, estimated by the core's manual; None where that gives none. See cycles.
    """

    emulator: str
    steps: int
    mean: float
    least: int
    most: int
    by_function: dict[str, float]
    stack_bytes: int | None = None
    cycles: float | None = None


@dataclass(frozen=True, slots=True)
class ChipCost:
    """Exact counts of one artifact. Sizes in bytes; None where they do not apply or are unknown.

    target: what it was counted on, a target or a core of one.
    by_node: instructions by node of the step graph, and by the kernels that nodes call (see nodes).
    flash_bytes: what the linked image puts in flash, golden vectors left out.
    stack_bytes: the deepest stack of a step, found by painting it. device: its URL, where a
    device that ran the step turned out to be emulated.
    """

    target: str
    number_type: str
    count: Count | None
    macs: int | None
    flash_bytes: int | None
    state_bytes: int | None
    scratch_bytes: int | None
    stack_bytes: int | None
    notes: tuple[str, ...] = field(default=())
    by_node: dict[str, float] = field(default_factory=dict)
    device: str = ""

    @property
    def per_mac(self) -> float | None:
        """Instructions a multiply-accumulate."""
        return self.count.mean / self.macs if self.count and self.macs else None


def cost(bundle: Bundle, step: str, entry: dict[str, Any], core: str = "") -> ChipCost:
    """Count one artifact. What cannot be had here is None, and `notes` says why.

    core: of the target's; "" is the target itself, with all instructions that there are.
    Raises: ToolError if a core is asked for that cannot be had here.
    """
    target = find_target(entry["target"])
    facts = entry.get("facts") or {}
    notes: list[str] = []
    binary = bundle.read(entry["main"])
    count = _by_qemu(bundle, step, entry, core, notes)
    if core and count is None:
        raise ToolError(f"{core}: {notes[-1]}")
    count = count or _by_program(bundle, step, entry, notes)
    stack = count.stack_bytes if count else None
    return ChipCost(
        target=core or target.name,
        number_type=entry["number_type"],
        count=count,
        macs=facts.get("macs"),
        flash_bytes=_flash_bytes(binary, target, notes),
        state_bytes=facts.get("state_bytes"),
        scratch_bytes=facts.get("scratch_bytes"),
        stack_bytes=_stack_bytes(binary, target, notes) if stack is None else stack,
        notes=tuple(dict.fromkeys(notes)),
    )


def _by_qemu(
    bundle: Bundle, step: str, entry: dict[str, Any], core: str, notes: list[str]
) -> Count | None:
    """The golden steps of a firmware image, or of a program, counted from its begin to its end."""
    target = find_target(entry["target"])
    if not runs_in_qemu(target):
        return None
    try:
        binary = bundle.read(entry["main"])
        if target.kind != "firmware":
            binary = image(bundle, step, entry, step_source(bundle, entry))
        found = counter(core).count(binary, target)
    except EdgernnError as cause:
        notes.append(str(cause))
        return None
    mean = sum(found.by_function.values())
    cycles = estimated_cycles(read_elf(binary), target.name, found.by_address)
    return Count(
        *(found.emulator, found.steps, mean, found.minimum, found.maximum, found.by_function),
        stack_bytes=read_report(found.report.text).get("stack"),
        cycles=cycles and cycles / found.steps,
    )


def _by_program(bundle: Bundle, step: str, entry: dict[str, Any], notes: list[str]) -> Count | None:
    """The first golden frames, stepped one by one in an emulator that counts."""
    try:
        program: Any = open_program(bundle, entry, step)
        counts: list[dict[str, int]] = []
        for frame in frames(bundle, step, COUNTED_STEPS):
            state = program.state()
            program.step(frame)  # puts the frame in its place
            program.load_state(state)
            counts.append(_one_step(program))
    except EdgernnError as cause:
        notes.append(str(cause))
        return None
    totals = [sum(count.values()) for count in counts]
    names = sorted(counts[0], key=lambda name: -counts[0][name])
    by_function = {name: sum(c.get(name, 0) for c in counts) / len(counts) for name in names}
    mean = sum(totals) / len(totals)
    return Count("unicorn", len(totals), mean, min(totals), max(totals), by_function)


def _one_step(program: Any) -> dict[str, int]:
    module, symbol = program.module, f"{program.symbol}_step"
    if hasattr(module, "count_by_function"):
        found: dict[str, int] = {}
        for name, count in module.count_by_function(symbol, *program.arguments).items():
            name = "functions without a symbol" if name.startswith("0x") else name
            found[name] = found.get(name, 0) + count
        return found
    return {symbol: module.count(symbol, *program.arguments)}


def _flash_bytes(binary: bytes, target: Target, notes: list[str]) -> int | None:
    if target.kind == "wasm":
        return len(binary)
    try:
        return read_elf(binary).sizes.flash_bytes
    except EdgernnError as cause:
        notes.append(str(cause))
        return None


def _stack_bytes(binary: bytes, target: Target, notes: list[str]) -> int | None:
    runner: Any = find_runner(target.runner)
    if target.kind != "firmware" or not hasattr(runner, "boot"):
        return None
    try:
        report = runner.boot(binary, target)
    except ToolError as cause:
        notes.append(str(cause))
        return None
    if not report.ok:
        notes.append(f"the image ended with exit code {report.exit_code}")
    return read_report(report.text).get("stack")
