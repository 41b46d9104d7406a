"""What a profile's page draws: each function is one picture, of figures that were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from edgernn.figures import figure
from edgernn.profile.device import DeviceLatency
from edgernn.profile.svg import (
    BOTTOM,
    COLOURS,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    axes,
    fitted,
    line,
    plain,
    polyline,
    rect,
    shortened,
    svg,
    text,
)

HEIGHT = 170
BAR_ROW, BAR = 34, 12  # of a list of bars: one row, and the bar in it
BEHIND = 74  # kept free behind the longest bar for its number
MAP_HEIGHT = 240
NAMED = 11  # height from which a buffer has room for its name


def bars(rows: Mapping[str, tuple[float, float]], title: str) -> str:
    """A bar each, its number behind it; what is beyond it up to the second number pale."""
    most = max((high for _, high in rows.values()), default=1.0) or 1.0
    wide = (WIDTH - BEHIND) / most
    parts = []
    for at, (name, (value, high)) in enumerate(rows.items()):
        y = at * BAR_ROW
        parts.append(text(0, y + 12, fitted(name, WIDTH)))
        if high > value:
            parts.append(rect(0, y + 17, high * wide, BAR, "pale", f"{name}: {figure(high)}"))
        parts.append(rect(0, y + 17, value * wide, BAR, "c0", f"{name}: {figure(value)}"))
        parts.append(text(high * wide + 6, y + 27, figure(value), "grey"))
    told = "; ".join(f"{name}: {figure(value)}" for name, (value, _) in rows.items())
    return svg(parts, BAR_ROW * len(rows), title, told)


def strips(
    rows: Mapping[str, Mapping[str, float]], names: Sequence[str], title: str, *, shares: bool
) -> str:
    """A strip each, of its parts in turn, coloured by name; parts of other names are one.

    shares: every strip has the full width, else they are drawn to one scale.
    """
    wholes = {row: sum(parts.values()) or 1.0 for row, parts in rows.items()}
    most = max(wholes.values(), default=1.0)
    room = WIDTH if shares else WIDTH - BEHIND
    parts, told = [], []
    for at, (row, values) in enumerate(rows.items()):
        y, x = at * BAR_ROW, 0.0
        whole = wholes[row] if shares else most
        parts.append(text(0, y + 12, fitted(row, WIDTH)))
        known = {name: values[name] for name in names if name in values}
        others = sum(value for name, value in values.items() if name not in known)
        for name, value in (known | ({"all others": others} if others else {})).items():
            kind = names.index(name) if name in names else COLOURS
            width = room * value / whole
            share = f" ({value / wholes[row]:.1%})" if shares else ""
            said = f"{name}: {figure(value)}{share}"
            parts.append(rect(x, y + 17, width, BAR, f"c{min(kind, COLOURS)}", f"{row}, {said}"))
            told.append(f"{row}, {said}")
            x += width
        if not shares:
            parts.append(text(x + 6, y + 27, shortened(wholes[row]), "grey"))
    return svg(parts, BAR_ROW * len(rows), title, "; ".join(told[:60]))


def histogram(one: DeviceLatency, title: str) -> str:
    """How many steps took how long; the last bar is all that took longer."""
    edges, counts = one.histogram.edges_us, one.histogram.counts
    x, y = plain(edges[0], edges[-1], max(counts) or 1, HEIGHT)
    y = Axis(0, y.high, y.begin, TOP + 28)  # two lines of words above
    parts = axes(x, y, "µs a step")
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        top = y.at(count)
        said = f"{figure(low)} to {figure(high)} µs: {count:,} steps"
        parts.append(rect(x.at(low), top, x.at(high) - x.at(low) - 1, y.begin - top, "c0", said))
    for row, (name, value) in enumerate((("p50", one.p50_us), ("p99", one.p99_us))):
        at = x.at(min(value, edges[-1]))
        words, top = f"{name} {figure(value)} µs", TOP + 14 * row
        left = at > WIDTH / 2
        parts.append(line(at, top, at, y.begin, "mark"))
        parts.append(text(at + (-4 if left else 4), top + 8, words, "", "end" if left else "start"))
    told = f"p50 {figure(one.p50_us)} µs, p99 {figure(one.p99_us)} µs of {one.steps:,} steps"
    return svg(parts, HEIGHT, title, told)


def timeline(one: DeviceLatency, title: str) -> str:
    """Steps in the order in which they ran, each point the median of its neighbours."""
    times = one.timeline_us
    x, y = plain(0, one.steps, 1.05 * max(times), HEIGHT)
    scale = one.steps / max(1, len(times) - 1)
    parts = axes(x, y, "steps, in turn; µs upwards")
    parts.append(polyline((x.at(k * scale), y.at(time)) for k, time in enumerate(times)))
    told = f"from {figure(min(times))} to {figure(max(times))} µs"
    return svg(parts, HEIGHT, title, told)


def memory_map(plan: Mapping[str, Any], state: int, scratch: int, title: str) -> str:
    """The step from left to right, memory upwards: the state below, in the scratch each buffer."""
    count, whole = len(plan["actions"]), state + scratch
    x, y = plain(0, count, max(whole, *plan["live_bytes"]), MAP_HEIGHT)
    parts = axes(x, y, "what the step does, in turn; bytes upwards")
    begins = sorted((at, name, nbytes) for name, at, nbytes in plan["state"])
    ends = [*(at for at, _, _ in begins[1:]), state]
    boxes = [
        (0, count, at, end, "state", f"state {name}", f"{nbytes:,} bytes, all the time")
        for (at, name, nbytes), end in zip(begins, ends, strict=True)
    ]
    for k, (name, at, nbytes, first, last) in enumerate(plan["scratch"]):
        when = f"{nbytes:,} bytes, from {plan['actions'][first]} to {plan['actions'][last]}"
        low = state + at
        boxes.append((first, last + 1, low, low + nbytes, f"c{k % (COLOURS - 1)} box", name, when))
    for first, end, low, high, kind, name, when in boxes:
        left, width = x.at(first), x.at(end) - x.at(first)
        top, height = y.at(high), y.at(low) - y.at(high)
        parts.append(rect(left, top, width - 0.5, height - 0.5, kind, f"{name}: {when}"))
        if height >= NAMED and (words := fitted(name, width - 8)):
            parts.append(text(left + 4, top + height / 2 + 4, words, "in"))
    alive = [(k + half, value) for k, value in enumerate(plan["live_bytes"]) for half in (0, 1)]
    parts.append(polyline(((x.at(at), y.at(value)) for at, value in alive), "alive"))
    told = (
        f"{state:,} bytes of state and {scratch:,} of scratch; at most "
        f"{max(plan['live_bytes']):,} are alive at once"
    )
    return svg(parts, MAP_HEIGHT, title, told)


@dataclass(frozen=True, slots=True)
class Reached:
    """A step by its roof. read_bytes_per_s: what one core reads of as many bytes as it has."""

    name: str
    macs_per_byte: float
    macs_per_s: float
    read_bytes_per_s: float


def roofline(points: Sequence[Reached], title: str) -> str:
    """Multiply-accumulates a second by those of a byte of weights, below what reading allows."""
    across = [one.macs_per_byte for one in points]
    x = Axis(min(across) / 3, max(across) * 3, LEFT, WIDTH - RIGHT, log=True)
    up = [one.macs_per_s for one in points]
    up += [one.read_bytes_per_s * at for one in points for at in (x.low, one.macs_per_byte)]
    y = Axis(min(up) / 1.5, max(up) * 3, HEIGHT + 30 - BOTTOM, TOP, log=True)
    parts = axes(x, y, "multiply-accumulates a byte of weights")
    told = []
    for k, one in enumerate(points):
        kind = f"s{min(k, COLOURS)}"
        last = min(x.high, y.high / one.read_bytes_per_s)
        ends = [(at, one.read_bytes_per_s * at) for at in (x.low, last)]
        parts.append(polyline([(x.at(a), y.at(b)) for a, b in ends], f"roof {kind}"))
        left, top = x.at(one.macs_per_byte), y.at(one.macs_per_s)
        share = one.macs_per_s / (one.read_bytes_per_s * one.macs_per_byte)
        said = (
            f"{one.name}: {shortened(one.macs_per_s)} multiply-accumulates a second, "
            f"{share:.0%} of its roof of {figure(one.read_bytes_per_s / 1e9)} GB/s"
        )
        parts.append(
            f'<circle class="c{min(k, COLOURS)}" cx="{left:.1f}" cy="{top:.1f}" r="5">'
            f"<title>{escape(said)}</title></circle>"
        )
        told.append(said)
    return svg(parts, HEIGHT + 30, title, "; ".join(told))
