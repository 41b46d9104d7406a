"""Run Cortex-M firmware on an emulated core (unicorn, from PyPI).

Two ways: `load` gives the image's functions to be called one by one, `boot` runs the image from
reset until it exits. Unicorn knows M0, M3, M4, M7 and M33; for M55 there is `qemu`. It takes no
exceptions, so a fault is reported by the runner, with the exit code of the image's own handler.

Buffers of `alloc` lie outside the chip's RAM: the caller's test memory is not the product's.
"""

from __future__ import annotations

from typing import Any

from edgernn.elf import Image, read_elf
from edgernn.errors import ToolError
from edgernn.target import Board, Target
from edgernn.targets.runners._boot import FAULT_EXIT_CODE, BootReport
from edgernn.targets.runners._unicorn import (
    Core,
    EmulatedModule,
    Layout,
    import_unicorn,
    map_pages,
    missing_unicorn,
)

RETURN_ADDRESS = 0x1FFF_F000
HEAP_BASE = 0x6000_0000
SYSTEM_BASE, SYSTEM_BYTES = 0xE000_0000, 0x10_0000
SYS_WRITE0, SYS_EXIT_EXTENDED, SYS_WRITEC = 0x04, 0x20, 0x03
BREAKPOINT_AB = b"\xab\xbe"
BOOT_SECONDS = 600


class ChipRunner:
    """Loads and boots images linked by `toolchain.build_firmware`."""

    name = "chip"

    def missing(self) -> str | None:
        return missing_unicorn()

    def load(self, binary: bytes, target: Target) -> EmulatedModule:
        """The image after its own start-up, just before `main`. Raises: ToolError."""
        image, board = _open(binary, target)
        uc = _power_on(image, board)
        core = _core()
        layout = Layout(RETURN_ADDRESS, image.symbol("__stack_top"), HEAP_BASE)
        map_pages(uc, RETURN_ADDRESS, 16, _permissions("rx"))
        module = EmulatedModule(uc, image, core, layout)
        module.run_until(_reset(uc, board, core), image.symbol("main") & ~1, "start-up")
        return module

    def boot(self, binary: bytes, target: Target) -> BootReport:
        """Run from reset until the image exits. Raises: ToolError if it does not."""
        image, board = _open(binary, target)
        uc, core = _power_on(image, board), _core()
        console = _Semihost(core)
        unicorn = import_unicorn()
        uc.hook_add(unicorn.UC_HOOK_INTR, console.on_interrupt)
        try:
            uc.emu_start(_reset(uc, board, core), 0xFFFF_FFF0, timeout=BOOT_SECONDS * 1_000_000)
        except unicorn.UcError as error:
            console.fault(f"{error}", uc)
        if console.exit_code is None:
            stopped = image.function_at(uc.reg_read(core.counter))
            raise ToolError(f"the image did not exit in {BOOT_SECONDS} s; stopped in {stopped}")
        return BootReport(console.exit_code, console.text, "unicorn")


class _Semihost:
    """Answers BKPT 0xAB; everything else that interrupts is a fault."""

    def __init__(self, core: Core) -> None:
        self.text = ""
        self.exit_code: int | None = None
        self._core = core

    def on_interrupt(self, uc: Any, number: int, _: object) -> None:
        core = self._core
        at = uc.reg_read(core.counter)
        try:
            instruction = bytes(uc.mem_read(at, 2))
        except import_unicorn().UcError:
            instruction = b""
        if instruction != BREAKPOINT_AB:
            self.fault(f"exception {number}", uc)
            return
        operation, block = (uc.reg_read(register) for register in core.arguments[:2])
        if operation == SYS_WRITE0:
            self.text += _text_at(uc, block)
        elif operation == SYS_WRITEC:
            self.text += bytes(uc.mem_read(block, 1)).decode("latin-1")
        elif operation == SYS_EXIT_EXTENDED:
            self.exit_code = int.from_bytes(uc.mem_read(block + 4, 4), "little", signed=True)
            uc.emu_stop()
            return
        uc.reg_write(core.counter, (at + 2) | 1)

    def fault(self, reason: str, uc: Any) -> None:
        if self.exit_code is None:
            self.text += f"fault\npc={uc.reg_read(self._core.counter):#010x}\n{reason}\n"
            self.exit_code = FAULT_EXIT_CODE
        uc.emu_stop()


def _open(binary: bytes, target: Target) -> tuple[Image, Board]:
    board = target.board
    if board is None:
        raise ToolError(f"{target.name} is not a chip: it has no board")
    if board.unicorn_cpu is None:
        raise ToolError(
            f"unicorn has no {target.name}; it runs under QEMU: apt-get install qemu-system-arm"
        )
    image = read_elf(binary)
    if image.machine != "EM_ARM":
        raise ToolError(f"an image for {image.machine[3:].lower()}, not for {target.name}")
    return image, board


def _power_on(image: Image, board: Board) -> Any:
    unicorn, arm = import_unicorn(), import_unicorn("arm_const")
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(getattr(arm, f"UC_CPU_ARM_CORTEX_{board.unicorn_cpu}"))
    uc.mem_map(board.flash_base, board.flash_bytes, _permissions("rx"))
    uc.mem_map(board.ram_base, board.ram_bytes, _permissions("rw"))
    uc.mem_map(SYSTEM_BASE, SYSTEM_BYTES, _permissions("rw"))
    for segment in image.segments:
        if segment.data:
            try:
                uc.mem_write(segment.load_address, segment.data)
            except unicorn.UcError as error:
                where = f"{segment.load_address:#x}, {len(segment.data):,} bytes"
                raise ToolError(f"the image does not fit the board at {where}") from error
    return uc


def _reset(uc: Any, board: Board, core: Core) -> int:
    """Do what the core does: stack and entry from the vector table."""
    table = bytes(uc.mem_read(board.flash_base, 8))
    uc.reg_write(core.stack, int.from_bytes(table[:4], "little"))
    return int.from_bytes(table[4:], "little")


def _core() -> Core:
    arm = import_unicorn("arm_const")
    return Core(
        arguments=(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3),
        result=arm.UC_ARM_REG_R0,
        link=arm.UC_ARM_REG_LR,
        stack=arm.UC_ARM_REG_SP,
        counter=arm.UC_ARM_REG_PC,
        word_bytes=4,
        thumb=True,
        instructions=count_thumb,
    )


def count_thumb(code: bytes) -> int:
    """Instructions in Thumb code: 32-bit ones start with 0b11101, 0b11110 or 0b11111."""
    at = total = 0
    while at < len(code):
        at += 4 if code[at + 1] >> 3 in (0b11101, 0b11110, 0b11111) else 2
        total += 1
    return total


def _permissions(text: str) -> int:
    unicorn = import_unicorn()
    bits = {"r": unicorn.UC_PROT_READ, "w": unicorn.UC_PROT_WRITE, "x": unicorn.UC_PROT_EXEC}
    return sum(bits[letter] for letter in text)


def _text_at(uc: Any, address: int) -> str:
    text = bytearray()
    while (byte := uc.mem_read(address + len(text), 1)[0]) != 0:
        text.append(byte)
    return text.decode("utf-8", errors="replace")


RUNNER = ChipRunner()
