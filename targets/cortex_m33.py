"""Cortex-M33F: a firmware image.

Single-precision FPU and DSP instructions. Limits of the nRF5340's application core; QEMU's MPS2
machine (AN505) has more memory, at other addresses, and its map is used so that the image boots
there.
"""

from edgernn.target import Board, Target

TARGET = Target(
    name="cortex-m33",
    summary="Cortex-M33F, 128 MHz, 1 MB flash, 512 KB RAM",
    kind="firmware",
    zig_target="thumb-freestanding-eabihf",
    zig_cpu="cortex_m33+dsp+fp_armv8d16sp",
    gcc_flags=("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"),
    isa=("dsp", "scalar"),
    runner="chip",
    board=Board(
        flash_base=0x1000_0000,
        flash_bytes=1024 * 1024,
        ram_base=0x3800_0000,
        ram_bytes=512 * 1024,
        qemu_machine="mps2-an505",
        unicorn_cpu="M33",
    ),
    clock_hz=128_000_000,
)
