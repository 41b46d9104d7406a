"""What a step becomes: loops over elements and kernel calls, each on views of buffers.

A view is a numpy array over memory that is never read: numpy does the stride algebra (reshape
without copy, transpose, slice, broadcast), we keep shape, strides and offset in elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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

    def moved(self, buffer: str, by: int) -> View:
        """The same cells of a buffer that holds this view's buffer from element `by` on."""
        return View(buffer, self.base - by, self.cells)

    @property
    def extent(self) -> tuple[int, int]:
        """The first element and the one after the last."""
        if self.cells.size == 0:
            return 0, 0
        reach = sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))
        return self.offset, self.offset + reach + 1

    def overlaps(self, other: View) -> bool:
        """Whether both may touch one element."""
        if self.buffer != other.buffer:
            return False
        (a, a_end), (b, b_end) = self.extent, other.extent
        return a < b_end and b < a_end

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

    aliases: other names under which a value of this loop is read (a reshape of it, say) or is
    written a second time (its copy inside a concatenation).
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


def conflict(a: Action, b: Action) -> bool:
    """Whether the order of two actions matters."""
    if not a.touched() & b.touched():
        return False
    return any(
        made.overlaps(view)
        for one, other in ((a, b), (b, a))
        for made in views_written(one)
        for view in (*views_read(other), *views_written(other))
    )


def is_copy(action: Action) -> bool:
    """Whether an action only moves elements."""
    return isinstance(action, Loop) and [s.op for s in action.statements] == ["copy"]


def copy_loop(source: View, target: View, dtype: str, label: str) -> Loop:
    """A loop that moves elements; both views have one shape."""
    name = f"{label}.copied"
    loop = Loop(target.shape, label=f"copy {label}")
    loop.statements.append(Statement("copy", name, ("source",), {"dtype": dtype}))
    loop.reads["source"], loop.writes[name] = source, target
    return loop


def moved_to(action: Action, old: str, new: str, by: int) -> Action:
    """The action once buffer `old` lies inside buffer `new`, from element `by` on."""

    def moved(view: View) -> View:
        return view.moved(new, by) if view.buffer == old else view

    if isinstance(action, Loop):
        reads = {name: moved(view) for name, view in action.reads.items()}
        writes = {name: moved(view) for name, view in action.writes.items()}
        return replace(action, reads=reads, writes=writes)
    views = {id(v): moved(v) for v in action.args if isinstance(v, View)}
    args = [views[id(a)] if isinstance(a, View) else a for a in action.args]
    advance = {id(views[key]): hop for key, hop in action.advance.items()}
    reads_of = [views.get(id(v)) or moved(v) for v in action.reads]
    writes_of = [views.get(id(v)) or moved(v) for v in action.writes]
    return replace(action, args=args, advance=advance, reads=reads_of, writes=writes_of)
