"""64-bit ARM Linux (Raspberry Pi 3 and later, phones): a shared library that needs no other.

Baseline ARMv8-A with NEON, so it runs on every such core; products use dotprod where the core has
it (a Raspberry Pi 5 does, a Pi 4 does not). glibc 2.31 is named because zig brings its symbols
ready-made; nothing of it is linked.
"""

from edgernn.target import Target

TARGET = Target(
    name="aarch64",
    summary="64-bit ARM Linux: a shared library (emulated elsewhere)",
    kind="library",
    zig_target="aarch64-linux-gnu.2.31",
    zig_cpu="generic",
    gcc_flags=("-march=armv8-a",),
    isa=("neon",),
    faster="dotprod",
    runner="aarch64",
    aliases=("arm",),
    cores=("cortex-a72", "cortex-a76"),
)
