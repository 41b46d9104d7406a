"""64-bit Android phones (arm64-v8a): a shared library that needs no other, not even bionic.

Baseline ARMv8-A with NEON; products use dotprod where the core has it (Cortex-A55 and later).
Segments lie on pages of 16 KB, as Android 15 asks; x18 is Android's own (shadow call stack); both
tables of symbols are there, so that any Android's linker finds them. It calls nothing, so that one
library serves every API level. It is run on an emulated core; no Android was there to load it.

Source: Android NDK, "Support 16 KB page sizes"; AAPCS64 on the platform register.
"""

from dataclasses import replace

from edgernn.targets.aarch64 import TARGET as LINUX

TARGET = replace(
    LINUX,
    name="android-arm64",
    summary="64-bit Android: a shared library for arm64-v8a (emulated elsewhere)",
    flags=("-ffixed-x18", "-Wl,-z,max-page-size=16384", "-Wl,--hash-style=both"),
    aliases=(),
    cores=(),
)
