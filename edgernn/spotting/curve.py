"""The detection curve, misses against false alarms an hour, as an SVG without libraries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Points = Sequence[tuple[float, float]]  # false alarms an hour, share missed

WIDTH, HEIGHT, LEFT, TOP, BOTTOM, RIGHT = 640, 380, 64, 20, 56, 20
LEAST, MOST = 0.1, 100.0  # of the logarithmic axis; fewer alarms are drawn at its left end
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#8c564b", "#7f7f7f")
DASHES = ("none", "6 4", "2 3")  # one for each two lines, a run in two conditions


def _x(per_hour: float) -> float:
    share = math.log10(min(max(per_hour, LEAST), MOST) / LEAST) / math.log10(MOST / LEAST)
    return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def _y(missed: float, top: float) -> float:
    return round(TOP + (1 - min(missed / top, 1.0)) * (HEIGHT - TOP - BOTTOM), 1)


def _text(x: float, y: float, words: str, anchor: str = "middle", turn: str = "") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}"{turn}>{words}</text>'


def _axes(top: float) -> list[str]:
    right, low = WIDTH - RIGHT, HEIGHT - BOTTOM
    lines = []
    for decade in range(round(math.log10(LEAST)), round(math.log10(MOST)) + 1):
        x = _x(10.0**decade)
        name = f"≤ {10.0**decade:g}" if 10.0**decade <= LEAST else f"{10.0**decade:g}"
        lines.append(f'<path d="M{x} {TOP}V{low}" stroke="#ddd"/>')
        lines.append(_text(x, low + 18, name))
    for i in range(6):
        y = _y(top * i / 5, top)
        lines.append(f'<path d="M{LEFT} {y}H{right}" stroke="#ddd"/>')
        lines.append(_text(LEFT - 8, y + 4, f"{100 * top * i / 5:.3g} %", "end"))
    middle = (TOP + low) / 2
    lines.append(_text((LEFT + right) / 2, HEIGHT - 14, "false alarms an hour"))
    lines.append(_text(16, middle, "missed", turn=f' transform="rotate(-90 16 {middle})"'))
    return lines


def curve_svg(series: Mapping[str, Points], marks: Mapping[str, tuple[float, float]]) -> str:
    """One line a series, one circle a mark (the threshold in use). Deterministic to the byte."""
    tallest = max((y for points in series.values() for _, y in points), default=0.0)
    top = max(0.05, math.ceil(tallest * 20) / 20)
    lines = _axes(top)
    for i, (name, points) in enumerate(series.items()):
        colour, dash = COLOURS[i % len(COLOURS)], DASHES[i // 2 % len(DASHES)]
        path = " ".join(f"{_x(x)},{_y(y, top)}" for x, y in points)
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        lines.append(f'<polyline points="{path}" {style}/>')
        if name in marks:
            x, y = _x(marks[name][0]), _y(marks[name][1], top)
            lines.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>')
        row = TOP + 18 + 18 * i
        lines.append(f'<path d="M{WIDTH - 210} {row - 4}h28" {style}/>')
        lines.append(_text(WIDTH - 174, row, name, "start"))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12">'
    )
    body = "\n".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>', *lines])
    return f"{head}\n{body}\n</svg>\n"
