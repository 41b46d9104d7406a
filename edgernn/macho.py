"""Static libraries for Apple's systems: read, linked into an image for an emulator, joined.

Sections of all objects are laid one behind the other; no library of the system is known, so every
function that is called must be there. Source: Apple, mach-o/loader.h, reloc.h, arm64/reloc.h.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from edgernn.elf import Image, Segment, Sizes
from edgernn.errors import ToolError

ARCHIVE = b"!<arch>\n"
OBJECT_64, FAT = 0xFEEDFACF, 0xCAFEBABE
SEGMENT, SYMTAB, BUILD_VERSION = 0x19, 0x2, 0x32
CPUS = {0x0100000C: "EM_AARCH64", 0x01000007: "EM_X86_64"}
PLATFORMS = {1: "macos", 2: "ios", 7: "ios-simulator"}
ZEROED, DEBUG, CODE = 0x1, 0x02000000, 0x80000000
PAGE, FAT_ALIGN = 4096, 14
# kinds of relocations: whole pointers, differences, and by instruction
POINTER, MINUS = 0, {"EM_AARCH64": 1, "EM_X86_64": 5}
BRANCH, PAGE_OF, OFFSET_IN_PAGE, ADDEND = 2, 3, 4, 10
PAGE_OF_POINTER, OFFSET_OF_POINTER = 5, 6
X86_LOAD_OF_POINTER, X86_RELATIVE = 3, (1, 2, 3, 6, 7, 8)


class Relocation(NamedTuple):
    """In a section: where, of which symbol or, if not `named`, section; 2^size bytes."""

    at: int
    target: int
    named: bool
    size: int
    kind: int


class Symbol(NamedTuple):
    """section: from 1 on, 0 for one that is elsewhere. external: seen by a linker."""

    name: str
    section: int
    value: int
    external: bool


@dataclass(slots=True)
class Section:
    """A run of an object's memory; `place` is where it comes to lie."""

    address: int
    nbytes: int
    align: int
    data: bytes
    code: bool
    relocations: list[Relocation]
    place: int = 0


@dataclass(slots=True)
class Object:
    """A Mach-O object. least: the oldest version of the platform."""

    machine: str
    platform: str
    least: str
    sections: list[Section] = field(default_factory=list)
    symbols: list[Symbol] = field(default_factory=list)


def members(archive: bytes) -> Iterator[tuple[str, bytes]]:
    """Name and content of each object in a static library. Raises: ToolError."""
    if not archive.startswith(ARCHIVE):
        raise ToolError("not a static library")
    at = len(ARCHIVE)
    while at < len(archive):
        head = archive[at : at + 60]
        name, nbytes = head[:16].decode("latin1").strip(), int(head[48:58])
        content = archive[at + 60 : at + 60 + nbytes]
        if name.startswith("#1/"):
            length = int(name[3:])
            name, content = content[:length].rstrip(b"\0").decode(), content[length:]
        if not name.startswith("__.SYMDEF"):
            yield name, content
        at += 60 + nbytes + nbytes % 2


def read_object(data: bytes) -> Object:
    """Raises: ToolError for what is no 64-bit Mach-O object."""
    if len(data) < 32 or struct.unpack_from("<I", data)[0] != OBJECT_64:
        raise ToolError("not a Mach-O object")
    cpu, _, _, count = struct.unpack_from("<4I", data, 4)
    made = Object(CPUS.get(cpu, hex(cpu)), "", "")
    at = 32
    for _ in range(count):
        command, nbytes = struct.unpack_from("<2I", data, at)
        if command == SEGMENT:
            made.sections += _sections(data, at)
        elif command == SYMTAB:
            made.symbols = list(_symbols(data, at))
        elif command == BUILD_VERSION:
            platform, least = struct.unpack_from("<2I", data, at + 8)
            made.platform = PLATFORMS.get(platform, str(platform))
            made.least = f"{least >> 16}.{least >> 8 & 255}"
        at += nbytes
    return made


def _sections(data: bytes, at: int) -> Iterator[Section]:
    (count,) = struct.unpack_from("<I", data, at + 64)
    for i in range(count):
        head = at + 72 + 80 * i
        address, nbytes = struct.unpack_from("<2Q", data, head + 32)
        start, align, where, relocations, flags = struct.unpack_from("<5I", data, head + 48)
        if flags & DEBUG:
            nbytes, relocations = 0, 0
        zeroed = flags & 255 == ZEROED
        content = bytes(nbytes) if zeroed else data[start : start + nbytes]
        rows = [
            _relocation(*struct.unpack_from("<iI", data, where + 8 * k)) for k in range(relocations)
        ]
        yield Section(address, nbytes, 1 << align, content, bool(flags & CODE), rows)


def _relocation(at: int, word: int) -> Relocation:
    named, size, kind = bool(word >> 27 & 1), word >> 25 & 3, word >> 28
    return Relocation(at, word & 0xFFFFFF, named, size, kind)


def _symbols(data: bytes, at: int) -> Iterator[Symbol]:
    start, count, strings, _ = struct.unpack_from("<4I", data, at + 8)
    for i in range(count):
        name, kind, section, _, value = struct.unpack_from("<IBBHQ", data, start + 16 * i)
        end = data.index(b"\0", strings + name)
        text = data[strings + name : end].decode()
        yield Symbol(text, section if kind & 0x0E == 0x0E else 0, value, bool(kind & 1))


def link(*archives: bytes) -> Image:
    """All objects of static libraries as one image that may lie at any page.

    Of a function that is there twice the first is taken. Raises: ToolError with what is missing.
    """
    objects = [read_object(data) for archive in archives for _, data in members(archive)]
    top = 0
    for section in (section for one in objects for section in one.sections):
        section.place = -(-top // section.align) * section.align
        top = section.place + section.nbytes
    known: dict[str, int] = {}
    functions = []
    for one in objects:
        for symbol in one.symbols:
            if not symbol.section:
                continue
            place = _place_in(one, symbol)
            if symbol.external:
                known.setdefault(symbol.name, place)
            if one.sections[symbol.section - 1].code:
                functions.append((place, symbol.name.removeprefix("_")))
    memory = bytearray(-(-top // PAGE) * PAGE)
    pointers: list[tuple[int, int]] = []
    for section in (section for one in objects for section in one.sections):
        memory[section.place : section.place + section.nbytes] = section.data
    for one in objects:
        for section in one.sections:
            pointers += _relocated(memory, one, section, known)
    functions.sort()
    ends = [start for start, _ in functions[1:]] + [top]
    rows = tuple((a, b - a, name) for (a, name), b in zip(functions, ends, strict=True))
    machine = objects[0].machine
    symbols = {name.removeprefix("_"): place for name, place in known.items()}
    whole = Segment(0, 0, len(memory), bytes(memory), True)
    sizes = Sizes(top, 0, 0, 0, 0, 0)
    return Image(machine, True, 0, symbols, rows, (whole,), tuple(pointers), sizes)


def _relocated(
    memory: bytearray, one: Object, section: Section, known: Mapping[str, int]
) -> Iterator[tuple[int, int]]:
    """Write what a section refers to; gives its pointers, which wait for the base."""
    addend, minus = 0, None
    for row in section.relocations:
        if one.machine == "EM_AARCH64" and row.kind == ADDEND:
            addend = row.target - (row.target >> 23 << 24)
            continue
        if row.named:
            target = _place(one, one.symbols[row.target], known)
        else:
            own = one.sections[row.target - 1]
            target = own.place - own.address
        if row.kind == MINUS[one.machine]:
            minus = target
            continue
        at = section.place + row.at
        if row.kind == POINTER:
            size = 1 << row.size
            value = target + int.from_bytes(memory[at : at + size], "little", signed=True)
            if minus is None:
                yield at, value
            value -= minus or 0
            memory[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")
        elif one.machine == "EM_AARCH64":
            _instruction(memory, at, row.kind, target + addend)
        elif row.kind in X86_RELATIVE:
            _relative(memory, at, row, target, section)
        else:
            raise ToolError(f"a relocation of kind {row.kind}, which is not known")
        addend, minus = 0, None


def _place(one: Object, symbol: Symbol, known: Mapping[str, int]) -> int:
    if not symbol.external:
        return _place_in(one, symbol)
    if symbol.name not in known:
        raise ToolError(f"no library here has {symbol.name.removeprefix('_')}")
    return known[symbol.name]


def _place_in(one: Object, symbol: Symbol) -> int:
    section = one.sections[symbol.section - 1]
    return section.place + symbol.value - section.address


def _instruction(memory: bytearray, at: int, kind: int, target: int) -> None:
    """A relocation in an instruction of AArch64; of a load of a pointer an addition is made."""
    (word,) = struct.unpack_from("<I", memory, at)
    if kind == OFFSET_OF_POINTER:
        word = 0x91000000 | word & 0x3FF
    if kind == BRANCH:
        word |= (target - at) >> 2 & 0x03FFFFFF
    elif kind in (PAGE_OF, PAGE_OF_POINTER):
        pages = (target // PAGE) - (at // PAGE)
        word |= (pages & 3) << 29 | (pages >> 2 & 0x7FFFF) << 5
    elif kind in (OFFSET_IN_PAGE, OFFSET_OF_POINTER):
        scale = 0
        if word & 0x3B000000 == 0x39000000:  # a load or store: counts its own size
            scale = word >> 30 or (4 if word & 0x04800000 == 0x04800000 else 0)
        word |= (target % PAGE >> scale) << 10
    else:
        raise ToolError(f"a relocation of kind {kind}, which is not known")
    struct.pack_into("<I", memory, at, word)


def _relative(memory: bytearray, at: int, row: Relocation, target: int, section: Section) -> None:
    """A relocation that counts from the end of an instruction of x86-64, likewise."""
    if row.kind == X86_LOAD_OF_POINTER:
        memory[at - 2] = 0x8D  # lea, where mov was
    (value,) = struct.unpack_from("<i", memory, at)
    value += target - at - 4
    if not row.named:
        value += section.address + row.at + 4
    struct.pack_into("<i", memory, at, value)


def joined(archives: Mapping[str, bytes]) -> bytes:
    """Static libraries of several CPUs as one file, as `lipo -create` makes it."""
    cpus = {machine: number for number, machine in CPUS.items()}
    align = 1 << FAT_ALIGN
    head, body = struct.pack(">2I", FAT, len(archives)), b""
    at = align
    for machine, data in sorted(archives.items()):
        subtype = 3 if machine == "EM_X86_64" else 0
        head += struct.pack(">5I", cpus[machine], subtype, at, len(data), FAT_ALIGN)
        body += data + bytes(-len(data) % align)
        at = align + len(body)
    return head + bytes(align - len(head)) + body
