"""32-bit Android phones (armeabi-v7a): a shared library that needs no other, not even bionic.

Baseline ARMv7-A with VFPv3 and NEON. Floating-point arguments travel in integer registers
(softfp), as every function of this ABI takes them. The portable kernels serve: those of `neon` are
written for 64-bit cores. Only 64-bit Android asks for pages of 16 KB; they cost nothing here.

Source: Android NDK, "Android ABIs".
"""

from edgernn.target import Target

TARGET = Target(
    name="android-armv7",
    summary="32-bit Android: a shared library for armeabi-v7a (emulated elsewhere)",
    kind="library",
    zig_target="arm-linux-gnueabi.2.31",
    zig_cpu="cortex_a8",
    gcc_flags=("-march=armv7-a", "-mfpu=neon"),
    flags=("-mfloat-abi=softfp", "-Wl,-z,max-page-size=16384", "-Wl,--hash-style=both"),
    runner="armv7",
)
