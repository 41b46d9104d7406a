"""The machine we are on: the desk twin of every bundle, and the fastest way to try a model."""

import platform
import sys

from edgernn.compilers import host_cpu
from edgernn.target import Target


def _kernels() -> tuple[tuple[str, ...], str]:
    """Instruction sets that this machine surely has, and one that it is asked for."""
    if host_cpu() == "x86_64_v3":
        return ("avx2",), "vnni"
    if platform.machine().lower() in ("aarch64", "arm64"):
        # macOS answers no question about its CPU from within a program without a library
        return ("neon",), "dotprod" if sys.platform == "linux" else ""
    return (), ""


TARGET = Target(
    name="host",
    summary="this machine: a shared library",
    kind="library",
    zig_target="",
    isa=_kernels()[0],
    faster=_kernels()[1],
)
