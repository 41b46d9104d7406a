"""The C in a bundle, to be built into a program, a firmware or a package of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

from edgernn.backend import find_backend
from edgernn.bundle import Bundle
from edgernn.errors import BundleError, DataError
from edgernn.graph.stored import from_bytes
from edgernn.target import find_target


@dataclass(frozen=True, slots=True)
class StepCode:
    """A step's C: the prefix of its symbols, its files, and what the compiler knows of it."""

    symbol: str
    files: Mapping[str, str]
    facts: Mapping[str, Any]


def artifact(bundle: Bundle, step: str, target: str) -> dict[str, Any]:
    """The manifest's row of a step's C for a target. Raises: DataError if there is none."""
    compiled = _compiled(bundle, step)
    if target not in compiled:
        raise DataError(
            f"{bundle.path}: holds C of {step} for {', '.join(compiled) or 'no target'}, not for "
            f"{target}; export it with --target {target}"
        )
    return compiled[target]


def step_files(bundle: Bundle, target: str) -> dict[str, str]:
    """File name -> text: the source and the header of every step, as the bundle holds them.

    Raises: DataError.
    """
    found: dict[str, str] = {}
    for step in bundle.manifest["steps"]:
        found.update(_held(bundle, artifact(bundle, step, target)))
    return found


def step_code(bundle: Bundle, target: str) -> dict[str, StepCode]:
    """By step the C for any target: what the bundle holds, or made of the step that it stores.

    Raises: UnknownName, DataError if it is slim, BundleError.
    """
    return {step: _code(bundle, step, target) for step in bundle.manifest["steps"]}


def all_files(code: Mapping[str, StepCode]) -> dict[str, str]:
    """File name -> text: the source and the header of every step."""
    return {name: text for one in code.values() for name, text in one.files.items()}


def _compiled(bundle: Bundle, step: str) -> dict[str, dict[str, Any]]:
    rows = bundle.manifest["steps"][step]["artifacts"]
    return {row["target"]: row for row in rows if row["backend"] == "c"}


def _held(bundle: Bundle, row: Mapping[str, Any]) -> dict[str, str]:
    folder, symbol = PurePosixPath(row["main"]).parent, row["facts"]["symbol"]
    found = {}
    for name in (f"{symbol}.c", f"{symbol}.h"):
        if f"{folder}/{name}" not in bundle.members():
            raise DataError(f"{bundle.path}: is slim, without {name}; export it without --slim")
        found[name] = bundle.read(f"{folder}/{name}").decode()
    return found


def _code(bundle: Bundle, step: str, target: str) -> StepCode:
    row, stored = _compiled(bundle, step).get(target), bundle.manifest["steps"][step].get("stored")
    if row is not None:
        return StepCode(row["facts"]["symbol"], _held(bundle, row), row["facts"])
    if stored is None:
        artifact(bundle, step, target)  # says what there is
    try:
        return _made(bundle.read(stored), find_target(target).name)
    except BundleError as cause:
        raise BundleError(f"{bundle.path}: {cause}") from cause


@lru_cache(maxsize=8)
def _made(stored: bytes, target: str) -> StepCode:
    """C of a stored step; of a large one it takes seconds. Raises: BundleError, UnsupportedOp."""
    found, place = from_bytes(stored), find_target(target)
    backend: Any = find_backend("c")
    made = backend.source(found, found.graph, place, found.number_type, found.activations)
    return StepCode(made.symbol, made.files(), made.facts)
