"""Build the counting plugin for the QEMU that is installed, once per user and version."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from edgernn.compilers import Zig, compiler
from edgernn.errors import MissingExtra, ToolError
from edgernn.target import Target
from edgernn.toolchain import stub, write_whole

NEW_API_SINCE = 9
BUILD_SECONDS = 300
HOST = Target(name="host", summary="", kind="library", zig_target="")


def plugin_for(program: str) -> Path:
    """The plugin for this qemu program. Raises: ToolError when it cannot be built."""
    api = 2 if qemu_version(program)[0] >= NEW_API_SINCE else 1
    source = stub("plugin/count.c")
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    path = cache_folder() / f"count-{digest}-api{api}.so"
    if not path.exists():
        write_whole(path, _build(source, api))
    return path


def qemu_version(program: str) -> tuple[int, ...]:
    """Version of a qemu program, e.g. (7, 2, 22). Raises: ToolError."""
    try:
        text = subprocess.run(
            [program, "--version"], capture_output=True, text=True, check=False, timeout=60
        ).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"cannot run {program}: {error}") from error
    found = re.search(r"version (\d+(?:\.\d+)*)", text)
    if not found:
        raise ToolError(f"{program} does not tell its version")
    return tuple(int(part) for part in found[1].split("."))


def cache_folder() -> Path:
    """Where built tools of ours are kept: `$XDG_CACHE_HOME/edgernn` or `~/.cache/edgernn`."""
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "edgernn"


def _build(source: str, api: int) -> bytes:
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        (Path(folder) / "count.c").write_text(source, encoding="utf-8")
        command = [
            *(*_host_compiler(), "-O2", "-fPIC", "-shared", f"-DPLUGIN_API={api}"),
            *("-Wl,-z,lazy", "-Wl,--unresolved-symbols=ignore-all", "count.c", "-o", "count.so"),
        ]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS
        )
        if done.returncode:
            line = (done.stderr.strip().splitlines() or ["no message"])[0]
            raise ToolError(f"the counting plugin does not build: {line}")
        return (Path(folder) / "count.so").read_bytes()


def _host_compiler() -> list[str]:
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return [found]
    try:
        zig = compiler("zig")
    except MissingExtra as error:
        raise ToolError(f"counting under QEMU needs a C compiler: {error}") from error
    assert isinstance(zig, Zig)
    return [zig.program, "cc"]
