"""C sources in, a file out: libraries, shared and static, firmware images, wasm modules, programs.

The same input gives the same bytes: sources are compiled under relative names in a private
folder, without debug information, time stamps or build ids. A file appears under its name whole
or not at all, and nothing else is left behind.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from edgernn.compilers import Compiler, Zig, compiler, host_cpu
from edgernn.elf import overflow, read_elf
from edgernn.errors import DoesNotFit, ToolError
from edgernn.target import Board, Target

Sources = Mapping[str, str | bytes]

ABI = ("state_size", "scratch_size", "reset", "init", "step")
COMPILE_SECONDS = 600
# larger than any chip: what does not fit is then told by its numbers, not by the linker
LINK_REGION_BYTES = 0x0800_0000
SMALL_RAM_BYTES = 32 * 1024
PROGRAM_CPUS = ("aarch64", "x86_64")

COMMON_FLAGS = (
    "-std=c99",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-g0",
    "-ffreestanding",
    "-fomit-frame-pointer",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-ffp-contract=off",
    "-fno-strict-aliasing",  # buffers of several types share the scratch memory
    "-ffunction-sections",
    "-fdata-sections",
)
# a runner reads this mark before it lets a library near a CPU that lacks the instructions
BUILT_FOR = """extern const char edgernn_built_for[];
const char edgernn_built_for[] = "edgernn-cpu:{level}";
"""
LINK_FLAGS = ("-Wl,--gc-sections", "-Wl,--build-id=none")


def stub(path: str) -> str:
    """Text of a file below firmware_stubs, e.g. `startup/memory.c`."""
    package = importlib.import_module("edgernn.firmware_stubs")
    return (Path(package.__path__[0]) / path).read_text(encoding="utf-8")


def stack_bytes(board: Board) -> int:
    """Stack reserved in a firmware image: 4096, or 2048 on chips with less than 32 KB of RAM."""
    return 4096 if board.ram_bytes >= SMALL_RAM_BYTES else 2048


def build_library(
    sources: Sources,
    target: Target,
    out_dir: Path,
    *,
    name: str,
    exports: Iterable[str] = (),
    alone: bool = False,
    cc: Compiler | None = None,
    optimize: str = "-O2",
) -> Path:
    """A shared library `NAME.so` that exports the step's five functions and `exports`.

    With `alone` it exports nothing but `exports`. It needs no other library. Built for a machine
    other than ours it is loaded by an emulator. Raises: ToolError with the compiler's first
    complaint.
    """
    symbols = [*([] if alone else exported(name)), *exports, "edgernn_built_for"]
    level = target.zig_cpu if target.zig_target else host_cpu()
    extra = {
        "memory.c": stub("startup/memory.c"),
        "built_for.c": BUILT_FOR.format(level=level),
        "exports.map": "{ global: " + "; ".join(symbols) + "; local: *; };\n",
    }
    flags = [
        *("-fPIC", "-shared", "-nostdlib", "-Wl,-Bsymbolic", "-Wl,-s"),
        *("-Wl,--version-script=exports.map", *LINK_FLAGS),
    ]
    return _build({**sources, **extra}, target, out_dir / f"{name}.so", flags, cc, optimize)


def build_wasm(
    sources: Sources,
    target: Target,
    out_dir: Path,
    *,
    name: str,
    exports: Iterable[str] = (),
    alone: bool = False,
    cc: Compiler | None = None,
    optimize: str = "-O2",
) -> Path:
    """A module `NAME.wasm` without imports; memory and `__heap_base` are exported too.

    With `alone` these are beside `exports` all. Memory above `__heap_base` is the caller's.
    Raises: ToolError.
    """
    symbols = [*([] if alone else exported(name)), *exports, "__heap_base"]
    flags = [
        *("-nostdlib", "-Wl,--no-entry", "-Wl,-z,stack-size=65536", "-Wl,--strip-all"),
        *("-Wl,--gc-sections", *(f"-Wl,--export={symbol}" for symbol in symbols)),
    ]
    extra = {"memory.c": stub("startup/memory.c")}
    return _build({**sources, **extra}, target, out_dir / f"{name}.wasm", flags, cc, optimize)


def build_archive(
    sources: Sources,
    target: Target,
    out_dir: Path,
    *,
    name: str,
    cc: Compiler | None = None,
    optimize: str = "-O2",
) -> Path:
    """A static library `NAME.a`: an object for each source, which an app is linked with.

    The memory functions are the app's own. Raises: ToolError, also for compilers but zig.
    """
    cc = cc or compiler()
    if not isinstance(cc, Zig):
        raise ToolError(f"{cc.name} makes no static library for {target.name}; leave out --cc")
    units = sorted(file for file in sources if file.endswith(".c"))
    objects = [f"{unit.removesuffix('.c').replace('/', '_')}.o" for unit in units]
    line = [*cc.command(target), optimize, *COMMON_FLAGS, *target.flags, "-I."]
    who = f"{cc.name} for {target.name}"
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        for file, text in sources.items():
            _write_source(work, file, text)
        for unit, made in zip(units, objects, strict=True):
            run_compiler([*line, "-c", unit, "-o", made], work, who)
        run_compiler([cc.program, "ar", "rcsD", "built", *objects], work, who)
        binary = (work / "built").read_bytes()
    path = out_dir / f"{name}.a"
    write_whole(path, binary)
    return path


def build_firmware(
    sources: Sources,
    target: Target,
    out_dir: Path,
    *,
    name: str,
    exports: Iterable[str] = (),
    cc: Compiler | None = None,
    optimize: str = "-O2",
) -> Path:
    """A bootable image `NAME.elf`: the sources with our start-up code, laid out for the board.

    The step's five functions and `exports` are kept, so that a runner can call them.
    `sources` brings `main`, or a `golden.h` (see `firmware.golden_header`), whereupon the golden
    main is added. Raises: ToolError, DoesNotFit with the bytes needed and there.
    """
    board = target.board
    if board is None:
        raise ToolError(f"{target.name} has no board, so no firmware can be built for it")
    extra = {
        "memory.c": stub("startup/memory.c"),
        "cortex_m.c": stub("startup/cortex_m.c"),
        "port.h": stub("startup/port.h"),
        "print.h": stub("startup/print.h"),
        "cortex_m.ld": stub("link/cortex_m.ld"),
        "memory.ld": _memory_script(board, [*exported(name), *exports]),
        **_golden_main(sources),
    }
    flags = [
        *("-Wl,-e,edgernn_reset", "-Wl,-z,max-page-size=4"),
        *("-L.", "-T", "cortex_m.ld", *LINK_FLAGS),
    ]

    def check(binary: bytes) -> None:
        problem = overflow(read_elf(binary).sizes, board)
        if problem:
            raise DoesNotFit(f"{name} on {target.name}: {problem}")

    path = out_dir / f"{name}.elf"
    return _build({**sources, **extra}, target, path, flags, cc, optimize, check)


def build_program(
    sources: Sources,
    target: Target,
    out_dir: Path,
    *,
    name: str,
    cc: Compiler | None = None,
    optimize: str = "-O2",
) -> Path:
    """A static Linux program `NAME` without a C library, with `main` or, on aarch64, a `golden.h`.

    Raises: ToolError; also for targets that are neither aarch64 Linux nor this Linux machine.
    """
    here = not target.zig_target and sys.platform == "linux" and platform.machine() in PROGRAM_CPUS
    if not here and not target.zig_target.startswith("aarch64-linux"):
        raise ToolError(
            f"static programs are built for Linux on {' and '.join(PROGRAM_CPUS)}, "
            f"not for {target.name}"
        )
    extra = {
        "memory.c": stub("startup/memory.c"),
        "linux.c": stub("startup/linux.c"),
        "port.h": stub("startup/port.h"),
        "print.h": stub("startup/print.h"),
        **_golden_main(sources),
    }
    flags = ["-static", "-nostdlib", *LINK_FLAGS]
    return _build({**sources, **extra}, target, out_dir / name, flags, cc, optimize)


def link_objects(objects: Mapping[str, bytes], target: Target, cc: Compiler | None = None) -> bytes:
    """A shared library of objects that another compiler made, by their names. Raises: ToolError."""
    cc = cc or compiler()
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        for name, data in objects.items():
            _write_source(work, name, data)
        flags = ("-shared", "-fPIC", "-Wl,-s", "-Wl,--build-id=none")
        command = [*cc.command(target), *flags, *objects, *cc.link_flags(target), "-o", "built"]
        run_compiler(command, work, f"{cc.name} for {target.name}")
        return (work / "built").read_bytes()


def exported(name: str) -> list[str]:
    """The symbols that a compiled step called `name` offers."""
    return [f"{name}_{function}" for function in ABI]


def compile_line(target: Target, cc: Compiler | None = None, optimize: str = "-O2") -> str:
    """The compile flags as one line for a header or a manifest, without paths."""
    program, *words = (cc or compiler()).command(target)
    return " ".join([Path(program).name, *words, optimize, *COMMON_FLAGS, *target.flags])


def _golden_main(sources: Sources) -> dict[str, str]:
    if "golden.h" not in sources:
        return {}
    return {"golden_main.c": stub("startup/golden_main.c")}


def _memory_script(board: Board, keep: Iterable[str]) -> str:
    return (
        f"EXTERN({' '.join(keep)})\n"
        f"__stack_bytes = {stack_bytes(board)};\n"
        "MEMORY {\n"
        f"  FLASH (rx) : ORIGIN = {board.flash_base:#x}, LENGTH = {LINK_REGION_BYTES:#x}\n"
        f"  RAM (rwx) : ORIGIN = {board.ram_base:#x}, LENGTH = {LINK_REGION_BYTES:#x}\n"
        "}\n"
    )


def _build(
    sources: Sources,
    target: Target,
    path: Path,
    flags: Sequence[str],
    cc: Compiler | None,
    optimize: str,
    check: Callable[[bytes], None] | None = None,
) -> Path:
    """Compile and link in a private folder; `check` may refuse the result."""
    cc = cc or compiler()
    units = sorted(file for file in sources if file.endswith(".c"))
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        for file, text in sources.items():
            _write_source(work, file, text)
        command = [
            *(*cc.command(target), optimize, *COMMON_FLAGS, *target.flags, "-I."),
            *(*units, *flags, *cc.link_flags(target), "-o", "built"),
        ]
        run_compiler(command, work, f"{cc.name} for {target.name}")
        binary = (work / "built").read_bytes()
    if check:
        check(binary)
    write_whole(path, binary)
    return path


def _write_source(work: Path, file: str, text: str | bytes) -> None:
    parts = PurePosixPath(file).parts
    if not parts or ".." in parts or PurePosixPath(file).is_absolute() or "\\" in file:
        raise ToolError(f"source name {file!r} leads outside its folder")
    path = work.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def write_whole(path: Path, data: bytes, *, mode: int = 0o755) -> None:
    """Write a file so that it is there whole or not at all; makes its folder.

    Raises: ToolError when the disk refuses; then nothing is left under either name.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.chmod(part, mode)
        os.replace(part, path)
    except OSError as error:
        raise ToolError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def run_compiler(command: Sequence[str], work: Path, who: str) -> None:
    """Run it in a folder. Raises: ToolError with its first complaint."""
    try:
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMPILE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{who}: no end after {COMPILE_SECONDS} s") from error
    except OSError as error:
        raise ToolError(f"{who}: cannot run {command[0]}: {error.strerror or error}") from error
    if done.returncode == 0:
        return
    output = (done.stderr + done.stdout).replace(f"{work}{os.sep}", "")
    failure = ToolError(f"{who}: {_first_complaint(output) or f'exit code {done.returncode}'}")
    failure.add_note(" ".join(command))
    failure.add_note(output)
    raise failure


def _first_complaint(output: str) -> str:
    """The first line that states an error, else the first line at all."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for word in ("error:", "undefined", "error"):
        for line in lines:
            if word in line.lower():
                return line
    return lines[0] if lines else ""
