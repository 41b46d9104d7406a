"""What a device is, as its own files say: CPU, its features, cores, clock, governor, memory, OS."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edgernn.device import Device
from edgernn.target import find_target
from edgernn.toolchain import build_program, stub

MARK = "== "
TOLD = (
    "asimd",
    "asimddp",
    "i8mm",
    "sve",
    "bf16",
    "fphp",
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
)
# parts of ARM's own cores, as /proc/cpuinfo has them
ARM_PARTS = {
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd40": "Neoverse-V1",
    "0xd41": "Cortex-A78",
    "0xd44": "Cortex-X1",
    "0xd46": "Cortex-A510",
    "0xd47": "Cortex-A710",
    "0xd49": "Neoverse-N2",
    "0xd4f": "Neoverse-V2",
}


@dataclass(frozen=True, slots=True)
class About:
    """A machine. Empty or None is what it does not tell.

    features: of its instructions those that our kernels or its speed depend on. clock_mhz: the
    highest. governor: of the clock; all but `performance` make times vary. emulated: an emulator of
    programs plays this CPU on another one, whose files say no more, and whose times are not its.
    """

    cpu: str
    features: tuple[str, ...]
    cores: int
    clock_mhz: float | None
    governor: str
    memory_bytes: int | None
    system: str
    board: str = ""
    emulated: bool = False

    def line(self) -> str:
        """In words."""
        parts = [
            self.board,
            f"{self.cpu}, emulated" if self.emulated else f"{self.cores} x {self.cpu}",
            f"{self.clock_mhz:,.0f} MHz" if self.clock_mhz else "",
            f"governor {self.governor}" if self.governor else "",
            f"{self.memory_bytes / 2**30:.1f} GiB" if self.memory_bytes else "",
            self.system,
        ]
        return ", ".join(part for part in parts if part)


def about(device: Device) -> About:
    """Ask a device, by a program that reads its files. Raises: ToolError."""
    target = find_target(device.target)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        files = {"about.c": stub("measure/about.c")}
        program = build_program(files, target, Path(folder), name="about").read_bytes()
    return parsed(device.run(program, []))


def parsed(lines: Iterable[str]) -> About:
    """What about.c printed."""
    files: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line.startswith(MARK):
            name = line.removeprefix(MARK)
            files[name] = []
        elif name:
            files[name].append(line.strip("\0"))
    first = {path: (found or [""])[0].strip() for path, found in files.items()}
    cpu = files.get("/proc/cpuinfo", [])
    played = first.get("played", "")
    kernel = re.match(r"(\w+) version (\S+)", first.get("/proc/version", ""))
    memory = re.search(r"MemTotal:\s+(\d+) kB", "\n".join(files.get("/proc/meminfo", [])))
    most = first.get("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "")
    flags = set(_field(cpu, "flags", "Features").split())
    clock = float(most) / 1e3 if most else float(_field(cpu, "cpu MHz") or 0)
    if played:
        system = f"{kernel[1]} {kernel[2]}" if kernel else ""
        return About(_arm(f"0x{played}"), (), 1, None, "", None, system, emulated=True)
    return About(
        cpu=_cpu(cpu),
        features=tuple(one for one in TOLD if one in flags),
        cores=sum(line.startswith("processor") for line in cpu) or 1,
        clock_mhz=clock or None,
        governor=first.get("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", ""),
        memory_bytes=int(memory[1]) * 1024 if memory else None,
        system=f"{kernel[1]} {kernel[2]}" if kernel else "",
        board=first.get("/sys/firmware/devicetree/base/model", ""),
    )


def _field(lines: Iterable[str], *names: str) -> str:
    """The value behind the first of these names."""
    for line in lines:
        name, colon, value = line.partition(":")
        if colon and name.strip() in names:
            return value.strip()
    return ""


def _cpu(lines: list[str]) -> str:
    if name := _field(lines, "model name", "Model name"):
        return name
    return _arm(_field(lines, "CPU part"))


def _arm(part: str) -> str:
    return ARM_PARTS.get(part, f"ARM part {part}" if part else "unknown CPU")
