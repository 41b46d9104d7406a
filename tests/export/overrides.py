"""Kernels that an instruction set has in place of a portable one, both in one library."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from edgernn.backend import Array, Module
from edgernn.export.c import kernels
from edgernn.graph import fixed_point as fx

from .strips import ENDS

Arguments = Sequence[Array | int]
RESTS = ("moved", "moved4", "moved_s16", "moved_f32")  # what lists of what moved end with
AS_FLOAT = """
EDGERNN_INLINE float as_float(int32_t bits) {
  float number;
  __builtin_memcpy(&number, &bits, sizeof number);
  return number;
}
"""
SIGMOID_ROWS = """
static void edgernn_sigmoid_rows(int16_t *restrict q, int n) {
  for (int i = 0; i < n; ++i) q[i] = (int16_t)edgernn_sigmoid_q(q[i]);
}
"""


def _rescale_rows(rng: np.random.Generator) -> Iterator[Arguments]:
    for n in (0, 1, 3, 4, 7, 8, 16, 33):
        for lead, shift in ((0, 1), (9, 11), (11, 12), (14, 31), (0, 15), (5, 16)):
            reach = 1 << (30 - lead)
            acc = rng.integers(-reach, reach + 1, max(n, 1), dtype=np.int32)
            acc[:2] = (reach - 1, -reach)[: len(acc)]
            mult = rng.integers(1, 2**31, max(n, 1)).astype(np.int32)
            mult[-1] = 2**31 - 1
            yield acc, mult, lead, shift, np.zeros(max(n, 1), np.int16), n


def _moved(
    rng: np.random.Generator, dtype: str, limits: Sequence[int], block: int = 1
) -> Iterator[Arguments]:
    """Lists of single columns or of blocks of 4; `limits` of the former, or of sums of squares."""
    type_ = np.dtype(dtype).type
    ends = fx.LIMITS.get(dtype, (-3, 3))
    for cols in (4, 8, 16, 20, 32, 40, 128, 3, 7, 18, 33, 126):
        for limit in limits:
            held = rng.integers(ends[0], ends[1] + 1, cols).astype(type_)
            if dtype == "float32":
                held = rng.standard_normal(cols).astype(np.float32)
            near = np.clip(held + rng.integers(-6, 7, cols) * type_(1), *ends).astype(type_)
            far = rng.choice(np.array(ends, type_), cols)
            for x in (near, far, held.copy(), rng.permutation(held)):
                lists = np.zeros(2 * cols + 8, np.uint16), np.zeros(8 * cols + 8, type_)
                last = () if block == 1 else (limit * (cols % block) // block,)
                yield x, held.copy(), limit, *last, cols, *lists


def _moved_s8(rng: np.random.Generator) -> Iterator[Arguments]:
    yield from _moved(rng, "int8", (0, 1, 5, 127, 128, 254, 255, 400))


def _moved4_s8(rng: np.random.Generator) -> Iterator[Arguments]:
    yield from _moved(rng, "int8", (0, 3, 40, 16129, 4 * 255 * 255 - 1, 4 * 255 * 255), 4)


def _moved_s16(rng: np.random.Generator) -> Iterator[Arguments]:
    yield from _moved(rng, "int16", (0, 1, 5, 32767, 32768, 65533, 65534, 65535, 70000))


def _moved_f32(rng: np.random.Generator) -> Iterator[Arguments]:
    yield from _moved(rng, "float32", [_bits(limit) for limit in (0.0, 0.5, 2.0, 1e9)])
    x = np.array([np.nan, np.inf, -np.inf, 1e-40, -0.0, 3.4e38, np.nan, 1.0] * 3, np.float32)
    held = rng.permutation(np.nan_to_num(x, nan=-3.4e38, posinf=7.0)).astype(np.float32)
    for limit in (0.0, 1.0):
        lists = np.zeros(2 * len(x), np.uint16), np.zeros(2 * len(x), np.float32)
        yield x, held.copy(), _bits(limit), len(x), *lists


def _bits(number: float) -> int:
    """A float32 as a word: what a call passes."""
    return int(np.float32(number).view(np.int32))


def _depthwise_s8(rng: np.random.Generator) -> Iterator[Arguments]:
    for channels, kernel in ((16, 1), (32, 2), (40, 3), (7, 5), (128, 15), (64, 10)):
        w = rng.choice(np.array([-127, 127, 5], np.int8), kernel * channels + 16)
        x = rng.choice(np.array([-128, 127, -3], np.int8), kernel * (channels + 4) + 16)
        start = rng.integers(-1000, 1000, channels).astype(np.int32)
        mult = rng.integers(1 << 29, 1 << 31, channels).astype(np.int32)
        y = np.zeros(channels, np.int16)
        yield w, start, mult, 6, 9, x, y, channels, kernel, channels + 4


def _sigmoid_rows(rng: np.random.Generator) -> Iterator[Arguments]:
    every = np.arange(-32768, 32768).astype(np.int16)
    yield from ((rng.permutation(every)[:n], n) for n in (1, 7, 8, 9, 64, 129))
    yield from ((every[at : at + 8192].copy(), 8192) for at in range(0, 65536, 8192))


CASES: dict[str, Callable[[np.random.Generator], Iterator[Arguments]]] = {
    "rescale_rows": _rescale_rows,
    "moved_s8": _moved_s8,
    "moved4_s8": _moved4_s8,
    "moved_s16": _moved_s16,
    "moved_f32": _moved_f32,
    "depthwise_s8": _depthwise_s8,
    "sigmoid_rows": _sigmoid_rows,
}


def overridden(isa: str) -> list[str]:
    """The kernels of CASES that an instruction set brings."""
    return [name for name in CASES if kernels.has_kernel(name, (isa,), False)]


def library(isa: str) -> tuple[dict[str, str], list[str]]:
    """Sources with `own_NAME` and `portable_NAME` of every kernel, and these symbols."""
    table = ", ".join(map(str, fx.TABLE.tolist()))
    parts = ["#include <stdint.h>", kernels.header("prelude"), kernels.header("fixed"), AS_FLOAT]
    parts += [f"static const int16_t edgernn_sigmoid_table[] = {{{table}}};"]
    parts += [kernels.header("table"), kernels.find_kernel("rescale_rows", (isa,)).source]
    parts += [kernels.find_kernel(f"{name}_rest", (isa,)).source for name in RESTS]
    symbols = []
    for name in overridden(isa):
        own = kernels.find_kernel(name, (isa,)).source
        plain = SIGMOID_ROWS if name == "sigmoid_rows" else kernels.find_kernel(name, ()).source
        for word in kernels.functions(plain):
            plain = re.sub(rf"\bedgernn_{word}\b", f"edgernn_plain_{word}", plain)
        parts += [plain] if name == "rescale_rows" else [own, plain]
        types, names = kernels.parameters(own, name)
        passed = ", ".join(f"as_float({n})" if f"float {n}" in types else n for n in names)
        types = re.sub(r"\bfloat (?=\w)", "int32_t ", types)  # a call passes words
        kind = "int" if re.search(rf"\bint edgernn_{name}\(", own) else "void"
        for prefix, called in (("own", name), ("portable", f"plain_{name}")):
            symbols.append(f"{prefix}_{name}")
            result = "return " if kind == "int" else ""
            parts.append(
                f"{kind} {symbols[-1]}({types}) {{\n  {result}edgernn_{called}({passed});\n}}"
            )
    return {"overrides.c": "\n".join([*parts, ENDS])}, symbols


def places(module: Module, place_bytes: int = 1 << 16) -> list[int]:
    """Addresses for the arguments of a kernel."""
    return [module.alloc(place_bytes) for _ in range(10)]


def differing(module: Module, name: str, places: Sequence[int]) -> list[int]:
    """Numbers of the cases in which both kernels leave other bytes or give another result."""

    def run(symbol: str, arguments: Arguments) -> tuple[int, list[bytes]]:
        words = []
        for place, argument in zip(places, arguments, strict=False):
            if isinstance(argument, int):
                words.append(argument)
            else:
                module.write(place, argument.tobytes())
                words.append(place)
        result = module.call(symbol, *words)
        arrays = [(p, a) for p, a in zip(places, arguments, strict=False) if not isinstance(a, int)]
        left = [module.read(place, array.nbytes) for place, array in arrays]
        if "moved" not in name:
            return 0, left  # a function without a result leaves anything in its register
        by = arrays[-1][1].itemsize * (4 if "moved4" in name else 1)
        return result, [*left[:-2], left[-2][: 2 * result], left[-1][: by * result]]

    made = enumerate(CASES[name](np.random.default_rng(1)))
    return [k for k, a in made if run(f"own_{name}", a) != run(f"portable_{name}", a)]
