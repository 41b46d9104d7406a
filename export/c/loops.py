"""What a step becomes: loops over elements and kernel calls, each on views of buffers.

A view is a numpy array over memory that is never read: numpy does the stride algebra (reshape
without copy, transpose, slice, broadcast), we keep shape, strides and offset in elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgernn.backend import Array


@dataclass(frozen=True, slots=True)
class View:
    """Elements of one buffer. `cells` is an int8 array whose strides count elements."""

    buffer: str
    base: int
    cells: Array

    @staticmethod
    def whole(buffer: str, shape: tuple[int, ...]) -> View:
        """All of a fresh buffer, row-major."""
        cells = np.empty(shape, np.int8)
        return View(buffer, cells.__array_interface__["data"][0], cells)

    def on(self, cells: Array) -> View:
        """Other cells of the same buffer."""
        return View(self.buffer, self.base, cells)

    @property
    def offset(self) -> int:
        if self.cells.size == 0:
            return 0
        return int(self.cells.__array_interface__["data"][0]) - self.base

    @property
    def shape(self) -> tuple[int, ...]:
        return self.cells.shape

    @property
    def strides(self) -> tuple[int, ...]:
        return self.cells.strides

    @property
    def contiguous(self) -> bool:
        return bool(self.cells.flags.c_contiguous)

    def walk(self) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Offset, and (size, stride) of every axis that has more than one element."""
        axes = zip(self.shape, self.strides, strict=True)
        return self.offset, tuple((size, stride) for size, stride in axes if size != 1)

    def same_cells(self, other: View) -> bool:
        """Whether equal positions of both views are the same elements."""
        return self.buffer == other.buffer and self.walk() == other.walk()


@dataclass(frozen=True, slots=True)
class Statement:
    """One elementwise node inside a loop."""

    op: str
    value: str
    operands: tuple[str, ...]
    attrs: dict[str, Any]


@dataclass
class Loop:
    """Statements run for every element of `shape`; `reads` and `writes` map values to views.

    aliases: other names (a reshape, say) under which a value made in this loop is read in it.
    """

    shape: tuple[int, ...]
    statements: list[Statement] = field(default_factory=list)
    reads: dict[str, View] = field(default_factory=dict)
    writes: dict[str, View] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    label: str = ""

    def touched(self) -> set[str]:
        return {v.buffer for v in (*self.reads.values(), *self.writes.values())}


@dataclass
class Call:
    """One kernel call. `args` are C expressions, or views which become pointers."""

    kernel: str
    args: list[str | View]
    reads: list[View]
    writes: list[View]
    label: str = ""
    repeat: int = 1  # the call is made this many times, each view advancing by `advance`
    advance: dict[int, int] = field(default_factory=dict)

    def touched(self) -> set[str]:
        return {v.buffer for v in (*self.reads, *self.writes)}


Action = Loop | Call


def views_read(action: Action) -> list[View]:
    """Views that an action reads."""
    return list(action.reads.values()) if isinstance(action, Loop) else action.reads


def views_written(action: Action) -> list[View]:
    """Views that an action writes."""
    return list(action.writes.values()) if isinstance(action, Loop) else action.writes
