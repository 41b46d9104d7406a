"""Android on x86-64 (x86_64; emulators, Chromebooks): a shared library that needs no other.

Baseline x86-64-v2 (SSE4.2, POPCNT), which this ABI promises; AVX2 it does not, so the portable
kernels serve. On an x86-64 machine it runs in the process itself: it calls nothing of any system's.

Source: Android NDK, "Android ABIs".
"""

from edgernn.target import Target

TARGET = Target(
    name="android-x86_64",
    summary="64-bit Android on x86: a shared library for x86_64",
    kind="library",
    zig_target="x86_64-linux-gnu.2.31",
    zig_cpu="x86_64_v2",
    gcc_flags=("-march=x86-64-v2",),
    flags=("-Wl,-z,max-page-size=16384", "-Wl,--hash-style=both"),
    runner="x86_64",
)
