"""Drawing in SVG by hand: axes with round numbers, text that fits, one title for each picture."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 360  # of every picture: a phone shows it at about its own size
LETTER = 5.6  # of text in 11 px, at most on the average
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 32  # around the inside of a plot with axes
COLOURS = 8  # classes c0 to c7; c8 is the rest


def svg(parts: Iterable[str], height: float, title: str, text: str = "") -> str:
    """A picture. title: what it is; text: what it says, for those who do not see it."""
    told = f"<desc>{escape(text)}</desc>" if text else ""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img">'
        f"<title>{escape(title)}</title>{told}{''.join(parts)}</svg>"
    )


def rect(x: float, y: float, width: float, height: float, kind: str = "c0", title: str = "") -> str:
    """A rectangle of a class, at least half a point wide; title: shown by a pointer over it."""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{max(height, 0.5):.1f}"'
    if not title:
        return f'<rect class="{kind}" {place}/>'
    return f'<rect class="{kind}" {place}><title>{escape(title)}</title></rect>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> str:
    """A straight one."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def polyline(points: Iterable[tuple[float, float]], kind: str = "line") -> str:
    """Straight ones from point to point."""
    told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{told}"/>'


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Words that begin, lie in the middle or end there."""
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{end}>{escape(words)}</text>'


def fitted(words: str, width: float) -> str:
    """Words cut to a width, the cut marked; nothing where not even four letters have room."""
    room = int(width / LETTER)
    if len(words) <= room:
        return words
    return f"{words[: room - 1]}…" if room >= 4 else ""


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from one to another, at most so many."""
    span = high - low
    if span <= 0:
        return [low]
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next(unit * k for k in (1, 2, 5, 10) if span / (unit * k) <= most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(k * step, 12) for k in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers along a stretch of the picture, evenly or by its logarithm."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a number lies."""
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.begin + (self.end - self.begin) * (value - low) / ((high - low) or 1.0)

    def ticks(self) -> list[float]:
        """Round numbers on it: powers of ten, and 2 and 5 between them where there are few."""
        if not self.log:
            return ticks(self.low, self.high)
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1, 2, 5) if len(powers) < 4 else (1,)
        every = (float(f"{k}e{power}") for power in powers for k in steps)
        return [one for one in every if self.low <= one <= self.high]


def axes(x: Axis, y: Axis, below: str) -> list[str]:
    """A grid with its numbers. below: what runs along x."""
    parts = []
    for value in y.ticks():
        at = y.at(value)
        parts.append(line(x.begin, at, x.end, at, "grid"))
        parts.append(text(x.begin - 5, at + 4, shortened(value), anchor="end"))
    for value in x.ticks():
        at = x.at(value)
        parts.append(line(at, y.begin, at, y.begin + 4))
        half = len(shortened(value)) * LETTER / 2
        middle = min(max(at, x.begin + half - 6), x.end - half + RIGHT - 4)
        parts.append(text(middle, y.begin + 15, shortened(value), anchor="middle"))
    parts.append(line(x.begin, y.begin, x.end, y.begin))
    parts.append(text((x.begin + x.end) / 2, y.begin + 29, below, "grey", "middle"))
    return parts


def shortened(value: float) -> str:
    """A number of an axis: thousands as k, millions as M, thousand millions as G."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{unit}"
    return f"{value:.4g}"


def plain(low_x: float, high_x: float, high_y: float, height: float) -> tuple[Axis, Axis]:
    """Even axes of a picture of this height, y from zero."""
    return (
        Axis(low_x, high_x, LEFT, WIDTH - RIGHT),
        Axis(0, high_y, height - BOTTOM, TOP),
    )


def legend(names: Sequence[str], shown: Container[str] | None = None) -> str:
    """Which colour is what, in words below a picture; shown: the names that occur in it."""
    items = (
        f'<li><i class="b{min(at, COLOURS)}"></i>{escape(name)}</li>'
        for at, name in enumerate(names)
        if shown is None or name in shown
    )
    return f'<ul class="legend">{"".join(items)}</ul>'
