"""Drivers that an instruction set has of its own, called on whole matrices and checked in numpy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from edgernn.backend import Array, Module
from edgernn.export.c import kernels, pack
from edgernn.export.c.kernels import Kernel, Strip
from edgernn.graph import fixed_point as fx

from .strips import ENDS

KINDS = ("dense_int", "sparse_int", "delta_int")
LEAD, SHIFT = 8, 12
ROOM_BYTES = 1 << 14
NARROW = 17  # columns that every own driver serves


@dataclass(frozen=True, slots=True)
class Own:
    """A driver, what it walks, and the most columns that a test gives it."""

    kind: str
    strip: Strip
    kernel: Kernel
    columns: int

    @property
    def symbol(self) -> str:
        return f"run_{self.kernel.name}"


def own_drivers(isa: str) -> Iterator[Own]:
    """The drivers of an instruction set that are not the common ones."""
    uses = {"dense_int": ("dense",), "sparse_int": (), "delta_int": ("delta", "block")}
    for kind in KINDS:
        strips = [kernels.find_strip("s8", use, (isa,), 4, NARROW) for use in uses[kind]]
        strips += kernels.sparse_strips("s8", (isa,)) if kind == "sparse_int" else []
        for strip in strips:
            most = next((n for n in (512, 256, NARROW) if kernels._own_driver(kind, strip, n)), 0)
            if most:
                yield Own(kind, strip, kernels.driver(kind, strip, most), most)


def library(isa: str) -> tuple[dict[str, str], list[str]]:
    """Sources of a library with every own driver, and its symbols."""
    found = list(own_drivers(isa))
    headers = {name: None for own in found for name in own.strip.uses}
    parts = ["#include <stdint.h>", kernels.header("prelude"), kernels.header("fixed")]
    parts += [kernels.header(name, isa) for name in headers]
    parts += dict.fromkeys(own.strip.source for own in found)
    for own in found:
        types, names = kernels.parameters(own.kernel.source, own.kernel.name)
        call = f"edgernn_{own.kernel.name}({', '.join(names)});"
        parts += [own.kernel.source, f"void {own.symbol}({types}) {{\n  {call}\n}}"]
    return {"drivers.c": "\n".join([*parts, ENDS])}, [own.symbol for own in found]


class Chip:
    """Memory of a loaded library, and calls of its drivers."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.places = [module.alloc(1 << 15) for _ in range(7)]
        self.room = module.alloc(ROOM_BYTES)

    def run(
        self, own: Own, tables: list[Array], words: list[int], after: list[int], y: Array
    ) -> Array:
        """Tables, plain words, then the room, the result and more words, as drivers take them."""
        places = iter(self.places)
        arguments: list[int] = []
        for array in tables:
            arguments.append(next(places))
            self.module.write(arguments[-1], array.tobytes())
        lists = arguments if own.kind == "delta_int" else [*arguments[:-1], *words, arguments[-1]]
        target = next(places)
        self.module.write(target, y.tobytes() + bytes([0x5A] * 16))
        self.module.call(own.symbol, *lists, self.room, target, *after)
        left = self.module.read(target, y.nbytes + 16)
        assert left[y.nbytes :] == bytes([0x5A] * 16), "wrote past its rows"
        return np.frombuffer(left[: y.nbytes], y.dtype)


def wrong(chip: Chip, own: Own) -> list[str]:
    """The matrices that a driver gets wrong, one line each."""
    rng = np.random.default_rng(0)
    check = _delta if own.kind == "delta_int" else _product
    shapes = [(rows, min(cols, own.columns)) for rows in (1, 4, 7, 16, 33) for cols in (1, 40, 128)]
    lines = []
    for rows, cols in [*shapes, (5, own.columns)]:
        for full in (1.0, 0.25):
            weight = rng.integers(-127, 128, (rows, cols)).astype(np.int8)
            if rows == 5:
                weight[:] = rng.choice([-127, 127], weight.shape)
            if not check(chip, own, weight, full, rng):
                lines.append(f"{own.symbol} {rows}x{cols}, {full:.0%}")
    return lines


def _product(chip: Chip, own: Own, weight: Array, full: float, rng: np.random.Generator) -> bool:
    strip, (rows, cols) = own.strip, weight.shape
    ends = [-127, 127] if rows == 5 else list(range(-127, 128))
    x = np.pad(rng.choice(ends, cols).astype(np.int8), (0, 31))
    if own.kind == "sparse_int":
        keep = rng.random((-(-rows // 4), -(-cols // 4))) < full
        weight = weight * np.kron(keep, np.ones((4, 4), bool))[:rows, :cols]
    made = pack.sparse if own.kind == "sparse_int" else pack.dense
    layout = made(weight, strip)
    pad = (0, -rows % strip.rows)
    start = np.pad(rng.integers(-5000, 5000, rows).astype(np.int32), pad)
    mult = np.pad(rng.integers(1 << 20, 1 << 31, rows).astype(np.int32), pad)
    lists = [layout.counts, layout.index] if layout.counts is not None else []
    tables = [layout.table, *(table for table in lists if table is not None), start, mult, x]
    groups = -(-cols // strip.cols)
    got = chip.run(own, tables, [LEAD, SHIFT], [rows, groups], np.zeros(rows, np.int16))
    sums = start[:rows] + weight.astype(np.int64) @ x[:cols]
    wide = (sums << LEAD).astype(np.int32).astype(np.int64)
    want = fx.saturate(fx.shift_right(wide * mult[:rows] >> 32, SHIFT), "int16")
    return np.array_equal(got, want)


def _delta(chip: Chip, own: Own, weight: Array, full: float, rng: np.random.Generator) -> bool:
    strip, (rows, cols) = own.strip, weight.shape
    groups = -(-cols // strip.cols)
    listed = np.sort(rng.integers(0, groups, round(2 * full * groups)))  # one may move far
    moves = rng.integers(-127, 128, (len(listed), strip.cols))
    sums = rng.integers(-(1 << 20), 1 << 20, rows).astype(np.int32)
    wide = np.pad(weight, ((0, 0), (0, groups * strip.cols - cols))).astype(np.int64)
    want = sums.astype(np.int64)
    for group, move in zip(listed, moves, strict=True):
        want = want + wide[:, group * strip.cols :][:, : strip.cols] @ move
    pad = -len(listed) % strip.pad
    listed, moves = np.pad(listed, (0, pad)), np.pad(moves, ((0, pad), (0, 0)))
    tables = [
        pack.dense(weight, strip).table,
        np.array([len(listed)], np.uint16),
        np.pad(listed.astype(np.uint16), (0, 16)),
        np.pad(moves.astype(np.int8).reshape(-1), (0, 16)),
    ]
    got = chip.run(own, tables, [], [rows, groups, groups], sums)
    return np.array_equal(got, want)
