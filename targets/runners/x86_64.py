"""Run a shared library for x86-64 in this very process, whatever system it was made for.

Its libraries call nothing of a system's, so any x86-64 Linux can load them.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import replace

from edgernn.backend import Module
from edgernn.elf import read_elf
from edgernn.errors import ToolError
from edgernn.target import Target
from edgernn.targets.runners.local import RUNNER as LOCAL


class X8664Runner:
    """Loads libraries built by `toolchain.build_library` for x86-64."""

    name = "x86_64"

    def missing(self) -> str | None:
        if sys.platform == "linux" and platform.machine() == "x86_64":
            return None
        return "needs an x86-64 Linux machine; there is no emulator for it here"

    def load(self, binary: bytes, target: Target) -> Module:
        """Raises: ToolError when the library is for another machine, or this one is another."""
        if lacking := self.missing():
            raise ToolError(f"{target.name}: {lacking}")
        machine = read_elf(binary).machine
        if machine != "EM_X86_64":
            raise ToolError(f"a binary for {machine[3:].lower()}, not for {target.name}")
        return LOCAL.load(binary, replace(target, zig_target=""))


RUNNER = X8664Runner()
