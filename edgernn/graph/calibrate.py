"""Ranges of every value of a graph over a stream of real frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError, UnknownName
from edgernn.graph.histogram import Histogram, least_squares
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference

METHODS = ("percentile", "mse")  # of finding the range of 8-bit values
PERCENTILE = 99.9  # of the frames' extremes, for 8-bit values; our choice


@dataclass
class Range:
    """Extremes of one value, one pair a frame; with `histogram` all of its numbers, counted."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    histogram: Histogram | None = None

    def add(self, value: Array) -> bool:
        """What a frame made of it, if that is finite; whether it is."""
        low, high = float(value.min()), float(value.max())  # NaN if any is
        if not (isfinite(low) and isfinite(high)):
            return False
        self.low.append(low)
        self.high.append(high)
        if self.histogram is not None:
            self.histogram.add(value)
        return True

    def extremes(self) -> tuple[float, float]:
        """The lowest and highest number seen, zero included."""
        return min(0.0, min(self.low)), max(0.0, max(self.high))

    def usual(self) -> tuple[float, float]:
        """Extremes without the rarest frames, zero included."""
        low = float(np.percentile(self.low, 100 - PERCENTILE))
        return min(0.0, low), max(0.0, float(np.percentile(self.high, PERCENTILE)))


def widest(ranges: Sequence[Range]) -> tuple[float, float]:
    """What holds every number of several values."""
    pairs = [one.extremes() for one in ranges]
    return min(low for low, _ in pairs), max(high for _, high in pairs)


def eight_bit(ranges: Sequence[Range]) -> tuple[float, float]:
    """What 8 bits shall cover of several values, by the method that they were watched with."""
    histograms = [one.histogram for one in ranges if one.histogram is not None]
    if histograms:
        return least_squares(histograms)
    pairs = [one.usual() for one in ranges]
    return min(low for low, _ in pairs), max(high for _, high in pairs)


def calibrate(
    graph: Graph, frames: Iterable[Mapping[str, Array]], method: str = "percentile"
) -> dict[str, Range]:
    """Run the float graph over frames from the initial state and record every value.

    method: `percentile`, of the frames' extremes, or `mse`, the least squared error. A value that
    never moves has a range like any other; an input that never does tells nothing.

    Raises: DataError if there are no frames, one misfits the graph's inputs, no input moves, or a
        value becomes NaN or infinite; UnknownName for another method.
    """
    if method not in METHODS:
        raise UnknownName("calibration", method, METHODS)
    ranges: dict[str, Range] = {}
    count = 0

    def watch(name: str, value: Array) -> None:
        if value.dtype.kind != "f":
            return
        if name not in ranges:
            ranges[name] = Range(histogram=Histogram() if method == "mse" else None)
        if not ranges[name].add(value):
            raise DataError(f"calibration frame {count}: {name} is not finite; check the input")

    stream = Reference(graph, watch)
    for frame in frames:
        _check_frame(graph, frame, count)
        stream.step(frame)
        count += 1
    if not count:
        raise DataError("calibration needs at least one frame")
    _check_movement(graph, ranges, count)
    return ranges


def _check_frame(graph: Graph, frame: Mapping[str, Array], at: int) -> None:
    for name in graph.inputs:
        want = graph.values[name]
        if name not in frame:
            raise DataError(f"calibration frame {at}: has no {name}; it needs {want.shape}")
        got = np.asarray(frame[name])
        if got.shape != want.shape or (got.dtype.kind == "f") != (want.dtype == "float32"):
            raise DataError(
                f"calibration frame {at}: {name} is {got.dtype} {got.shape}; it needs "
                f"{want.dtype} {want.shape}"
            )
        if got.dtype.kind == "f" and not np.isfinite(got).all():
            raise DataError(f"calibration frame {at}: {name} is not finite; check the input")


def _check_movement(graph: Graph, ranges: Mapping[str, Range], count: int) -> None:
    """Refuse a stream in which all real inputs are one number for ever, such as silence."""
    real = [name for name in graph.inputs if name in ranges]
    still = [name for name in real if len({*ranges[name].low, *ranges[name].high}) == 1]
    if real and still == real:
        numbers = ", ".join(f"{name} is {ranges[name].low[0]:g}" for name in still)
        raise DataError(
            f"calibration: {numbers} in all of {count:,} frames, so no range can be told; give "
            "frames of real data"
        )
