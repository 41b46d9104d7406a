"""Strips of an instruction set, called one by one, against sums in numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from edgernn.backend import Array, Module
from edgernn.errors import ToolError
from edgernn.export.c import kernels
from edgernn.export.c.kernels import BITS, Strip
from edgernn.export.c.pack import encoded

NAME = "strips"  # of the library: it has the five functions that every library has
WAYS = ("dense", "sparse", "delta")
WEIGHTS = {"s8": (-127, 127), "s8x16": (-127, 127), "s4": (-7, 7), "s2": (-2, 1)}
ROOM_BYTES = 16384
ENDS = f"""
uint32_t {NAME}_state_size(void) {{ return 0; }}
uint32_t {NAME}_scratch_size(void) {{ return 0; }}
void {NAME}_reset(void *state) {{ (void)state; }}
int {NAME}_init(void *state, uint32_t bytes) {{ (void)state, (void)bytes; return 0; }}
void {NAME}_step(void) {{}}
"""


def strips_of(isa: str) -> list[Strip]:
    """Every strip of an instruction set in every tile size that its first line names."""
    return [
        kernels._sized(strip, size)
        for type_ in BITS
        for words, strip in kernels._strip_files(type_, (isa,))
        if strip.isa == isa
        for size in words["tiles"].split(",")
        if size != "any"
    ]


def wrapper(strip: Strip, way: str, gained: bool = False) -> str:
    """The symbol that runs a strip on a dense tile list, a sparse one, or one of columns."""
    return f"{way}_{'gained_' if gained else ''}{strip.form}"


def library(strips: Iterable[Strip]) -> tuple[dict[str, str], list[str]]:
    """Sources of a library with every strip in three ways, and its symbols.

    A wrapper takes w, x, a list (or 0), its length, the sums, a buffer for what is prepared, how
    many groups x has, and gains.
    """
    headers: dict[tuple[str, str], None] = {}
    bodies, symbols = [], []
    target = ""
    for strip in strips:
        headers |= {(strip.isa, name): None for name in strip.uses}
        found = kernels.cpu_header(strip.isa)
        target = found[0] if found else ""
        bodies.append(strip.source)
        kinds = {"f32": ("float", "float", "float"), "s8x16": ("int8_t", "int16_t", "int32_t")}
        w, x, acc = kinds.get(strip.type, ("int8_t", "int8_t", "int32_t"))
        for way in WAYS:
            for gained in (False, True) if strip.type in kernels.GAINED else (False,):
                symbols.append(wrapper(strip, way, gained))
                body = _gained(strip, way) if gained else _plain(strip, way)
                bodies.append(
                    f"void {symbols[-1]}(const {w} *w, const {x} *x, const uint16_t *list, int n,\n"
                    f"    {acc} *acc, int8_t *room, int groups, const uint8_t *gain) {{\n"
                    f"  (void)list, (void)room, (void)groups, (void)gain;\n{body}}}\n"
                )
    text = "\n".join([*(kernels.header(name, isa) for isa, name in headers), *bodies])
    if target:
        inner = f'clang attribute push(__attribute__((target("{target}"))), apply_to = function)'
        text = f"#pragma {inner}\n{text}\n#pragma clang attribute pop\n"
    prelude = kernels.header("prelude")
    return {"strips.c": f"#include <stdint.h>\n{prelude}\n{text}\n{ENDS}"}, symbols


LISTS = {"dense": "0, 0", "sparse": "0, list", "delta": "list, 0"}


def _plain(strip: Strip, way: str) -> str:
    # a sparse list may name any group; the caller says in `groups` how many there are
    ready = "room" if strip.prepare else "x"
    prepare = f"  edgernn_prepare_{strip.form}(x, groups, room);\n" if strip.prepare else ""
    return f"{prepare}  edgernn_strip_{strip.form}(w, {ready}, {LISTS[way]}, n, acc);\n"


def _gained(strip: Strip, way: str) -> str:
    prepare = "PREPARE_CHUNKS" if way == "dense" else "PREPARE"
    return strip.filled(f"""  int32_t sums[ROWS] = {{0}};
  {prepare}(x, groups)
  edgernn_gains_FORM(w, {"room" if strip.prepare else "x"}, {LISTS[way]}, n, gain, sums);
  edgernn_rows_FORM(acc, sums);
""")


@dataclass(frozen=True, slots=True)
class Case:
    """Tiles (n, rows, cols), inputs, the list of a way, the sums before, and gains or none."""

    way: str
    tiles: Array
    x: Array
    list: Array
    acc: Array
    gain: Array | None = None

    def sums(self, strip: Strip) -> Array:
        """What the strip must make of it: exact, or in order of the columns."""
        wanted = self.acc.copy()
        for k, at in enumerate(self.list):
            tile = self.tiles[at if self.way == "delta" else k]
            group = self.x[(at if self.way == "sparse" else k) * strip.cols :]
            for c in range(strip.cols):
                offset = strip.offset if self.way != "delta" else 0
                product = tile[:, c] * (group[c] + self.x.dtype.type(offset))
                wanted = wanted + (product if self.gain is None else self.gain * product)
        return np.asarray(wanted)


def cases(strip: Strip, seed: int = 0) -> Iterator[Case]:
    """Random and extreme numbers in every way, short and long, with repeats in the lists."""
    rng = np.random.default_rng(seed)
    for way in WAYS:
        # lists are padded; the columns of a dense matrix are not
        step = 1 if way == "dense" and _is_dense(strip) else strip.pad
        counts = sorted({-(-n // step) * step for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 33, 128)})
        for count in counts:
            for kind in ("random", "ends", "least") if count > 4 else ("random",):
                if kind == "random" or strip.type != "f32":
                    yield _case(strip, way, count, kind, rng)


def gained_cases(strip: Strip) -> Iterator[Case]:
    """Chunks of at most 32 columns, and lists of twice as many, at the ends of the ranges too."""
    rng = np.random.default_rng(7)
    most = max(kernels.CHUNK // strip.cols, 1)
    for way in WAYS if strip.type in kernels.GAINED else ():
        step = 1 if way == "dense" and _is_dense(strip) else strip.pad
        top = 2 * most if way == "delta" else most
        for count in sorted({-(-n // step) * step for n in (1, 3, 4, top // 2, top - 4, top)}):
            for kind in ("random", "ends", "least") if 0 < count <= top else ():
                gain = rng.integers(1, 64, strip.rows) if kind == "random" else np.int64(63)
                gains = np.broadcast_to(gain, strip.rows)
                yield replace(_case(strip, way, count, kind, rng), gain=gains)


def _is_dense(strip: Strip) -> bool:
    """Whether dense matrices are laid out in these tiles, one by one."""
    try:
        found = kernels.find_strip(strip.type, "dense", (strip.isa,))
    except ToolError:
        return False
    return (found.isa, found.form) == (strip.isa, strip.form) and strip.cols == 1


def _case(strip: Strip, way: str, count: int, kind: str, rng: np.random.Generator) -> Case:
    stored = count + 4 if way == "delta" else count
    groups = count + 4 if way == "sparse" else count
    shape = (max(stored, 1), strip.rows, strip.cols)
    length = max(groups, 1) * strip.cols + 16
    if way == "dense":
        chosen = np.arange(count)
    elif way == "sparse":
        chosen = np.sort(rng.choice(groups, count, replace=False))
    else:
        chosen = np.sort(rng.integers(0, stored, count))
    if strip.type == "f32":
        w, x = rng.standard_normal(shape), rng.standard_normal(length)
        acc = rng.standard_normal(strip.rows).astype(np.float32)
        return Case(way, w.astype(np.float32), x.astype(np.float32), chosen, acc)
    x_ends = (-32768, 32767) if strip.type == "s8x16" else (-127, 127)
    w_ends = WEIGHTS[strip.type]
    draw = {
        "random": lambda ends, size: rng.integers(ends[0], ends[1] + 1, size),
        "ends": lambda ends, size: rng.choice(ends, size),
        "least": lambda ends, size: np.full(size, ends[0]),
    }[kind]
    acc = rng.integers(-(1 << 20), 1 << 20, strip.rows)
    return Case(way, draw(w_ends, shape), draw(x_ends, length), chosen, acc)


class Bench:
    """Memory of a loaded library, and calls of its strips."""

    def __init__(self, module: Module, place_bytes: int = 1 << 16) -> None:
        self.module, self.place_bytes = module, place_bytes
        names = ("w", "x", "list", "acc", "room", "gain")
        self.places = {name: module.alloc(place_bytes) for name in names}

    def sums(self, strip: Strip, case: Case) -> Array:
        """What the library makes of a case."""
        floats = strip.type == "f32"
        x_type = np.float32 if floats else np.int16 if strip.type == "s8x16" else np.int8
        table = encoded(case.tiles.astype(np.float32 if floats else np.int8), strip)
        acc_type = np.float32 if floats else np.int32
        written = {
            "w": table,
            "x": case.x.astype(x_type),
            "list": case.list.astype(np.uint16),
            "acc": case.acc.astype(acc_type),
            "gain": (np.zeros(1) if case.gain is None else case.gain).astype(np.uint8),
        }
        for name, array in written.items():
            data = array.tobytes()
            assert len(data) <= self.place_bytes, name
            self.module.write(self.places[name], data)
        groups = (len(case.x) - 16) // strip.cols
        self.module.call(
            wrapper(strip, case.way, case.gain is not None),
            *(self.places["w"], self.places["x"], self.places["list"], len(case.list)),
            *(self.places["acc"], self.places["room"], groups, self.places["gain"]),
        )
        data = self.module.read(self.places["acc"], 4 * strip.rows)
        return np.frombuffer(data, acc_type)


def differing(bench: Bench, strip: Strip) -> list[str]:
    """The cases of a strip that the library gets wrong, one line each."""
    wrong = []
    for number, case in enumerate([*cases(strip), *gained_cases(strip)]):
        got, want = bench.sums(strip, case), case.sums(strip)
        if not np.array_equal(got, want.astype(got.dtype)):
            rows = np.flatnonzero(got != want.astype(got.dtype))
            wrong.append(f"{strip.form} {case.way} case {number}, {len(case.list)} tiles: {rows}")
    return wrong


def used(isa: str) -> Iterator[tuple[Strip, set[str]]]:
    """The strips of an instruction set in each size, and the ways in which drivers call them."""
    for type_ in BITS:
        blocks = kernels.find_strip(type_, "block", (isa,)) if type_ != "f32" else None
        for words, strip in kernels._strip_files(type_, (isa,)):
            if strip.isa != isa:
                continue
            sizes = {"dense": words.get("dense", ""), "delta": words.get("delta", "")}
            offers = words.get("sparse", "").split(",")
            sizes["sparse"] = ",".join(offer.split(":")[0] for offer in offers)
            found = {way: set(text.split(",")) - {""} for way, text in sizes.items()}
            if blocks and blocks.text == strip.text:
                found["delta"].add(f"{blocks.rows}x{blocks.cols}")
            for size in sorted(set().union(*found.values())):
                yield kernels._sized(strip, size), {way for way in found if size in found[way]}


def long_cases(strip: Strip) -> Iterator[Case]:
    """More columns than one 32-bit sum of scaled products holds, at the ends of the ranges."""
    rng = np.random.default_rng(5)
    count = -(-600 // strip.cols // 4) * 4
    if count * strip.rows * strip.cols * 4 < 1 << 16:
        yield from (_case(strip, way, count, "ends", rng) for way in WAYS)
        yield _case(strip, "dense", count, "least", rng)


def wrong(bench: Bench, strip: Strip, ways: set[str]) -> list[str]:
    """The cases of a strip, in some ways, that the library gets wrong, one line each."""
    lines = []
    for number, case in enumerate([*cases(strip), *long_cases(strip), *gained_cases(strip)]):
        if case.way not in ways:
            continue
        short = -len(case.tiles) % strip.interleave
        zeros = np.zeros((short, strip.rows, strip.cols), case.tiles.dtype)
        case = replace(case, tiles=np.concatenate([case.tiles, zeros]))
        got, want = bench.sums(strip, case), case.sums(strip)
        if not np.array_equal(got, want.astype(got.dtype)):
            lines.append(f"{strip.form} {case.way} case {number}, {len(case.list)} tiles")
    return lines
