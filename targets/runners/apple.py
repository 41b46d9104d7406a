"""Run the machine code of static libraries for Apple's systems, without such a system.

For arm64 on an emulated core (unicorn, from PyPI), for x86-64 in this process. What such a library
asks the system for is answered by firmware_stubs/startup. Arguments behind the eighth are pointers,
as all of a step's are: smaller ones Apple packs closer than the emulated core puts them.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import sys
import tempfile
from pathlib import Path

from edgernn.backend import Module
from edgernn.elf import Image
from edgernn.errors import ToolError
from edgernn.macho import link
from edgernn.target import Target
from edgernn.targets.runners._unicorn import missing_unicorn
from edgernn.targets.runners.aarch64 import load_image
from edgernn.targets.runners.local import LocalModule
from edgernn.toolchain import build_archive, stub

MACHINES = {"aarch64": "EM_AARCH64", "x86_64": "EM_X86_64"}
SYSTEM = ("memory.c", "darwin.c")


class AppleRunner:
    """Loads libraries built by `toolchain.build_archive`."""

    name = "apple"

    def missing(self) -> str | None:
        return missing_unicorn()

    def load(self, binary: bytes, target: Target) -> Module:
        """Raises: ToolError when the library is for another machine, MissingExtra."""
        image = link(binary, system(target))
        machine = MACHINES[target.zig_target.partition("-")[0]]
        if image.machine != machine:
            raise ToolError(f"a library for {image.machine[3:].lower()}, not for {target.name}")
        return load_image(image) if machine == "EM_AARCH64" else _here(image, target)


def system(target: Target) -> bytes:
    """A library of what others call."""
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        sources = {name: stub(f"startup/{name}") for name in SYSTEM}
        return build_archive(sources, target, Path(folder), name="system").read_bytes()


class _Library:
    """An image in our own memory, which gives its functions as ctypes' libraries do."""

    def __init__(self, image: Image) -> None:
        (segment,) = image.segments
        protection = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
        self._memory = mmap.mmap(-1, segment.nbytes, prot=protection)
        self._memory.write(segment.data)
        self._image = image
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        for address, value in image.relocations:
            self._memory[address : address + 8] = (self._base + value).to_bytes(8, "little")

    def __getattr__(self, symbol: str) -> ctypes.c_void_p:
        if symbol not in self._image.symbols:
            raise AttributeError(symbol)
        return ctypes.c_void_p(self._base + self._image.symbols[symbol])


def _here(image: Image, target: Target) -> LocalModule:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise ToolError(f"{target.name}: runs on an x86-64 Linux machine; this is none")
    return LocalModule(_Library(image))  # type: ignore[arg-type]


RUNNER = AppleRunner()
