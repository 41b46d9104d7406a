"""Kernel sources: which file serves which function on which instruction set.

Two sorts of file lie in `firmware_stubs/kernels/ISA/`:

- a *kernel* `NAME.c` holds the one function `edgernn_NAME`;
- a *strip* `strip_*.c` is the innermost loop of every matrix product, a template for tiles of
  several sizes. Its first line says what it serves:

      /* strip: types=s8,s4 tiles=32x4,16x4 dense=32x4 sparse=16x4:70 offset=128 uses=tile */

The *drivers* (`kernels/drivers/`) walk a whole matrix and call the strip; so an instruction set
brings one strip and has dense, sparse and delta products of every width. A target names instruction
sets in order of preference; `portable` is always last. docs/compiler.md tells more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources

from edgernn.errors import ToolError

BITS = {"s8": 8, "s4": 4, "s2": 2, "s8x16": 8, "f32": 32}  # of a weight, by strip type
CHUNK = 32  # columns that share a gain, where a row has several
GAINED = ("s4", "s2")  # strip types whose rows may have gains
_STRIP = re.compile(r"/\* strip: (.*) \*/\n")
_DRIVER = re.compile(r"/\* driver: forms=(\S+) columns=(\d+) \*/\n")
_TARGET = re.compile(r"/\* target: (\S+) \*/\n")
_FUNCTION = re.compile(r"(?:static|EDGERNN_INLINE) (\w+) edgernn_(\w+)\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Kernel:
    """C text of one function, or of a header (`name` without one), and the headers it uses."""

    name: str
    isa: str
    source: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Strip:
    """A strip file, and the tile size that it is wanted for.

    raised: weights are stored as unsigned numbers, plus half their range; offset: what a dense or
    sparse product adds to every element of x; prepare: bytes into which it first rewrites a group
    of x (0: none); pad: counts are padded to a multiple of it;
    interleave: tiles that lie row by row in one another;
    columns: the most that a matrix may have (0: any);
    cost: of one tile in a sparse product, in multiplications of a dense one.
    """

    isa: str
    type: str
    rows: int
    cols: int
    text: str
    by_column: bool = False
    pairs: bool = False
    raised: bool = False
    offset: int = 0
    prepare: int = 0
    pad: int = 1
    interleave: int = 1
    columns: int = 0
    cost: float = 0.0
    uses: tuple[str, ...] = ()

    @property
    def form(self) -> str:
        return f"{self.type}_{self.rows}x{self.cols}"

    @property
    def tile_bytes(self) -> int:
        return self.rows * self.cols * BITS[self.type] // 8

    @property
    def layout(self) -> tuple[bool | int, ...]:
        """What two strips must agree on to read the same table."""
        how = (self.by_column, self.pairs, self.raised, self.interleave)
        return (*how, self.offset, self.prepare)

    @property
    def chunk_groups(self) -> int:
        """Column groups in a chunk that shares a gain."""
        return max(CHUNK // self.cols, 1)

    def brings(self, name: str) -> bool:
        """Whether it has a function of its own for a part of a product, such as `gains`."""
        return f"{name}_FORM" in functions(self.text)

    @cached_property
    def source(self) -> str:
        """Its C, with the plain form of what it does not bring itself."""
        wanted = ("gains", "rows") if self.type in GAINED else ()
        plain = [_driver_text(name) for name in wanted if not self.brings(name)]
        return self.filled("\n".join([self.text, *plain]))

    def filled(self, text: str) -> str:
        """A template with this strip's numbers."""
        kind = {"s8x16": "s16", "f32": "f32"}.get(self.type, "s8")  # of x
        for name in ("prepare", "prepare_chunks"):
            called = f"edgernn_{name if self.brings(name) else 'prepare'}_{self.form}"
            room = f"{called}(\\1, \\2, room);" if self.prepare else "(void)room;"
            text = re.sub(rf"\b{name.upper()}\((\w+), (\w+)\)", room, text)
        words = {
            "XTYPE": {"s16": "int16_t", "f32": "float"}.get(kind, "int8_t"),
            "KIND": kind,
            "LIMIT": "float" if kind == "f32" else "int",
            "SQUARES": {"s16": "int64_t", "f32": "float"}.get(kind, "int"),
            "READY": "room" if self.prepare else ("moves" if "*restrict moves" in text else "x"),
            "GROUP_STEP": str(self.prepare or self.cols),
            "CHUNK_GROUPS": str(self.chunk_groups),
            "TILE_BYTES": str(self.tile_bytes),
            "ROWS": str(self.rows),
            "COLS": str(self.cols),
            "BITS": str(BITS[self.type]),
        }
        for word, number in words.items():
            text = re.sub(rf"(?<![A-Z])(?<![A-Z]_){word}(?![A-Z_])", number, text)
        return text.replace("FORM", self.form)


def _root() -> resources.abc.Traversable:
    return resources.files("edgernn.firmware_stubs") / "kernels"


def _driver_text(name: str) -> str:
    return (_root() / "drivers" / f"{name}.c").read_text("utf8")


def _sizes(text: str) -> tuple[int, int]:
    rows, cols = text.split("x")
    return int(rows), int(cols)


def _strip_files(type_: str, isas: tuple[str, ...]) -> Iterator[tuple[dict[str, str], Strip]]:
    """Strip files that serve a type, best first: the options of the first line, a bare strip."""
    for isa in (*isas, "portable"):
        folder = _root() / isa
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir(), key=lambda p: p.name):
            found = None
            if path.name.startswith("strip_") and path.name.endswith(".c"):
                text = path.read_text("utf8")
                found = _STRIP.match(text)
            if not found:
                continue
            words = {k: v or "1" for k, _, v in (w.partition("=") for w in found[1].split())}
            if type_ in words["types"].split(","):
                mine = f"{type_}."
                words |= {k.removeprefix(mine): v for k, v in words.items() if k.startswith(mine)}
                yield words, _bare(isa, type_, words, text[found.end() :])


def _bare(isa: str, type_: str, words: dict[str, str], text: str) -> Strip:
    uses = tuple(words["uses"].split(",")) if "uses" in words else ()
    return Strip(
        *(isa, type_, 0, 0, text),
        by_column="by_column" in words,
        pairs="pairs" in words,
        raised="raised" in words,
        offset=int(words.get("offset", 0)),
        prepare=int(words.get("prepare", 0)),
        pad=int(words.get("pad", words.get("interleave", 1))),
        interleave=int(words.get("interleave", 1)),
        columns=int(words.get("columns", 0)),
        uses=uses,
    )


def _sized(strip: Strip, size: str, cost: float = 0.0) -> Strip:
    rows, cols = _sizes(size)
    pad = max(strip.pad, 4) if cols == 1 and strip.type != "f32" else strip.pad
    return replace(strip, rows=rows, cols=cols, cost=cost, pad=pad)


def find_strip(
    type_: str, use: str, isas: tuple[str, ...], rows: int = 0, columns: int = 0, unit: int = 0
) -> Strip:
    """The best strip for `dense`, `delta` (single columns) or `block` (delta by 4 columns).

    rows, columns: of the matrix; of several tile sizes it takes the first that pads the rows by an
    eighth at most. unit: what the rows of a tile must divide.
    Raises: ToolError if there is none.
    """
    for words, strip in _strip_files(type_, isas):
        if strip.columns and columns > strip.columns:
            continue
        size = words.get(use)
        if use == "block" and not size and words.get("dense", "").endswith("x4"):
            size = words["dense"]
        if size:
            sizes = [_sized(strip, one) for one in size.split(",")]
            sizes = [one for one in sizes if not unit or unit % one.rows == 0]
            if sizes:
                return _fitting(sizes, rows)
    raise ToolError(f"no {use} kernel for {type_} on {isas or 'portable'}")


def _fitting(strips: list[Strip], rows: int) -> Strip:
    padded = (-(-rows // strip.rows) * strip.rows for strip in strips)
    return next((s for s, p in zip(strips, padded, strict=True) if 8 * p <= 9 * rows), strips[-1])


def sparse_strips(type_: str, isas: tuple[str, ...]) -> list[Strip]:
    """Strips for zero blocks, of the dense strip's instruction set: costs are in its units."""
    plain = find_strip(type_, "dense", isas)
    found: list[Strip] = []
    for words, strip in _strip_files(type_, isas):
        if strip.isa == plain.isa:
            offers = (offer.split(":") for offer in words.get("sparse", "").split(",") if offer)
            found += [_sized(strip, size, float(cost)) for size, cost in offers]
    return found


def same_form(strip: Strip, isa: str) -> Strip | None:
    """The strip of another instruction set that reads the same table, or None."""
    for words, other in _strip_files(strip.type, (isa,)):
        sizes = words["tiles"].split(",")
        if other.isa == isa and (f"{strip.rows}x{strip.cols}" in sizes or sizes == ["any"]):
            made = replace(other, rows=strip.rows, cols=strip.cols, pad=strip.pad, cost=strip.cost)
            if made.layout != strip.layout:
                raise ToolError(f"{isa} and {strip.isa} lay {strip.form} out differently")
            return made
    return None


def has_kernel(name: str, isas: tuple[str, ...], portable: bool = True) -> bool:
    """Whether there is a source of a kernel for a target."""
    folders = (*isas, "portable") if portable else isas
    return any((_root() / isa / f"{name}.c").is_file() for isa in folders)


def find_kernel(name: str, isas: tuple[str, ...]) -> Kernel:
    """The best source of a kernel for a target. Raises: ToolError if there is none."""
    for isa in (*isas, "portable"):
        path = _root() / isa / f"{name}.c"
        if path.is_file():
            return Kernel(name, isa, path.read_text("utf8"))
    raise ToolError(f"no kernel {name} for {isas or 'portable'}")


def driver(name: str, strip: Strip, columns: int) -> Kernel:
    """A driver over a strip, for a matrix of so many columns.

    That of the strip's instruction set if it has one that serves them, else the common one.
    """
    own = _own_driver(name, strip, columns)
    text = strip.filled(own or _driver_text(name))
    return Kernel(functions(text)[0], strip.isa, text, strip.uses if own else ())


def _own_driver(name: str, strip: Strip, columns: int) -> str:
    """The text of a driver that a strip's instruction set has for it, or nothing."""
    folder = _root() / strip.isa
    for path in sorted(folder.iterdir(), key=lambda p: p.name):
        if path.name.startswith(name) and path.name.endswith(".c"):
            text = path.read_text("utf8")
            found = _DRIVER.match(text)
            if found and strip.form in found[1].split(",") and columns <= int(found[2]):
                return text[found.end() :]
    return ""


def functions(text: str) -> list[str]:
    """Names of the functions that a text defines, without the prefix `edgernn_`."""
    return [found[2] for found in _FUNCTION.finditer(text)]


def parameters(text: str, name: str) -> tuple[str, list[str]]:
    """The parameter list of a function, and its parameters' names."""
    found = next(f for f in _FUNCTION.finditer(text) if f[2] == name)
    return found[3], [part.split()[-1].lstrip("*") for part in found[3].split(",")]


def header(name: str, *isas: str) -> str:
    """The text of a shared header: of the first instruction set that has one, else portable."""
    found = [path for isa in isas if (path := _root() / isa / f"{name}.h").is_file()]
    return (found or [_root() / "portable" / f"{name}.h"])[0].read_text("utf8")


def cpu_header(isa: str) -> tuple[str, str] | None:
    """Function attribute and text of `ISA/cpu.h`; None for what every CPU of a target has."""
    path = _root() / isa / "cpu.h"
    if not path.is_file():
        return None
    text = path.read_text("utf8")
    found = _TARGET.match(text)
    if not found:
        raise ToolError(f"{isa}/cpu.h: its first line names no target attribute")
    return found[1], text[found.end() :]
