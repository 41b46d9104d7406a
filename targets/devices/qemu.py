"""An emulated Linux machine: `qemu:aarch64`, or `qemu:aarch64:cortex-a72` for one of its cores."""

from __future__ import annotations

import shutil

from edgernn.errors import ToolError
from edgernn.targets.devices.local import Here
from edgernn.targets.runners.qemu import INSTALL, USER, USER_CPU


def open_device(rest: str) -> Here:
    """Raises: ToolError if QEMU is not installed, or runs no programs of this machine."""
    machine, _, core = rest.partition(":")
    if machine not in ("aarch64", "arm"):
        raise ToolError(f"qemu:{rest}: programs run on qemu:aarch64 alone")
    found = shutil.which(USER)
    if found is None:
        raise ToolError(f"qemu:{rest}: needs {USER}; run: {INSTALL[USER]}")
    return Here("aarch64", (found, "-cpu", core or USER_CPU), f"qemu:{rest}")
