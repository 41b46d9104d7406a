"""An emulated Linux machine: `qemu:aarch64`, or a core of it, as `qemu:cortex-a72`."""

from __future__ import annotations

import shutil

from edgernn.errors import ToolError
from edgernn.target import find_target
from edgernn.targets.devices.local import Here
from edgernn.targets.runners.qemu import INSTALL, USER, USER_CPU


def open_device(rest: str) -> Here:
    """Raises: ToolError if QEMU is absent, or runs no programs of this machine."""
    machine = find_target("aarch64")
    name, _, core = rest.partition(":")
    if name in machine.cores and not core:
        name, core = machine.name, name
    if name not in (machine.name, *machine.aliases):
        cores = ", ".join(f"qemu:{core}" for core in machine.cores)
        raise ToolError(
            f"qemu:{rest}: programs run on qemu:aarch64 alone, or on a core of it: {cores}"
        )
    found = shutil.which(USER)
    if found is None:
        raise ToolError(f"qemu:{rest}: needs {USER}; run: {INSTALL[USER]}")
    return Here("aarch64", (found, "-cpu", core or USER_CPU), f"qemu:{rest}")
