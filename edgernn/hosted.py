"""What backends share whose artifacts another runtime runs: its places, shapes, first states."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import ShapeError

PLACES = ("host", "aarch64")  # targets on which such a runtime is at home

Row = Mapping[str, Any]  # of a state, as a manifest has it


def initial(row: Row) -> Array:
    """A fresh array of a state before the first frame."""
    leaf = np.zeros(row["shape"], row["dtype"])
    if row.get("init") is not None:
        leaf[...] = row["init"]
    return leaf


def need_shape(what: str, array: Array, shape: Sequence[int]) -> None:
    """Raises: ShapeError if an array has another shape."""
    need = tuple(map(int, shape))
    if array.shape != need:
        raise ShapeError(f"{what}: need {need}, got {array.shape}")


def need_leaves(rows: Iterable[Row], leaves: Mapping[str, Array]) -> None:
    """Raises: ShapeError if a state leaf has another shape than its row."""
    for row in rows:
        need_shape(f"state {row['in']}", leaves[row["in"]], row["shape"])
