"""The machine we are on: the desk twin of every bundle, and the fastest way to try a model."""

from edgernn.compilers import host_cpu
from edgernn.target import Target

TARGET = Target(
    name="host",
    summary="this machine: a shared library",
    kind="library",
    zig_target="",
    isa=("avx2",) if host_cpu() == "x86_64_v3" else (),
    faster="vnni" if host_cpu() == "x86_64_v3" else "",
)
