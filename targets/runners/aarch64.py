"""Run an aarch64 shared library on an emulated core (unicorn, from PyPI).

The library needs no other, so its segments and relocations are all there is to load. On an
aarch64 machine it is loaded into this process instead, where nothing can be counted.
"""

from __future__ import annotations

import platform
from dataclasses import replace

from edgernn.backend import Module
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
from edgernn.targets.runners.local import RUNNER as LOCAL

BASE = 0x1_0000_0000
HEAP_BASE = 0x2_0000_0000
FPU_ON = 3 << 20


class Aarch64Runner:
    """Loads libraries built by `toolchain.build_library` for aarch64."""

    name = "aarch64"

    def missing(self) -> str | None:
        return None if _is_native() else missing_unicorn()

    def load(self, binary: bytes, target: Target) -> Module:
        """Raises: ToolError when the library is for another machine, MissingExtra."""
        if _is_native():
            return LOCAL.load(binary, replace(target, zig_target=""))
        return self.emulate(binary, target)

    def emulate(self, binary: bytes, target: Target) -> EmulatedModule:
        """The emulated core, wherever we are: the one that can count."""
        image = read_elf(binary)
        if image.machine != "EM_AARCH64":
            raise ToolError(f"a binary for {image.machine[3:].lower()}, not for {target.name}")
        return load_image(image)


def load_image(image: Image) -> EmulatedModule:
    unicorn, arm = import_unicorn(), import_unicorn("arm64_const")
    base = BASE if image.relocatable else 0
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
    uc.ctl_set_cpu_model(arm.UC_CPU_ARM64_MAX)
    map_image(uc, image, base, 8)
    uc.reg_write(arm.UC_ARM64_REG_CPACR_EL1, FPU_ON)
    core = Core(
        arguments=tuple(getattr(arm, f"UC_ARM64_REG_X{i}") for i in range(8)),
        result=arm.UC_ARM64_REG_X0,
        link=arm.UC_ARM64_REG_X30,
        stack=arm.UC_ARM64_REG_SP,
        counter=arm.UC_ARM64_REG_PC,
        word_bytes=8,
        thumb=False,
        instructions=lambda code: len(code) // 4,
    )
    layout = Layout(RETURN_ADDRESS, STACK_END, HEAP_BASE)
    return EmulatedModule(uc, image, core, layout, base)


def _is_native() -> bool:
    return platform.machine() in ("aarch64", "arm64") and platform.system() == "Linux"


RUNNER = Aarch64Runner()
