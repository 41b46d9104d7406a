"""Cortex-M7F: a firmware image.

FPU and DSP instructions. Limits of the STM32F746; QEMU's MPS2 machine (AN500) has more memory,
at other addresses, and its map is used so that the image boots there.
"""

from edgernn.target import Board, Target

TARGET = Target(
    name="cortex-m7",
    summary="Cortex-M7F, 216 MHz, 1 MB flash, 320 KB RAM",
    kind="firmware",
    zig_target="thumb-freestanding-eabihf",
    zig_cpu="cortex_m7+fp_armv8d16",
    gcc_flags=("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-d16"),
    isa=("dsp", "scalar"),
    runner="chip",
    board=Board(
        flash_base=0x0000_0000,
        flash_bytes=1024 * 1024,
        ram_base=0x2000_0000,
        ram_bytes=320 * 1024,
        qemu_machine="mps2-an500",
        unicorn_cpu="M7",
    ),
    clock_hz=216_000_000,
)
