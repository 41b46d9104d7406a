"""Reading ELF files: what lies in flash and RAM, where symbols are. Needs pyelftools."""

from __future__ import annotations

import bisect
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgernn.errors import MissingExtra, ToolError

if TYPE_CHECKING:
    from edgernn.target import Board

GOLDEN_SECTION = ".golden"
STACK_SECTION = ".stack"
R_ARM_RELATIVE, R_AARCH64_RELATIVE = 23, 1027
SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a linked image. Golden vectors are flash that a product does not ship."""

    text: int
    rodata: int
    data: int
    bss: int
    stack: int
    golden: int

    @property
    def flash_bytes(self) -> int:
        """Code, constants and the start values of data, without golden vectors."""
        return self.text + self.rodata + self.data

    @property
    def ram_bytes(self) -> int:
        """Data, zeroed memory and the stack reserved."""
        return self.data + self.bss + self.stack


@dataclass(frozen=True, slots=True)
class Segment:
    """A loadable run of bytes: `load_address` is where a loader puts it, `address` where it runs.

    `nbytes` counts the zeroed tail too.
    """

    address: int
    load_address: int
    nbytes: int
    data: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Image:
    """A parsed ELF file. `symbols` are the defined ones; Thumb bits are left in place.

    relocations: (address, value) of the words to be moved by the base of a relocatable image.
    functions: (start, bytes, name), sorted.
    """

    machine: str
    relocatable: bool
    entry: int
    symbols: Mapping[str, int]
    functions: tuple[tuple[int, int, str], ...]
    segments: tuple[Segment, ...]
    relocations: tuple[tuple[int, int], ...]
    sizes: Sizes

    def symbol(self, name: str) -> int:
        """Address of a symbol. Raises: ToolError when the image lacks it."""
        try:
            return self.symbols[name]
        except KeyError:
            raise ToolError(f"the image has no symbol {name!r}") from None

    def function_at(self, address: int) -> str:
        """Name of the function that holds this address, or its number in hexadecimal."""
        at = bisect.bisect_right(self.functions, (address, 1 << 64, "")) - 1
        if at >= 0:
            start, nbytes, name = self.functions[at]
            if start <= address < start + max(nbytes, 2):
                return name
        return hex(address)


def read_elf(binary: bytes) -> Image:
    """Parse an ELF file. Raises: ToolError when it is none; MissingExtra without pyelftools."""
    try:
        from elftools.common.exceptions import ELFError
        from elftools.elf.elffile import ELFFile
    except ImportError:
        raise MissingExtra("pyelftools", "c") from None
    try:
        elf = ELFFile(io.BytesIO(binary))
        symbols, functions = _read_symbols(elf)
        return Image(
            machine=elf["e_machine"],
            relocatable=elf["e_type"] == "ET_DYN",
            entry=elf["e_entry"],
            symbols=symbols,
            functions=functions,
            segments=_read_segments(elf),
            relocations=_read_relocations(elf) if elf["e_type"] == "ET_DYN" else (),
            sizes=_read_sizes(elf),
        )
    except (ELFError, UnicodeDecodeError, ValueError, KeyError, AttributeError) as error:
        raise ToolError(f"not a readable ELF file of {len(binary):,} bytes: {error}") from error


def _read_symbols(elf: Any) -> tuple[dict[str, int], tuple[tuple[int, int, str], ...]]:
    thumb = elf["e_machine"] == "EM_ARM"
    symbols: dict[str, int] = {}
    functions: list[tuple[int, int, str]] = []
    for table in (".dynsym", ".symtab"):
        section = elf.get_section_by_name(table)
        for entry in section.iter_symbols() if section else ():
            if not entry.name or entry["st_shndx"] == "SHN_UNDEF":
                continue
            symbols[entry.name] = entry["st_value"]
            if entry["st_info"]["type"] == "STT_FUNC":
                start = entry["st_value"] & ~1 if thumb else entry["st_value"]
                functions.append((start, entry["st_size"], entry.name))
    return symbols, tuple(sorted(set(functions)))


def _read_segments(elf: Any) -> tuple[Segment, ...]:
    return tuple(
        Segment(
            address=part["p_vaddr"],
            load_address=part["p_paddr"],
            nbytes=part["p_memsz"],
            data=part.data(),
            executable=bool(part["p_flags"] & 1),
        )
        for part in elf.iter_segments()
        if part["p_type"] == "PT_LOAD" and part["p_memsz"]
    )


def _read_relocations(elf: Any) -> tuple[tuple[int, int], ...]:
    if elf["e_machine"] == "EM_AARCH64":
        return tuple(
            (entry["r_offset"], entry["r_addend"])
            for entry in _relative(elf, ".rela.dyn", R_AARCH64_RELATIVE)
        )
    if elf["e_machine"] != "EM_ARM":
        return ()  # no runner of ours loads these
    found = []
    for entry in _relative(elf, ".rel.dyn", R_ARM_RELATIVE):
        (offset,) = elf.address_offsets(entry["r_offset"], 4)
        elf.stream.seek(offset)
        found.append((entry["r_offset"], int.from_bytes(elf.stream.read(4), "little")))
    return tuple(found)


def _relative(elf: Any, table: str, kind: int) -> Iterator[Any]:
    """Entries of a table that has no others. Raises: ValueError if it has."""
    section = elf.get_section_by_name(table)
    for entry in section.iter_relocations() if section else ():
        if entry["r_info_type"] != kind:
            raise ValueError(f"relocation of type {entry['r_info_type']}")
        yield entry


def _read_sizes(elf: Any) -> Sizes:
    found = dict.fromkeys(("text", "rodata", "data", "bss", "stack", "golden"), 0)
    for section in elf.iter_sections():
        flags, kind, nbytes = section["sh_flags"], section["sh_type"], section["sh_size"]
        if not flags & SHF_ALLOC:
            continue
        if section.name == GOLDEN_SECTION:
            found["golden"] += nbytes
        elif section.name == STACK_SECTION:
            found["stack"] += nbytes
        elif kind == "SHT_NOBITS":
            found["bss"] += nbytes
        elif flags & SHF_WRITE:
            found["data"] += nbytes
        elif flags & SHF_EXECINSTR:
            found["text"] += nbytes
        else:
            found["rodata"] += nbytes
    return Sizes(**found)


def overflow(sizes: Sizes, board: Board) -> str | None:
    """One line that says by how much an image is too large for the board; None when it fits."""
    if sizes.flash_bytes > board.flash_bytes:
        return f"needs {sizes.flash_bytes:,} bytes of flash; there are {board.flash_bytes:,}"
    if sizes.ram_bytes > board.ram_bytes:
        return (
            f"needs {sizes.ram_bytes:,} bytes of RAM ({sizes.stack:,} of them stack); "
            f"there are {board.ram_bytes:,}"
        )
    room = board.flash_bytes - sizes.flash_bytes
    if sizes.golden > room:
        return (
            f"fits, but its golden vectors ({sizes.golden:,} bytes) do not fit into the "
            f"{room:,} bytes of flash that are left; give fewer golden frames"
        )
    return None
