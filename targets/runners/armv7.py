"""Run a 32-bit ARM shared library on an emulated core (unicorn, from PyPI).

The twin of `aarch64` for ARMv7-A: its library needs no other either.
"""

from __future__ import annotations

from edgernn.elf import Image, read_elf
from edgernn.errors import ToolError
from edgernn.target import Target
from edgernn.targets.runners._unicorn import (
    RETURN_ADDRESS,
    STACK_END,
    Core,
    EmulatedModule,
    Layout,
    import_unicorn,
    map_image,
    missing_unicorn,
)

BASE = 0x1000_0000
HEAP_BASE = 0x4000_0000
FPU_OPEN, FPU_ON = 0xF << 20, 1 << 30  # in CPACR, in FPEXC


class Armv7Runner:
    """Loads libraries built by `toolchain.build_library` for ARMv7-A."""

    name = "armv7"

    def missing(self) -> str | None:
        return missing_unicorn()

    def load(self, binary: bytes, target: Target) -> EmulatedModule:
        """Raises: ToolError when the library is for another machine, MissingExtra."""
        image = read_elf(binary)
        if image.machine != "EM_ARM" or not image.relocatable:
            raise ToolError(f"a binary for {image.machine[3:].lower()}, not for {target.name}")
        return _load(image)


def _load(image: Image) -> EmulatedModule:
    unicorn, arm = import_unicorn(), import_unicorn("arm_const")
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_ARM)
    uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_A15)
    map_image(uc, image, BASE, 4)
    uc.reg_write(arm.UC_ARM_REG_C1_C0_2, FPU_OPEN)
    uc.reg_write(arm.UC_ARM_REG_FPEXC, FPU_ON)
    core = Core(
        arguments=tuple(getattr(arm, f"UC_ARM_REG_R{i}") for i in range(4)),
        result=arm.UC_ARM_REG_R0,
        link=arm.UC_ARM_REG_LR,
        stack=arm.UC_ARM_REG_SP,
        counter=arm.UC_ARM_REG_PC,
        word_bytes=4,
        thumb=False,
        instructions=lambda code: len(code) // 4,
    )
    layout = Layout(RETURN_ADDRESS, STACK_END, HEAP_BASE)
    return EmulatedModule(uc, image, core, layout, BASE)


RUNNER = Armv7Runner()
