"""What the loops in C around a bundle's compiled steps share: sources, checks, the text of C."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from edgernn.bundle import Bundle
from edgernn.errors import DataError
from edgernn.toolchain import stub

SHARED = (
    "loops/loop.h",
    "loops/loop_search.h",
    "kernels/portable/prelude.h",
    "kernels/portable/math_f32.h",
)
MOST_LABELS = 65536  # 16 bits name one

Facts = Mapping[str, Mapping[str, Any]]  # of each step's artifact


def loop_sources(folder: str, names: Sequence[str]) -> dict[str, str]:
    """File name -> text: a loop's own files in a folder of firmware_stubs, and the shared ones."""
    paths = [*(f"{folder}/{name}" for name in names), *SHARED]
    return {PurePosixPath(path).name: stub(path) for path in paths}


def shapes_of(bundle: Bundle, inputs: Mapping[str, str]) -> dict[str, tuple[list[int], list[int]]]:
    """The shapes of each step's input and output. inputs: the type of each step's input.

    Raises: DataError unless each step has one input of its type and one output of float32.
    """
    shapes = {}
    for name, dtype in inputs.items():
        row = bundle.manifest["steps"][name]
        ports = [*row["inputs"], *row["outputs"]]
        if len(row["inputs"]) != 1 or [port["dtype"] for port in ports] != [dtype, "float32"]:
            found = ", ".join(f"{port['name']} {port['dtype']}" for port in ports)
            raise DataError(
                f"{bundle.path}: {name} has {found}; the loop in C needs an input "
                f"{dtype} and an output float32"
            )
        shapes[name] = (row["inputs"][0]["shape"], row["outputs"][0]["shape"])
    return shapes


def check_fit(bundle: Bundle, labels: int, pairs: Mapping[str, tuple[int, int]]) -> None:
    """pairs: by where, how many numbers one gives and the other takes.

    Raises: DataError if they differ, or for more labels than the loops take.
    """
    if labels > MOST_LABELS:
        raise DataError(f"{bundle.path}: {labels:,} labels; the loop in C takes {MOST_LABELS:,}")
    for where, (gives, takes) in pairs.items():
        if gives != takes:
            raise DataError(f"{bundle.path}: {where} do not fit: {gives} against {takes}")


def room(nbytes: int) -> int:
    """Bytes that so many take, as memory is parted: a multiple of 16."""
    return -(-nbytes // 16) * 16


def model_header(name: str, lines: Sequence[str]) -> str:
    """NAME_model.h, made of these lines."""
    guard = f"{name.upper()}_MODEL_H"
    return "\n".join(
        [
            f"/* The {name} in this folder: sizes, steps, words. Made by: edgernn embed */",
            f"#ifndef {guard}",
            f"#define {guard}",
            f'#include "{name}.h"',
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            *lines,
            f"extern const edgernn_{name}_model {name}_model;",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def model_source(name: str, facts: Facts, numbers: Sequence[str], lines: Sequence[str]) -> str:
    """NAME_model.c: the model of these members and steps, behind these lines."""
    symbols = {step: each["symbol"] for step, each in facts.items()}
    return "\n".join(
        [
            f'#include "{name}_model.h"',
            *(f'#include "{symbol}.h"' for symbol in symbols.values()),
            "",
            *lines,
            f"const edgernn_{name}_model {name}_model = {{",
            *(f"    {number}," for number in numbers),
            *(
                f"    .{step} = {{EDGERNN_STEP({symbol.upper()}, {symbol})}},"
                for step, symbol in symbols.items()
            ),
            "};",
            "",
        ]
    )


def literals(texts: Sequence[str]) -> list[str]:
    """Texts as string literals."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')  # ?? would begin a trigraph
    return [
        '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'
        for text in texts
    ]
