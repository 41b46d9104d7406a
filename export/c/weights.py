"""Constants of a step as C tables: packed for the kernel that reads them, each stored once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from edgernn.backend import Array
from edgernn.errors import UnsupportedOp
from edgernn.export.c.kernels import Kernel, find_kernel

C_TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "uint16": "uint16_t",
}
SPARSE_BELOW = 0.25  # share of non-zero weights under which a row list is smaller and faster
_PER_LINE = 16


def pack(weight: Array, kernel: Kernel) -> Array:
    """A matrix in the layout that a kernel reads, zero-padded; see `kernels`."""
    rows, cols = kernel.rows, kernel.cols
    padded = np.pad(weight, ((0, -weight.shape[0] % rows), (0, -weight.shape[1] % cols)))
    r, c = padded.shape
    order = (0, 2, 3, 1) if kernel.by_column else (0, 2, 1, 3)
    return padded.reshape(r // rows, rows, c // cols, cols).transpose(order).reshape(-1)


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


@dataclass
class Weights:
    """Tables by symbol, kernels by name."""

    isas: tuple[str, ...] = ()
    tables: dict[str, Array] = field(default_factory=dict)
    kernels: dict[str, Kernel] = field(default_factory=dict)
    _symbols: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def use(self, name: str) -> Kernel:
        """Note that a kernel is needed; gives it."""
        if name not in self.kernels:
            self.kernels[name] = find_kernel(name, self.isas)
        return self.kernels[name]

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

    def matvec_s8(
        self, name: str, weight: Array, start: Array, mult: Array
    ) -> tuple[list[str], list[str]]:
        """Arguments before and after the pointers of `matvec_s8`."""
        kernel = self.use("matvec_s8")
        packed = self.table(name, pack(weight, kernel))
        pad = (0, -len(start) % kernel.rows)
        names = [
            self.table(f"{name}.{k}", np.pad(v, pad)) for k, v in (("start", start), ("mult", mult))
        ]
        return [packed, *names], [str(n) for n in weight.shape]

    def matvec_f32(self, name: str, weight: Array, bias: Array) -> tuple[str, list[str], list[str]]:
        """Kernel, and arguments before and after the pointers; a sparse matrix as row lists."""
        rows, cols = weight.shape
        start = self.table(f"{name}.bias", bias)
        count = np.count_nonzero(weight)
        if count < SPARSE_BELOW * weight.size and count < 65536 and cols < 65536:
            at = [np.flatnonzero(row).astype(np.uint16) for row in weight]
            first = np.cumsum([0, *map(len, at)]).astype(np.uint16)
            values = np.concatenate([row[i] for row, i in zip(weight, at, strict=True)])
            names = [
                self.table(f"{name}.{k}", v)
                for k, v in (("values", values), ("col", np.concatenate(at)), ("first", first))
            ]
            return "matvec_sparse_f32", [*names, start], [str(rows)]
        kernel = self.use("matvec_f32")
        packed = self.table(name, pack(weight, kernel))
        return "matvec_f32", [packed, start], [str(rows), str(cols)]

    def flash_bytes(self) -> int:
        """Bytes of all tables."""
        return sum(table.nbytes for table in self.tables.values())

    def text(self) -> str:
        """C definitions of every table."""
        parts = []
        for symbol, array in self.tables.items():
            dtype = array.dtype.name
            numbers = [c_number(v, dtype) for v in array.tolist()]
            lines = [
                "    " + ", ".join(numbers[i : i + _PER_LINE])
                for i in range(0, len(numbers), _PER_LINE)
            ]
            body = ",\n".join(lines) or "    0"
            size = max(len(numbers), 1)
            parts.append(f"static const {C_TYPES[dtype]} {symbol}[{size}] = {{\n{body}}};\n")
        return "".join(parts)
