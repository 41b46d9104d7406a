"""Constants of a step as C tables: packed for the kernel that reads them, each stored once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from edgernn.backend import Array
from edgernn.errors import UnsupportedOp
from edgernn.export.c import pack
from edgernn.export.c.kernel_set import KernelSet
from edgernn.export.c.kernels import Strip, find_strip, sparse_strips
from edgernn.graph.reference import due_unit

C_TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint16": "uint16_t",
}
_PER_LINE = 16
_LONG_BYTES = 1 << 17  # int8 tables above it are written as strings, which compilers read faster
_BYTES = [f"\\{value:03o}" for value in range(256)]


def c_number(value: float | int, dtype: str) -> str:
    """A C literal that reads back as the same number."""
    if dtype != "float32":
        return "INT32_MIN" if int(value) == -(1 << 31) else str(int(value))
    number = float(np.float32(value))
    if not np.isfinite(number):
        raise UnsupportedOp(f"a constant of the step is {number}; the C holds finite numbers only")
    if number == int(number) and abs(number) < 1e6:
        return f"{number:.1f}f"
    return f"{number.hex()}f"


@dataclass(frozen=True, slots=True)
class Product:
    """How the emitter calls a matrix product: `before` x, room, y, `after`.

    room_bytes: scratch that the kernel rewrites x into; strip: of the matrix.
    """

    kernel: str
    before: list[str]
    after: list[str]
    strip: Strip
    room_bytes: int = 0


@dataclass
class Weights:
    """Tables by symbol, kernels by name, and a line for a person about every matrix."""

    isas: tuple[str, ...] = ()
    faster: str = ""
    tables: dict[str, Array] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    kernels: KernelSet = field(init=False)
    _symbols: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kernels = KernelSet(self.isas, self.faster)

    def table(self, name: str, array: Array) -> str:
        """The symbol of a table with these numbers."""
        array = np.ascontiguousarray(array)
        key = (array.dtype.name, array.tobytes())
        if key not in self._symbols:
            stem = "w_" + re.sub(r"\W+", "_", name)
            symbol, k = stem, 1
            while symbol in self.tables:
                symbol, k = f"{stem}_{k}", k + 1
            self._symbols[key] = symbol
            self.tables[symbol] = array.reshape(-1)
        return self._symbols[key]

    def product_int(
        self, name: str, weight: Array, scaling: tuple[Array, Array], type_: str, gain: Array | None
    ) -> Product:
        """A product of integers, dense or sparse. `scaling`: start and mult of each row."""
        plain = find_strip(type_, "dense", self.isas, len(weight))
        layout = pack.laid_out(weight, plain, sparse_strips(type_, self.isas), gain)
        strip, (start, mult) = layout.strip, scaling
        if strip.offset:
            start = (start - strip.offset * pack.row_sums(weight, gain)).astype(np.int32)
        kind = "dense" if layout.counts is None else "sparse"
        driver = f"{kind}_{'int' if gain is None else 'gain'}"
        kernel = self.kernels.use_driver(driver, strip, weight.shape[1])
        pad = (0, -len(start) % strip.rows)
        rows = [
            self.table(f"{name}.{k}", np.pad(v, pad)) for k, v in (("start", start), ("mult", mult))
        ]
        groups = -(-weight.shape[1] // strip.cols)
        self._note(name, weight, layout)
        after = [str(len(weight)), str(groups)]
        before = [*self._stored(name, layout), *rows]
        return Product(kernel, before, after, strip, _room_bytes(strip, groups))

    def _stored(self, name: str, layout: pack.Layout) -> list[str]:
        """Tables of a layout, in the drivers' order: weights, gains, counts, index."""
        parts = (("", layout.table), (".gain", layout.gain), (".counts", layout.counts))
        tables = [self.table(f"{name}{k}", v) for k, v in parts if v is not None]
        if layout.index is not None:
            tables.append(self.table(f"{name}.index", layout.index))
        return tables

    def vectors(
        self, name: str, table: Array, scale: Array, bits: int, gain: Array | None = None
    ) -> list[str]:
        """Tables of vectors to look up: integers, below 8 bits their gains (0: none), scales."""
        flat = table.reshape(len(table), -1)
        layout = pack.dense(flat, Strip("portable", f"s{bits}", 1, 8 // bits, ""), gain)
        self._note(name, flat, layout, "looked up")
        none = ["0"] if bits < 8 and gain is None else []
        return [*self._stored(name, layout), *none, self.table(f"{name}.scale", scale)]

    def product_f32(self, name: str, weight: Array, bias: Array) -> Product:
        """A product of floats, dense or sparse."""
        plain = find_strip("f32", "dense", self.isas)
        layout = pack.laid_out(weight, plain, sparse_strips("f32", self.isas))
        strip = layout.strip
        start = self.table(f"{name}.bias", np.pad(bias, (0, -len(bias) % strip.rows)))
        kernel = self.kernels.use_driver(
            "dense_f32" if layout.counts is None else "sparse_f32", strip, weight.shape[1]
        )
        after = [str(len(weight))]
        if layout.counts is None:
            after.append(str(-(-weight.shape[1] // strip.cols)))
        self._note(name, weight, layout)
        return Product(kernel, [*self._stored(name, layout), start], after, strip)

    def delta_strip(self, type_: str, block: int, columns: int, rows: int = 0) -> Strip:
        """The strip that reads the lists of what has moved."""
        return find_strip(type_, _listed(type_, block), self.isas, rows, columns)

    def delta_f32(self, name: str, weight: Array, bias: Array, block: int) -> Product:
        """A product of what has moved onto running sums of floats, some of them made anew."""
        rows, columns = weight.shape
        unit, use = due_unit(rows), _listed("f32", block)
        strip = find_strip("f32", use, self.isas, rows, columns, unit)
        layout = pack.dense(weight, strip)
        kernel = self.kernels.use_driver("delta_f32", strip, columns)
        start = self.table(f"{name}.bias", np.pad(bias, (0, -len(bias) % strip.rows)))
        self._note(name, weight, layout, "delta")
        after = [*map(str, weight.shape), str(unit)]
        return Product(kernel, [*self._stored(name, layout), start], after, strip)

    def delta(
        self, name: str, weight: Array, type_: str, gain: Array | None, block: int, chunk: int
    ) -> Product:
        """A product of what has moved, onto running sums. chunk: columns listed together."""
        strip = self.delta_strip(type_, block, weight.shape[1], len(weight))
        layout = pack.dense(weight, strip, gain)
        own = strip.brings("gains")
        driver = "delta_int" if gain is None else "delta_gain" if own else "delta_gain_chunks"
        kernel = self.kernels.use_driver(driver, strip, weight.shape[1])
        groups = -(-weight.shape[1] // strip.cols)
        self._note(name, weight, layout, "delta")
        together = -(-chunk // strip.cols)
        after = [str(len(weight)), str(groups), str(together)]
        listed = -(-2 * together // strip.pad) * strip.pad
        if driver == "delta_gain":  # a strip of rows takes all chunks in turn: all lie rewritten
            listed = 2 * groups + 4 * -(-weight.shape[1] // chunk)
        room = _room_bytes(strip, listed)
        return Product(kernel, self._stored(name, layout), after, strip, room)

    def _note(self, name: str, weight: Array, layout: pack.Layout, how: str = "") -> None:
        strip = layout.strip
        if layout.counts is not None:
            how = f"{strip.rows}x{strip.cols} blocks, {layout.filled:.0%} stored"
        rows, cols = weight.shape
        kind = f"{strip.isa}/{strip.form}, {how or 'dense'}"
        self.notes.append(f"kernel: {name} {rows}x{cols}: {kind}, {layout.table.nbytes:,} bytes")

    def flash_bytes(self) -> int:
        """Bytes of all tables."""
        return sum(table.nbytes for table in self.tables.values())

    def text(self) -> str:
        """C definitions of every table."""
        return "".join(_definition(symbol, array) for symbol, array in self.tables.items())


def _listed(type_: str, block: int) -> str:
    """What kind of strip reads the list: a block of floats is listed as its columns."""
    return "block" if block == 4 and type_ != "f32" else "delta"


def _room_bytes(strip: Strip, groups: int) -> int:
    """What a kernel rewrites x into, and at its end 8 bytes for a sum."""
    return groups * strip.prepare + 8 if strip.prepare else 0


def _definition(symbol: str, array: Array) -> str:
    dtype, size = array.dtype.name, max(array.size, 1)
    align = "EDGERNN_ALIGNED(64) " if array.nbytes >= 1024 else "EDGERNN_ALIGNED(16) "
    as_string = dtype == "int8" and array.nbytes > _LONG_BYTES
    size += as_string  # for the zero that ends a string
    head = f"static const {C_TYPES[dtype]} {align}{symbol}[{size}] ="
    if as_string:
        codes = array.view(np.uint8)
        width = 64
        lines = (
            '    "' + "".join(map(_BYTES.__getitem__, codes[i : i + width].tolist())) + '"'
            for i in range(0, len(codes), width)
        )
        return head + "\n" + "\n".join(lines) + ";\n"
    numbers = [c_number(v, dtype) for v in array.tolist()]
    rows = (
        "    " + ", ".join(numbers[i : i + _PER_LINE]) for i in range(0, len(numbers), _PER_LINE)
    )
    body = ",\n".join(rows) or "    0"
    return f"{head} {{\n{body}}};\n"
