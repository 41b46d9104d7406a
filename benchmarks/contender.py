"""A runtime that steps one stream: the same work for each, x in, state carried, y out."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.interleave import Measure

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """One live stream in one runtime.

    step: copies a frame in, runs, and gives a copy of y; the state stays or is carried inside.
    alone: times the runtime's own call with as little Python around it as can be had.
    setting: which of several models and options this is.
    """

    step: Callable[[Array], Array]
    reset: Callable[[], None]
    alone: Measure
    setting: str = ""

    def outputs(self, frames: Array) -> Array:
        """Of a fresh stream: (N, ...)."""
        self.reset()
        return np.stack([self.step(frame) for frame in frames])


def timed(step: Callable[[Array], Array], frames: Array) -> Measure:
    """Time steps singly, the frames over and over."""
    at, count, rows = 0, len(frames), list(frames)

    def measure(steps: int) -> Array:
        nonlocal at
        spent = np.empty(steps)
        for k in range(steps):
            frame = rows[at]
            start = perf_counter_ns()
            step(frame)
            spent[k] = perf_counter_ns() - start
            at = (at + 1) % count
        return spent

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


def view(address: int, shape: tuple[int, ...]) -> Array:
    """Floats at an address, as an array that owns nothing."""
    count = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address)).reshape(shape)
