"""A module on a machine of qemu-system-arm: memory and calls through its debug port."""

from __future__ import annotations

import mmap
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

from edgernn.elf import Image
from edgernn.errors import ToolError
from edgernn.target import Board
from edgernn.targets.runners._gdb import ARM_LR, ARM_PC, ARM_SP, GdbLink
from edgernn.targets.runners._plugin import plugin_for

ALIGN = 16
CALL_SECONDS = 300
REGISTER_ARGUMENTS = 4


class QemuModule:
    """An image after its own start-up. Buffers of `alloc` lie in the chip's RAM above its own.

    The machine lives as long as this object; `close` ends it earlier.
    """

    def __init__(self, machine: list[str], binary: bytes, image: Image, board: Board) -> None:
        self.image = image
        self._machine, self._binary = machine, binary
        self._heap = -(-image.symbol("__bss_end") // ALIGN) * ALIGN
        self._heap_end = board.ram_base + board.ram_bytes
        self._stack = image.symbol("__stack_top")
        # nothing returns to the reset code by itself, so its address can stand for "done"
        self._return = image.symbol("edgernn_reset")
        self._total: mmap.mmap | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="edgernn-"))
        self._link = self._start([])

    def alloc(self, nbytes: int) -> int:
        address = self._heap
        self._heap += -(-max(nbytes, 1) // ALIGN) * ALIGN
        if self._heap > self._heap_end:
            raise ToolError(f"no RAM left on the chip for {nbytes:,} bytes more")
        self.write(address, bytes(nbytes))
        return address

    def write(self, address: int, data: bytes) -> None:
        self._link.write(address, data)

    def read(self, address: int, nbytes: int) -> bytes:
        return self._link.read(address, nbytes)

    def call(self, symbol: str, *args: int) -> int:
        """Result as a signed 32-bit integer."""
        link = self._link
        rest = args[REGISTER_ARGUMENTS:]
        stack = self._stack - -(-len(rest) * 4 // ALIGN) * ALIGN
        if rest:
            link.write(stack, b"".join((v & 0xFFFFFFFF).to_bytes(4, "little") for v in rest))
        for number, value in enumerate(args[:REGISTER_ARGUMENTS]):
            link.set_register(number, value)
        link.set_register(ARM_SP, stack)
        link.set_register(ARM_LR, self._return | 1)
        link.set_register(ARM_PC, self.image.symbol(symbol) & ~1)
        self._run(self._return, symbol)
        result = link.register(0)
        return result - (1 << 32) if result >> 31 else result

    def count(self, symbol: str, *args: int) -> int:
        """Instructions executed, the last return included.

        The first count moves the image into a machine that counts; memory is carried over.
        """
        if self._total is None:
            self._move_to_counting_machine()
        assert self._total
        before = int.from_bytes(self._total[:8], "little")
        self.call(symbol, *args)
        return int.from_bytes(self._total[:8], "little") - before

    def close(self) -> None:
        """End the machine."""
        self._finalizer()

    def _move_to_counting_machine(self) -> None:
        start = self.image.symbol("__data_start")
        memory = self.read(start, self._heap - start)
        live = self._folder / "live"
        live.write_bytes(bytes(8))
        plugin = plugin_for(self._machine[0])
        self._finalizer.detach()
        self._link.close()
        self._link = self._start(["-plugin", f"{plugin},live={live}"])
        with live.open("r+b") as file:
            self._total = mmap.mmap(file.fileno(), 8)
        self.write(start, memory)

    def _start(self, extra: list[str]) -> GdbLink:
        path, errors = self._folder / "image", self._folder / "errors"
        path.write_bytes(self._binary)
        command = [*self._machine, *extra, "-kernel", str(path), "-S", "-gdb", "stdio"]
        with errors.open("wb") as sink:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sink
            )
        try:
            link = GdbLink(process, errors)
        except BaseException:
            process.kill()
            process.communicate()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        self._link = link
        self._finalizer = weakref.finalize(self, _end, link, self._folder)
        self._run(self.image.symbol("main") & ~1, "start-up")
        return link

    def _run(self, address: int, what: str) -> None:
        reached = self._link.run_until(address, CALL_SECONDS) & ~1
        if reached != address & ~1:
            where = self.image.function_at(reached)
            raise ToolError(f"{what}: stopped at {reached:#x} in {where}")


def _end(link: GdbLink, folder: Path) -> None:
    link.close()
    shutil.rmtree(folder, ignore_errors=True)
