"""Run firmware under qemu-system-arm and aarch64 programs under qemu-aarch64.

QEMU takes exceptions as the chip does, knows the M55 with Helium, and counts every instruction
through our plugin. `boot` runs an image to its end, `count` adds an exact profile of the golden
steps, `load` stops the machine before `main` and lets functions be called one by one.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from edgernn.elf import Image, read_elf
from edgernn.errors import ToolError
from edgernn.target import Target
from edgernn.targets.runners._boot import BootReport
from edgernn.targets.runners._plugin import plugin_for
from edgernn.targets.runners._qemu_module import QemuModule

SYSTEM, USER = "qemu-system-arm", "qemu-aarch64"
INSTALL = {SYSTEM: "apt-get install qemu-system-arm", USER: "apt-get install qemu-user"}
USER_CPU = "max"
BOOT_SECONDS = 600
BEGIN, END = "edgernn_mark_begin", "edgernn_mark_end"


@dataclass(frozen=True, slots=True)
class Counts:
    """Exact instructions of the golden steps, the marks around them left out.

    minimum, maximum: of one step. by_function: mean per step, most first. by_address: of all steps,
    how often each instruction was executed, and how often the next was not the one behind it.
    """

    steps: int
    minimum: int
    maximum: int
    by_function: dict[str, float]
    report: BootReport
    emulator: str
    by_address: dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class QemuRunner:
    """Boots what `toolchain.build_firmware` and `build_program` made.

    user_cpu: the core that qemu-aarch64 plays; `max` has all that there is.
    """

    user_cpu: str = USER_CPU
    name: ClassVar[str] = "qemu"

    def missing(self) -> str | None:
        if shutil.which(SYSTEM) is None:
            return f"needs {SYSTEM}; run: {INSTALL[SYSTEM]}"
        return None

    def load(self, binary: bytes, target: Target) -> QemuModule:
        """The image after its own start-up, just before `main`. Raises: ToolError."""
        if target.board is None:
            raise ToolError(f"{target.name} is not a chip: it has no board")
        image = _check(binary, target)
        program = _program(target)
        return QemuModule(self._machine(target, program), binary, image, target.board)

    def boot(self, binary: bytes, target: Target) -> BootReport:
        """Run from reset to the exit of the image. Raises: ToolError."""
        _check(binary, target)
        program = _program(target)
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            return _boot(binary, self._machine(target, program), [], Path(folder))

    def count(self, binary: bytes, target: Target, begin: str = BEGIN, end: str = END) -> Counts:
        """Boot and count between two functions. Raises: ToolError, also when none was passed."""
        image = _check(binary, target)
        thumb = int(image.machine == "EM_ARM")
        first, last = (image.symbol(name) & ~thumb for name in (begin, end))
        program = _program(target)
        plugin = plugin_for(program)
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            out = Path(folder) / "counts"
            options = f"{plugin},begin={first:#x},end={last:#x},out={out}"
            machine = self._machine(target, program)
            report = _boot(binary, machine, ["-plugin", options], Path(folder))
            if not out.exists():
                raise ToolError(f"{program} wrote no counts; is it built with plugins?")
            text = out.read_text(encoding="ascii")
        return _counts(text, image, report, (begin, end))

    def _machine(self, target: Target, program: str) -> list[str]:
        if target.board is None:
            return [program, "-cpu", self.user_cpu]
        return [
            *(program, "-M", target.board.qemu_machine, "-nographic"),
            *("-monitor", "none", "-serial", "none"),
        ]


def _counts(text: str, image: Image, report: BootReport, marks: tuple[str, str]) -> Counts:
    head: dict[str, int] = {}
    found: dict[str, int] = {}
    places: dict[int, tuple[int, int]] = {}
    for line in text.splitlines():
        key, value, *left = line.split()
        if key.startswith("0x"):
            name = image.function_at(int(key, 16))
            found[name] = found.get(name, 0) + int(value)
            if name not in (*marks, "main"):
                places[int(key, 16)] = int(value), int(left[0])
        else:
            head[key] = int(value)
    steps = head["spans"]
    if not steps:
        raise ToolError(f"the image never passed {marks[0]} and {marks[1]}: {report.text!r}")
    # the caller's own instructions between the marks are the same few at every step
    around = sum(found.pop(name, 0) for name in (*marks, "main"))
    return Counts(
        steps=steps,
        minimum=head["shortest"] - around // steps,
        maximum=head["longest"] - around // steps,
        by_function={
            name: total / steps for name, total in sorted(found.items(), key=lambda row: -row[1])
        },
        report=report,
        emulator=report.emulator,
        by_address=places,
    )


def _boot(binary: bytes, machine: list[str], extra: list[str], folder: Path) -> BootReport:
    path = folder / "image"
    path.write_bytes(binary)
    path.chmod(0o700)
    program = Path(machine[0]).name
    system = program == SYSTEM
    command = [*machine, *extra, *(["-kernel"] if system else []), str(path)]
    if system:
        command += ["-semihosting-config", "enable=on,target=native"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BOOT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"the image did not exit in {BOOT_SECONDS} s under {program}") from error
    # semihosting writes to the standard error of some versions
    text = done.stdout + done.stderr
    complaint = next((line for line in text.splitlines() if line.startswith(f"{program}:")), "")
    if done.returncode < 0 or complaint:
        raise ToolError(complaint or f"{program} was ended by signal {-done.returncode}")
    return BootReport(done.returncode, text, "qemu")


def _check(binary: bytes, target: Target) -> Image:
    image = read_elf(binary)
    wanted = "EM_ARM" if target.board else "EM_AARCH64"
    if image.machine != wanted:
        raise ToolError(f"a binary for {image.machine[3:].lower()}, not for {target.name}")
    return image


def _program(target: Target) -> str:
    program = SYSTEM if target.board else USER
    found = shutil.which(program)
    if found is None:
        raise ToolError(f"{program} is not installed; run: {INSTALL[program]}")
    return found


RUNNER = QemuRunner()
