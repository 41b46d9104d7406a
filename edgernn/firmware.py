"""Golden vectors as C: the `golden.h` that firmware_stubs/startup/golden_main.c is built with.

An image built with it runs the step on inputs in flash and compares one hash with the expected
one; what was verified on the desk is then proven on the chip without a byte of test equipment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import ShapeError

Array = NDArray[Any]

IMAGE_FRAMES = 20  # that an image runs when it boots
FNV_BASIS, FNV_PRIME = 2166136261, 16777619
C_TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "bool": "uint8_t",
}


@dataclass(frozen=True, slots=True)
class GoldenRun:
    """N golden steps of one compiled step.

    inputs, outputs: arrays (N, ...) in the order of the C arguments and of their C types;
    state: the whole state blob after the last step.
    """

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    state: bytes

    @property
    def steps(self) -> int:
        return len(self.inputs[0])

    def first(self, steps: int, state: bytes) -> GoldenRun:
        """A shorter run; `state` is the blob after that many steps."""
        return GoldenRun(
            tuple(a[:steps] for a in self.inputs), tuple(a[:steps] for a in self.outputs), state
        )

    def expected_hash(self) -> int:
        """FNV-1a over every step's outputs in order, then over the state blob; 32 bits."""
        value = FNV_BASIS
        for t in range(self.steps):
            for output in self.outputs:
                value = _fold(value, np.ascontiguousarray(output[t]).tobytes())
        return _fold(value, self.state)


def golden_header(name: str, run: GoldenRun, *, header: str | None = None) -> str:
    """C text of `golden.h` for the step `name`, declared in `header` (`NAME.h` when None).

    Raises: ShapeError when the arrays differ in their number of steps or hold what C cannot say.
    """
    _check(name, run)
    macro = name.upper()
    lines = [
        f"/* Golden vectors of {name}, generated. */",
        f'#include "{header or name + ".h"}"',
        f"#define GOLDEN_STEPS {run.steps}u",
        f"#define GOLDEN_HASH {run.expected_hash():#010x}u",
        f"#define GOLDEN_STATE_BYTES {macro}_STATE_BYTES",
        f"#define GOLDEN_SCRATCH_BYTES {macro}_SCRATCH_BYTES",
        f"#define GOLDEN_INIT {name}_init",
    ]
    arguments, folds = ["state", "scratch"], []
    for i, array in enumerate(run.inputs):
        width = array[0].size
        lines += _table(f"golden_in{i}", array)
        arguments.append(f"&golden_in{i}[(t) * {width}u]")
    for i, array in enumerate(run.outputs):
        lines.append(f"static {C_TYPES[array.dtype.name]} golden_out{i}[{array[0].size}];")
        arguments.append(f"golden_out{i}")
        folds.append(f"(h) = fold((h), golden_out{i}, sizeof golden_out{i})")
    lines.append(f"#define GOLDEN_STEP(t) {name}_step({', '.join(arguments)})")
    lines.append(f"#define GOLDEN_FOLD(h) ({', '.join(folds)})")
    return "\n".join(lines) + "\n"


def _check(name: str, run: GoldenRun) -> None:
    if not run.inputs or not run.outputs:
        raise ShapeError(f"{name}: golden vectors need at least one input and one output")
    for kind, arrays in (("input", run.inputs), ("output", run.outputs)):
        for i, array in enumerate(arrays):
            where = f"{name}: golden {kind} {i}"
            if array.dtype.name not in C_TYPES:
                raise ShapeError(f"{where} has type {array.dtype}; known: {', '.join(C_TYPES)}")
            if array.ndim < 1 or len(array) != run.steps or not run.steps or not array[0].size:
                raise ShapeError(f"{where} has shape {array.shape}; expected ({run.steps}, ...)")
    for i, array in enumerate(run.inputs):
        if not np.isfinite(array).all():
            raise ShapeError(f"{name}: golden input {i} holds values that are not finite")


def _table(symbol: str, array: Array) -> Iterator[str]:
    c_type = C_TYPES[array.dtype.name]
    words = list(_literals(array.reshape(-1)))
    yield f'__attribute__((section(".golden"), aligned(16))) static const {c_type}'
    yield f"    {symbol}[{len(words)}] = {{"
    for at in range(0, len(words), 8):
        yield "    " + ", ".join(words[at : at + 8]) + ","
    yield "};"


def _literals(flat: Array) -> Iterator[str]:
    if flat.dtype == np.float32:
        return (f"{float(v).hex()}f" for v in flat)
    if flat.dtype == np.int64:
        # the least value has no literal of its own in C
        return (f"INT64_C({int(v)})" if v > -(2**63) else "INT64_MIN" for v in flat)
    if flat.dtype == np.int32:
        return (str(int(v)) if v > -(2**31) else "INT32_MIN" for v in flat)
    return (str(int(v)) for v in flat)


def _fold(value: int, data: bytes) -> int:
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def read_report(text: str) -> dict[str, int]:
    """Numbers that the golden main printed: `hash`, `stack` (bytes)."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key in ("hash", "stack", "pc", "cfsr", "hfsr"):
            found[key] = int(value, 0)
    return found
