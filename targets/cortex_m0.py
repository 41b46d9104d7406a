"""Cortex-M0: a firmware image.

No FPU, no DSP: floats are done in software. Limits and map of the nRF51822 on the micro:bit,
which is also the machine QEMU offers.
"""

from edgernn.target import Board, Target

TARGET = Target(
    name="cortex-m0",
    summary="Cortex-M0, 16 MHz, 256 KB flash, 16 KB RAM",
    kind="firmware",
    zig_target="thumb-freestanding-eabi",
    zig_cpu="cortex_m0",
    gcc_flags=("-mcpu=cortex-m0", "-mthumb", "-mfloat-abi=soft"),
    isa=("thumb1",),
    runner="chip",
    board=Board(
        flash_base=0x0000_0000,
        flash_bytes=256 * 1024,
        ram_base=0x2000_0000,
        ram_bytes=16 * 1024,
        qemu_machine="microbit",
        unicorn_cpu="M0",
    ),
    clock_hz=16_000_000,
)
