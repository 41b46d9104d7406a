"""Cortex-M3: a firmware image.

No FPU, no DSP. Limits of the STM32F103xE; QEMU's MPS2 machine (AN385) has more memory, at
other addresses, and its map is used so that the image boots there.
"""

from edgernn.target import Board, Target

TARGET = Target(
    name="cortex-m3",
    summary="Cortex-M3, 72 MHz, 512 KB flash, 64 KB RAM",
    kind="firmware",
    zig_target="thumb-freestanding-eabi",
    zig_cpu="cortex_m3",
    gcc_flags=("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"),
    isa=("scalar",),
    runner="chip",
    board=Board(
        flash_base=0x0000_0000,
        flash_bytes=512 * 1024,
        ram_base=0x2000_0000,
        ram_bytes=64 * 1024,
        qemu_machine="mps2-an385",
        unicorn_cpu="M3",
    ),
    clock_hz=72_000_000,
)
