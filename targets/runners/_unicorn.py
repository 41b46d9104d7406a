"""Memory and calls on an emulated core (unicorn, from PyPI): what their runners share."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edgernn.elf import Image
from edgernn.errors import MissingExtra, ToolError

ALIGN = 16
PAGE = 0x1000
GROW_BYTES = 0x10_0000
CALL_SECONDS = 300
STACK_BASE, STACK_BYTES = 0x7000_0000, 0x10_0000  # of what is a library on its target
STACK_END = STACK_BASE + STACK_BYTES
RETURN_ADDRESS = 0x7F00_0000


@dataclass(frozen=True, slots=True)
class Core:
    """Registers and calling convention of an architecture, as unicorn's constants.

    arguments: registers of the first arguments; the rest go to the stack, `word_bytes` each.
    instructions: number of instructions in a run of code bytes.
    """

    arguments: tuple[int, ...]
    result: int
    link: int
    stack: int
    counter: int
    word_bytes: int
    thumb: bool
    instructions: Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Layout:
    """Addresses the runner adds: where a call returns to, its stack, and memory for `alloc`."""

    return_address: int
    stack_top: int
    heap_base: int


class EmulatedModule:
    """An image in an emulated core's memory. Calls run to their end or raise ToolError."""

    def __init__(self, uc: Any, image: Image, core: Core, layout: Layout, base: int = 0) -> None:
        self.image = image
        self._uc, self._core, self._layout, self._base = uc, core, layout, base
        self._heap = self._heap_end = layout.heap_base
        self._lengths: dict[tuple[int, int], int] = {}

    def alloc(self, nbytes: int) -> int:
        address = self._heap
        self._heap += -(-max(nbytes, 1) // ALIGN) * ALIGN
        while self._heap > self._heap_end:
            self._uc.mem_map(self._heap_end, GROW_BYTES)
            self._heap_end += GROW_BYTES
        return address

    def write(self, address: int, data: bytes) -> None:
        self._guard(lambda: self._uc.mem_write(address, bytes(data)), "write")

    def read(self, address: int, nbytes: int) -> bytes:
        return bytes(self._guard(lambda: self._uc.mem_read(address, nbytes), "read"))

    def call(self, symbol: str, *args: int) -> int:
        """Result as a signed 32-bit integer."""
        core, uc = self._core, self._uc
        uc.reg_write(core.link, self._layout.return_address | int(core.thumb))
        uc.reg_write(core.stack, self._push(args[len(core.arguments) :]))
        for register, value in zip(core.arguments, args, strict=False):
            uc.reg_write(register, value)
        start = self._base + self.image.symbol(symbol)
        self.run_until(start, self._layout.return_address, symbol)
        result = uc.reg_read(core.result) & 0xFFFFFFFF
        return int(result - (1 << 32) if result >> 31 else result)

    def count(self, symbol: str, *args: int) -> int:
        """Instructions executed, the last return included. A skipped conditional one counts."""
        return sum(self.count_by_function(symbol, *args).values())

    def count_by_function(self, symbol: str, *args: int) -> dict[str, int]:
        """Instructions executed in each function, most first."""
        found: dict[int, int] = {}

        def on_block(uc: Any, address: int, nbytes: int, _: object) -> None:
            length = self._lengths.get((address, nbytes))
            if length is None:
                length = self._core.instructions(bytes(uc.mem_read(address, nbytes)))
                self._lengths[address, nbytes] = length
            found[address] = found.get(address, 0) + length

        hook = self._uc.hook_add(import_unicorn().UC_HOOK_BLOCK, on_block)
        # code translated before has no hook in it
        self._uc.ctl_flush_tb()
        try:
            self.call(symbol, *args)
        finally:
            self._uc.hook_del(hook)
            self._uc.ctl_flush_tb()
        named: dict[str, int] = {}
        for address, instructions in found.items():
            if address == self._layout.return_address:
                continue
            name = self.image.function_at(address - self._base)
            named[name] = named.get(name, 0) + instructions
        return dict(sorted(named.items(), key=lambda row: -row[1]))

    def run_until(self, start: int, end: int, what: str) -> None:
        """Run from `start` to `end`. Raises: ToolError with the address of a fault."""
        core, uc = self._core, self._uc
        self._guard(lambda: uc.emu_start(start, end, timeout=CALL_SECONDS * 1_000_000), what)
        stopped = uc.reg_read(core.counter)
        if stopped & ~int(core.thumb) != end & ~int(core.thumb):
            where = self.image.function_at(stopped - self._base)
            raise ToolError(f"{what}: no end after {CALL_SECONDS} s; stopped in {where}")

    def _push(self, args: Sequence[int]) -> int:
        word = self._core.word_bytes
        top = self._layout.stack_top - -(-len(args) * word // ALIGN) * ALIGN
        if args:
            mask = (1 << 8 * word) - 1
            data = b"".join((value & mask).to_bytes(word, "little") for value in args)
            self._uc.mem_write(top, data)
        return top

    def _guard(self, action: Callable[[], Any], what: str) -> Any:
        try:
            return action()
        except import_unicorn().UcError as error:
            stopped = self._uc.reg_read(self._core.counter)
            where = self.image.function_at(stopped - self._base)
            raise ToolError(f"{what}: {error} at {stopped:#x} in {where}") from error


def missing_unicorn() -> str | None:
    """None, or the line that says how to install the emulator."""
    for package in ("unicorn", "elftools"):
        if importlib.util.find_spec(package) is None:
            return "needs unicorn and pyelftools; run: pip install 'edgernn[c]'"
    return None


def import_unicorn(part: str = "") -> Any:
    """The package, or one of its modules such as `arm_const`. Raises: MissingExtra."""
    if missing_unicorn():
        raise MissingExtra("unicorn", "c")
    return importlib.import_module(f"unicorn.{part}" if part else "unicorn")


def map_image(uc: Any, image: Image, base: int, word_bytes: int) -> None:
    """Put an image of a Linux library or program at `base`, and map a stack and a place to end."""
    unicorn = import_unicorn()
    for segment in image.segments:
        map_pages(uc, base + segment.address, segment.nbytes, unicorn.UC_PROT_ALL)
        uc.mem_write(base + segment.address, segment.data)
    for address, value in image.relocations:
        uc.mem_write(base + address, (base + value).to_bytes(word_bytes, "little"))
    map_pages(uc, RETURN_ADDRESS, 16, unicorn.UC_PROT_ALL)
    uc.mem_map(STACK_BASE, STACK_BYTES, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)


def map_pages(uc: Any, address: int, nbytes: int, permissions: int) -> None:
    """Map the pages that hold these bytes, once."""
    start, end = address // PAGE * PAGE, -(-(address + max(nbytes, 1)) // PAGE) * PAGE
    mapped = [(low, high) for low, high, _ in uc.mem_regions()]
    for page in range(start, end, PAGE):
        if not any(low <= page <= high for low, high in mapped):
            uc.mem_map(page, PAGE, permissions)
