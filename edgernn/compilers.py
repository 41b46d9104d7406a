"""C compilers we can drive: zig from PyPI (default), or a user's own gcc or clang.

A `Compiler` knows how its command line names a target; what is built, and with which common
flags, is `toolchain`'s business.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgernn.errors import MissingExtra, ToolError
from edgernn.target import Target

VERSION_SECONDS = 60


class Compiler(Protocol):
    """A C compiler for some targets."""

    @property
    def name(self) -> str:
        """zig, gcc or clang."""

    def command(self, target: Target) -> list[str]:
        """The program and the flags that select the target. Raises: ToolError."""

    def link_flags(self, target: Target) -> list[str]:
        """Flags after the sources: the compiler's own run-time functions, where needed."""

    def version(self) -> str:
        """One line for the manifest."""


def host_cpu() -> str:
    """The CPU level that host libraries are built for, as zig names it.

    x86-64-v3 (AVX2, FMA, BMI2; Intel Haswell 2013, AMD Excavator 2015) where this machine has
    it, else zig's baseline of the architecture.
    """
    return "x86_64_v3" if set(V3_FLAGS) <= cpu_flags() else "baseline"


V3_FLAGS = ("avx2", "bmi1", "bmi2", "f16c", "fma", "movbe")


def cpu_flags() -> frozenset[str]:
    """Instruction set extensions of this machine as Linux names them; empty elsewhere."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return frozenset()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


@dataclass(frozen=True, slots=True)
class Zig:
    """`zig cc`, one compiler for every target."""

    program: str
    name: str = "zig"

    def command(self, target: Target) -> list[str]:
        words = [self.program, "cc"]
        cpu = target.zig_cpu
        if target.zig_target:
            words += ["-target", target.zig_target]
        else:
            cpu = cpu or host_cpu()
        return [*words, f"-mcpu={cpu}"] if cpu else words

    def link_flags(self, target: Target) -> list[str]:
        # zig adds its compiler-rt by itself
        return []

    def version(self) -> str:
        return "zig " + _first_line([self.program, "version"])


@dataclass(frozen=True, slots=True)
class Gcc:
    """A GNU compiler: `program`, or the usual cross compiler of each target when it is empty."""

    program: str = ""
    name: str = "gcc"

    def command(self, target: Target) -> list[str]:
        return [self._program(target), *target.gcc_flags, *_host_level(target)]

    def link_flags(self, target: Target) -> list[str]:
        return ["-nostdlib", "-lgcc"] if target.kind == "firmware" else []

    def version(self) -> str:
        return _first_line([self.program or "gcc", "--version"])

    def _program(self, target: Target) -> str:
        if self.program:
            return self.program
        if target.kind == "wasm":
            raise ToolError(f"gcc cannot build for {target.name}; use --cc zig or --cc clang")
        if target.kind == "firmware":
            return _find("arm-none-eabi-gcc", "apt-get install gcc-arm-none-eabi")
        triple = _linux(target)
        if triple and not triple.startswith(platform.machine()):
            package = f"gcc-{triple}".replace("_", "-")
            return _find(f"{triple}-gcc", f"apt-get install {package}")
        return _find("gcc", "apt-get install gcc")


@dataclass(frozen=True, slots=True)
class Clang:
    """A clang with lld. Cortex-M cores without an FPU borrow libgcc where it is installed."""

    program: str
    name: str = "clang"

    def command(self, target: Target) -> list[str]:
        words = [self.program, "-fuse-ld=lld"]
        if target.kind == "firmware":
            floats = "eabihf" if "-mfloat-abi=hard" in target.gcc_flags else "eabi"
            return [*words, f"--target=arm-none-{floats}", *target.gcc_flags]
        if target.kind == "wasm":
            return [*words, "--target=wasm32", *(f"-m{one}" for one in target.isa), "-mbulk-memory"]
        if triple := _linux(target):
            return [*words, f"--target={triple}", *target.gcc_flags]
        return [*words, *_host_level(target)]

    def link_flags(self, target: Target) -> list[str]:
        if target.kind != "firmware":
            return []
        gcc = shutil.which("arm-none-eabi-gcc")
        if not gcc:
            return ["-nostdlib"]
        library = _first_line([gcc, *target.gcc_flags, "-print-libgcc-file-name"])
        return ["-nostdlib", library] if Path(library).is_file() else ["-nostdlib"]

    def version(self) -> str:
        return _first_line([self.program, "--version"])


def compiler(kind: str | None = None) -> Compiler:
    """The compiler asked for: None or `zig`, `gcc`, `clang`, or the path of one of them.

    Raises: MissingExtra when zig is not installed, ToolError when another is not found.
    """
    if kind in (None, "zig"):
        return Zig(_find_zig())
    if kind == "gcc":
        return Gcc()
    if kind == "clang":
        return Clang(_find("clang", "apt-get install clang lld"))
    program = shutil.which(str(kind))
    if program is None:
        raise ToolError(f"no C compiler at {kind!r}; give zig, gcc, clang or a path")
    stem = Path(program).name
    if "zig" in stem:
        return Zig(program)
    return Clang(program) if "clang" in stem else Gcc(program)


def _find_zig() -> str:
    spec = importlib.util.find_spec("ziglang")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        found = shutil.which("zig", path=folder)
        if found:
            return found
    raise MissingExtra("ziglang", "c")


def _find(program: str, install: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise ToolError(f"{program} is not installed; run: {install}, or leave out --cc")
    return found


def _linux(target: Target) -> str:
    """The target as GNU's tools name it, if it is another machine's Linux; else ""."""
    return target.zig_target.partition(".")[0] if "-linux-" in target.zig_target else ""


def _host_level(target: Target) -> list[str]:
    if target.zig_target or host_cpu() != "x86_64_v3":
        return []
    return ["-march=x86-64-v3"]


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"cannot run {command[0]}: {error}") from error
    text = (done.stdout or done.stderr).strip()
    return text.splitlines()[0] if text else ""
