"""Run a shared library in this very process, through ctypes."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from edgernn.compilers import V3_FLAGS, cpu_flags
from edgernn.errors import ToolError
from edgernn.target import Target

ALIGN = 16


class LocalModule:
    """A library in our own memory. Addresses are ours, so a wrong one ends the process."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        self._functions: dict[tuple[str, int], Callable[..., int]] = {}
        self._buffers: list[ctypes.Array[ctypes.c_char]] = []

    def alloc(self, nbytes: int) -> int:
        buffer = ctypes.create_string_buffer(nbytes + ALIGN)
        self._buffers.append(buffer)
        return -(-ctypes.addressof(buffer) // ALIGN) * ALIGN

    def write(self, address: int, data: bytes) -> None:
        ctypes.memmove(address, data, len(data))

    def read(self, address: int, nbytes: int) -> bytes:
        return ctypes.string_at(address, nbytes)

    def call(self, symbol: str, *args: int) -> int:
        function = self._functions.get((symbol, len(args))) or self._bind(symbol, len(args))
        return function(*args)

    def count(self, symbol: str, *args: int) -> int:
        raise ToolError("instructions cannot be counted on the host; use an emulated target")

    def _bind(self, symbol: str, arity: int) -> Callable[..., int]:
        try:
            address = ctypes.cast(getattr(self._library, symbol), ctypes.c_void_p).value
        except AttributeError:
            raise ToolError(f"the library has no function {symbol!r}") from None
        # a prototype per arity: pointers and small integers alike travel as whole registers
        prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * arity)
        function: Callable[..., int] = prototype(address or 0)
        self._functions[symbol, arity] = function
        return function


class LocalRunner:
    """Loads libraries built for this machine."""

    name = "local"

    def missing(self) -> str | None:
        return None

    def load(self, binary: bytes, target: Target) -> LocalModule:
        """Raises: ToolError when the library is for another machine or cannot be loaded."""
        if target.zig_target:
            raise ToolError(f"an artifact for {target.name} cannot run in this process")
        _check_cpu(binary)
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            path = Path(folder) / "step.so"
            path.write_bytes(binary)
            os.chmod(path, 0o700)
            try:
                library = ctypes.CDLL(str(path), mode=getattr(os, "RTLD_LOCAL", 0))
            except OSError as error:
                reason = str(error).replace(f"{path}: ", "")
                raise ToolError(f"cannot load the library for this machine: {reason}") from error
        return LocalModule(library)


def _check_cpu(binary: bytes) -> None:
    """Refuse a library for a newer CPU before one of its instructions ends the process."""
    if b"edgernn-cpu:x86_64_v3" not in binary:
        return
    lacking = sorted(set(V3_FLAGS) - cpu_flags())
    if lacking:
        raise ToolError(
            f"this library was built for a CPU with AVX2; this one lacks {', '.join(lacking)}. "
            "Export again on this machine"
        )


RUNNER = LocalRunner()
