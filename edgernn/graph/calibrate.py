"""Ranges of every value of a graph over a stream of real frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference

PERCENTILE = 99.9  # of the frames' extremes, for 8-bit values; our choice


@dataclass
class Range:
    """Extremes of one value, one pair a frame."""

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def extremes(self) -> tuple[float, float]:
        """The lowest and highest number seen, zero included."""
        return min(0.0, min(self.low)), max(0.0, max(self.high))

    def usual(self) -> tuple[float, float]:
        """Extremes without the rarest frames, zero included."""
        low = float(np.percentile(self.low, 100 - PERCENTILE))
        return min(0.0, low), max(0.0, float(np.percentile(self.high, PERCENTILE)))


def calibrate(graph: Graph, frames: Iterable[Mapping[str, Array]]) -> dict[str, Range]:
    """Run the float graph over frames from the initial state and record every value.

    Raises: DataError if there are no frames, or if a value becomes NaN or infinite.
    """
    ranges: dict[str, Range] = {}
    count = 0

    def watch(name: str, value: Array) -> None:
        if not np.issubdtype(value.dtype, np.floating):
            return
        if not np.isfinite(value).all():
            raise DataError(f"calibration frame {count}: {name} is not finite; check the input")
        entry = ranges.setdefault(name, Range())
        entry.low.append(float(value.min()))
        entry.high.append(float(value.max()))

    stream = Reference(graph, watch)
    for frame in frames:
        stream.step(frame)
        count += 1
    if not count:
        raise DataError("calibration needs at least one frame")
    return ranges
