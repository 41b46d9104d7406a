"""The picture of a frontier: the figure against a cost, numbered points, their names beside."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import product
from math import cos, dist, pi, sin
from typing import Any

from edgernn.compress.frontier import Found
from edgernn.compress.points import Point, frontier
from edgernn.errors import MissingExtra

Spot = tuple[float, float]

BEST, ON, OFF = "#d62728", "#1f77b4", "#8c8c8c"
APART, CLEAR, RINGS = 15.0, 11.0, (12, 18, 26, 36, 48)  # pixels: of numbers, of points; radii tried

TURNS = (0, 6, 1, 11, 5, 7, 2, 10, 4, 8, 3, 9)  # hours of the clock: first beside a bar, not on it
TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def picture(found: Found, cost: str, label: str) -> bytes:
    """An SVG file. The frontier is a line, its points are blue, the best one is red.

    Raises: MissingExtra without matplotlib.
    """
    try:
        import matplotlib
    except ImportError as cause:
        raise MissingExtra("matplotlib", "compress") from cause
    matplotlib.use("Agg")
    with matplotlib.rc_context({"svg.hashsalt": "edgernn"}):
        return _drawn(found, cost, label)


def _drawn(found: Found, cost: str, label: str) -> bytes:
    from matplotlib import pyplot, ticker

    best = frontier(found.points, cost, higher=found.higher)
    points = sorted(found.points, key=lambda p: (p.at(cost), p.value))
    colours = [BEST if p is found.best else ON if p in best else OFF for p in points]
    height = max(5.5, 0.2 * len(points) + 1)
    figure, (axis, legend) = pyplot.subplots(1, 2, figsize=(11, height), width_ratios=(7, 3))
    axis.step([p.at(cost) for p in best], [p.value for p in best], where="post", color="#bbbbbb")
    for point, colour in zip(points, colours, strict=True):
        x, bar = point.at(cost), point.noise
        axis.errorbar(x, point.value, yerr=bar, fmt="o", ms=5, color=colour, elinewidth=0.8)
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(ticker.LogLocator(subs=TICKS))
    axis.xaxis.set_major_formatter("{x:,.12g}")
    axis.xaxis.set_minor_formatter(ticker.NullFormatter())
    axis.margins(x=0.08, y=0.08)
    axis.set_xlabel(label)
    axis.set_ylabel(found.figure.replace("_", " "))
    axis.grid(alpha=0.3, which="both")
    _names(legend, points, colours)
    figure.tight_layout()
    figure.canvas.draw()  # before it, pixels are not known
    _numbers(axis, [(p.at(cost), p.value) for p in points], colours, figure.dpi)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


def _names(legend: Any, points: Sequence[Point], colours: Sequence[str]) -> None:
    """Every number's name, the cheapest first."""
    legend.axis("off")
    step = min(0.045, 1 / len(points))
    for row, (point, colour) in enumerate(zip(points, colours, strict=True)):
        y = 1 - (row + 0.5) * step
        legend.text(0.0, y, str(row + 1), color=colour, fontsize=8, ha="right", va="center")
        legend.text(0.05, y, point.name, color=colour, fontsize=8, va="center")


def _numbers(axis: Any, places: Sequence[Spot], colours: Sequence[str], dpi: float) -> None:
    """Number the points, each in a free place near it, with a line if that is far."""
    spots: list[Spot] = [(float(x), float(y)) for x, y in axis.transData.transform(places)]
    chosen = free_places(spots, axis.get_window_extent())
    line = {"arrowstyle": "-", "color": "#999999", "lw": 0.6, "shrinkA": 0, "shrinkB": 2}
    for row, (spot, label) in enumerate(zip(spots, chosen, strict=True)):
        axis.annotate(
            *(str(row + 1), places[row]),
            xytext=[(b - a) * 72 / dpi for a, b in zip(spot, label, strict=True)],
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            color=colours[row],
            arrowprops=line if dist(spot, label) > RINGS[1] else None,
        )


def free_places(spots: Sequence[Spot], box: Any) -> list[Spot]:
    """A place for the number of each point within a box, apart from points and other numbers.

    All in pixels. Where all is full, a number lies on its point.
    """
    taken: list[Spot] = []
    for spot in spots:
        inside = (place for place in _around(spot) if box.contains(*place))
        free = (p for p in inside if _clear(p, taken, APART) and _clear(p, spots, CLEAR))
        taken.append(next(free, spot))
    return taken


def _around(spot: Spot) -> Iterator[Spot]:
    for radius, turn in product(RINGS, TURNS):
        angle = turn * pi / 6
        yield spot[0] + radius * cos(angle), spot[1] + radius * sin(angle)


def _clear(spot: Spot, others: Sequence[Spot], least: float) -> bool:
    return all(dist(spot, other) >= least for other in others)
