"""Kernel sources: which file serves which function on which instruction set.

A kernel is one file, `firmware_stubs/kernels/ISA/NAME.c`, holding the one static function
`edgernn_NAME`. A target names instruction sets in order of preference; `portable` is always
last. The first line says how the kernel wants its weights: `/* layout: rows=R cols=C */` means
`[rows / R][cols / C][R][C]`, padded with zeros; `by column` means `[rows / R][cols / C][C][R]`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from edgernn.errors import ToolError

_LAYOUT = re.compile(r"/\* layout: rows=(\d+) cols=(\d+)( by column)? \*/\n")


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel's text and the weight layout it reads."""

    name: str
    isa: str
    source: str
    rows: int = 1
    cols: int = 1
    by_column: bool = False


def find_kernel(name: str, isas: tuple[str, ...]) -> Kernel:
    """The best source of a kernel for a target. Raises: ToolError if there is none."""
    root = resources.files("edgernn.firmware_stubs") / "kernels"
    for isa in (*isas, "portable"):
        path = root / isa / f"{name}.c"
        if path.is_file():
            source = path.read_text("utf8")
            found = _LAYOUT.match(source)
            rows, cols = (int(found[1]), int(found[2])) if found else (1, 1)
            by_column = bool(found and found[3])
            body = source.split("\n", 1)[1] if source.startswith("/* layout") else source
            return Kernel(name, isa, body, rows, cols, by_column)
    raise ToolError(f"no kernel {name} for {isas or 'portable'}")


def header(name: str) -> str:
    """The text of a shared header of the portable set."""
    root = resources.files("edgernn.firmware_stubs") / "kernels" / "portable"
    return (root / f"{name}.h").read_text("utf8")
