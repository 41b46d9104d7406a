"""Cortex-M55 with Helium: a firmware image.

FPU and Helium vectors (MVE, integer and float). Map and memory of the MPS3 machine (AN547) that
QEMU offers; clock of the Ensemble E3's efficiency core. Unicorn has no such core.
"""

from edgernn.target import Board, Target

TARGET = Target(
    name="cortex-m55",
    summary="Cortex-M55 with Helium, 160 MHz, 512 KB flash, 512 KB RAM",
    kind="firmware",
    zig_target="thumb-freestanding-eabihf",
    zig_cpu="cortex_m55+mve_fp",
    gcc_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    isa=("helium", "dsp"),
    runner="qemu",
    board=Board(
        flash_base=0x0000_0000,
        flash_bytes=512 * 1024,
        ram_base=0x2000_0000,
        ram_bytes=512 * 1024,
        qemu_machine="mps3-an547",
    ),
    clock_hz=160_000_000,
)
