"""A runtime that steps one stream: the same work for each, x in, state carried, y out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.interleave import Measure

Array = NDArray[Any]

SHORT_NANOSECONDS = 20_000  # the clock and the call are under one percent of it


@dataclass(frozen=True, slots=True)
class Contender:
    """One live stream in one runtime, on memory that it reads and writes in place.

    call: one step, from x to y. carried: (old, new) states that must be copied after a call.
    loop: runs so many steps in C over the frames it was made with; nanoseconds of all.
    setting: which of several models and options this is.
    """

    x: Array
    y: Array
    call: Callable[[], object]
    reset: Callable[[], None]
    setting: str = ""
    carried: Sequence[tuple[Array, Array]] = ()
    loop: Callable[[int], int] | None = None

    def outputs(self, frames: Array) -> Array:
        """Of a fresh stream: (N, ...)."""
        self.reset()
        found = []
        for frame in frames:
            self.x[...] = frame
            self.call()
            for old, new in self.carried:
                old[...] = new
            found.append(self.y.copy())
        return np.stack(found)


def whole(contender: Contender, frames: Array) -> Measure:
    """Time steps singly, the frames over and over: copy in, call, carry the state, copy out.

    Plain memory is copied, which costs Python the least: under 0.3 microseconds for a small step.
    """
    rows = [plain(frame) for frame in frames]
    x, y, call = plain(contender.x), plain(contender.y), contender.call
    carried = [(plain(old), plain(new)) for old, new in contender.carried]
    at, count = 0, len(rows)

    def measure(steps: int) -> Array:
        nonlocal at
        spent = np.empty(steps)
        for k in range(steps):
            frame = rows[at]
            start = perf_counter_ns()
            x[:] = frame
            call()
            for old, new in carried:
                old[:] = new
            bytes(y)
            spent[k] = perf_counter_ns() - start
            at = (at + 1) % count
        return spent

    return measure


def alone(contender: Contender) -> Measure:
    """Time the step with as little around it as can be had: the loop in C, else the bare call.

    The loop is timed in short runs: a long one would be interrupted by whatever else this machine
    does, where single calls are mostly spared.
    """
    if contender.loop is None:
        return called(contender.call)
    loop = contender.loop
    run = max(1, SHORT_NANOSECONDS // max(min(loop(1) for _ in range(9)), 1))

    def measure(steps: int) -> Array:
        runs = -(-steps // run)
        return np.array([loop(run) / run for _ in range(runs)])

    return measure


def called(call: Callable[[], object]) -> Measure:
    """Time a call that needs nothing between."""

    def measure(steps: int) -> Array:
        spent = np.empty(steps)
        for k in range(steps):
            start = perf_counter_ns()
            call()
            spent[k] = perf_counter_ns() - start
        return spent

    return measure


def plain(array: Array) -> memoryview:
    """The bytes of a contiguous array."""
    return array.reshape(-1).data.cast("B")


def view(address: int, shape: tuple[int, ...]) -> Array:
    """Floats at an address, as an array that owns nothing."""
    count = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)
