"""Cortex-M4F: a firmware image.

Single-precision FPU and DSP instructions. Limits and map of the STM32F405 on the Netduino
Plus 2, which is also the machine QEMU offers.
"""

from edgernn.target import Board, Target

TARGET = Target(
    name="cortex-m4",
    summary="Cortex-M4F, 168 MHz, 1 MB flash, 128 KB RAM",
    kind="firmware",
    zig_target="thumb-freestanding-eabihf",
    zig_cpu="cortex_m4+vfp4d16sp",
    gcc_flags=("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
    isa=("dsp", "scalar"),
    runner="chip",
    board=Board(
        flash_base=0x0800_0000,
        flash_bytes=1024 * 1024,
        ram_base=0x2000_0000,
        ram_bytes=128 * 1024,
        qemu_machine="netduinoplus2",
        unicorn_cpu="M4",
    ),
    clock_hz=168_000_000,
)
