"""Cycles of a Cortex-M3 or M4, estimated: each instruction counted, times what the manual says.

Tables 3-1 of the technical reference manuals (M3: ARM DDI 0337I, M4: ARM 100166) give cycles of an
instruction from memory without wait states. What they leave open is set here: a taken branch
refills the pipeline in 2 cycles (they say 1 to 3), a load behind a load takes 1 cycle, else 2 (as
neighbours are pipelined), a store 1 (the write buffer), a division 7 (2 to 12). Waiting for flash,
for a result of the FPU, and for the bus is not in it. So it is an estimate; a core that takes two
instructions at once (M7, M55) or whose manual gives no cycles (M33) has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgernn.elf import Image

REFILL = 2.0  # cycles of a taken branch beyond its own; 1 to 3
DIVIDE = 7.0  # 2 to 12
ROOT = 14.0  # VDIV and VSQRT


@dataclass(frozen=True, slots=True)
class Timing:
    """Cycles of what the two cores take differently: multiply-add, long product, and with a sum."""

    multiply_add: float
    long: float
    long_add: float


TIMINGS = {"cortex-m3": Timing(2.0, 4.0, 5.5), "cortex-m4": Timing(1.0, 1.0, 1.0)}


def estimated_cycles(
    image: Image, core: str, executed: Mapping[int, tuple[int, int]]
) -> float | None:
    """Cycles of what was executed, or None for a core without a table.

    executed: address -> how often, and how often the next was not the instruction behind it.
    """
    timing = TIMINGS.get(core)
    if timing is None:
        return None
    total, loaded_until = 0.0, -1  # the address behind the last load
    for address in sorted(executed):
        times, left = executed[address]
        word, nbytes = _word(image, address)
        cycles, load = _cycles(word, nbytes, timing)
        if load:
            cycles = 1.0 if loaded_until == address else 2.0
            loaded_until = address + nbytes
        # what is skipped behind a condition takes its cycle, too
        total += times * cycles + left * (REFILL if _branches(word, nbytes) else 1.0)
    return total


def _word(image: Image, address: int) -> tuple[int, int]:
    """The instruction, its first halfword above the second, and its bytes."""
    for part in image.segments:
        at = address - part.address
        if 0 <= at < len(part.data):
            first = int.from_bytes(part.data[at : at + 2], "little")
            if first >> 11 not in (0b11101, 0b11110, 0b11111):
                return first, 2
            return first << 16 | int.from_bytes(part.data[at + 2 : at + 4], "little"), 4
    return 0, 2


def _branches(word: int, nbytes: int) -> bool:
    """Whether it may go elsewhere: a branch, a call, a return."""
    if nbytes == 2:
        high = word & 0xFF00
        to_pc = high in (0x4400, 0x4600) and word & 0x87 == 0x87
        some = word >> 12 == 0xD or word >> 11 == 0b11100 or word & 0xF500 == 0xB100
        return some or to_pc or high in (0x4700, 0xBD00)
    jump, table = word & 0xF800_8000 == 0xF000_8000, word & 0xFFF0_FFE0 == 0xE8D0_F000
    popped = word & 0xFE50_8000 == 0xE810_8000
    return jump or table or popped or word & 0xFE10_F000 == 0xF810_F000


def _cycles(word: int, nbytes: int, timing: Timing) -> tuple[float, bool]:
    """Cycles without a refill, and whether it is a load of one register."""
    if nbytes == 2:
        return _narrow(word)
    if word & 0xFE40_0000 == 0xE800_0000:  # LDM, STM
        return 1.0 + (word & 0xFFFF).bit_count(), False
    if word & 0xFFF0_FFE0 == 0xE8D0_F000:  # TBB, TBH
        return 2.0, False
    if word & 0xFE40_0000 == 0xE840_0000:  # LDRD, STRD
        return 3.0, False
    if word & 0xFE00_0000 == 0xF800_0000:
        return 1.0, bool(word & 0x0010_0000)
    if word & 0xFFF0_0000 == 0xFB00_0000:  # MUL, MLA, MLS
        return (1.0 if word & 0xF000 == 0xF000 else timing.multiply_add), False
    if word & 0xFF80_0000 == 0xFB80_0000:
        if word & 0xF0 == 0xF0:
            return DIVIDE, False
        return (timing.long_add if word & 0x0040_0000 else timing.long), False
    return (_floating(word) if word & 0xEC00_0E00 == 0xEC00_0A00 else 1.0), False


def _narrow(word: int) -> tuple[float, bool]:
    if word >> 12 == 0xC:  # LDM, STM
        return 1.0 + (word & 0xFF).bit_count(), False
    if word & 0xF600 == 0xB400:  # PUSH, POP
        return 1.0 + (word & 0x1FF).bit_count(), False
    by_register = word >> 12 == 5 and word & 0x0E00 >= 0x0600
    by_number = word >> 12 in (6, 7, 8, 9) and word & 0x0800
    return 1.0, bool(by_register or by_number or word >> 11 == 0b01001)


def _floating(word: int) -> float:
    """Of the FPU: single precision alone."""
    if word & 0xFFE0_0000 == 0xEC40_0000:  # VMOV of two registers
        return 2.0
    if word & 0xFE00_0000 == 0xEC00_0000:
        single = word & 0x0120_0000 == 0x0100_0000
        return 2.0 if single else 1.0 + (word & 0xFF)
    if word & 0xFF00_0010 != 0xEE00_0000:
        return 1.0
    kind = word >> 20 & 0b1011
    if kind == 0b1000 or (kind == 0b1011 and word >> 16 & 0xF == 1 and word & 0xC0 == 0xC0):
        return ROOT
    return 1.0 if kind in (0b0010, 0b0011, 0b1011) else 3.0
