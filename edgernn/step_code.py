"""The C in a bundle, to be built into a program or a firmware of one's own."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from edgernn.bundle import Bundle
from edgernn.errors import DataError


def artifact(bundle: Bundle, step: str, target: str) -> dict[str, Any]:
    """The manifest's row of a step's C for a target. Raises: DataError if there is none."""
    rows = bundle.manifest["steps"][step]["artifacts"]
    compiled = {row["target"]: row for row in rows if row["backend"] == "c"}
    if target not in compiled:
        raise DataError(
            f"{bundle.path}: holds C of {step} for {', '.join(compiled) or 'no target'}, not for "
            f"{target}; export it with --target {target}"
        )
    found: dict[str, Any] = compiled[target]
    return found


def step_files(bundle: Bundle, target: str) -> dict[str, str]:
    """File name -> text: the source and the header of every step. Raises: DataError."""
    found: dict[str, str] = {}
    for step in bundle.manifest["steps"]:
        row = artifact(bundle, step, target)
        folder, symbol = PurePosixPath(row["main"]).parent, row["facts"]["symbol"]
        for name in (f"{symbol}.c", f"{symbol}.h"):
            if f"{folder}/{name}" not in bundle.members():
                raise DataError(f"{bundle.path}: is slim, without {name}; export it without --slim")
            found[name] = bundle.read(f"{folder}/{name}").decode()
    return found
