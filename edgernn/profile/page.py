"""Profiles as one page that needs nothing else: plots in SVG, light and dark, on a phone too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from edgernn.figures import figure
from edgernn.profile.compare import Verdict
from edgernn.profile.device import DeviceLatency
from edgernn.profile.report import Profile

WIDTH, HEIGHT, LEFT, BOTTOM = 480, 150, 56, 26
STYLE = """
:root { color-scheme: light dark; --bar: #0969da; --soft: #0969da55; --line: #8884; }
:root { --grey: #6e7781; }
@media (prefers-color-scheme: dark) {
  :root { --bar: #58a6ff; --soft: #58a6ff66; --grey: #8b949e; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
th, td { white-space: nowrap; }
svg { width: 100%; height: auto; max-width: 36rem; display: block; }
svg text { font: 12px system-ui, sans-serif; fill: currentColor; }
svg .axis { stroke: var(--line); } svg rect { fill: var(--bar); } svg .soft { fill: var(--soft); }
svg polyline { fill: none; stroke: var(--bar); stroke-width: 1.2; }
svg .grey { fill: var(--grey); }
.slower { color: #cf222e; font-weight: 600; }
.faster { color: #1a7f37; } .cannot { color: var(--grey); }
"""


def page(
    profiles: Sequence[Profile],
    verdicts: Sequence[Verdict] = (),
    others: Sequence[Verdict] = (),
) -> str:
    """HTML of all that was measured. verdicts: against an earlier profile; others: of bundles."""
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>profile</title><style>{STYLE}</style></head><body><h1>Profile</h1>",
    ]
    if verdicts:
        parts += ["<h2>Against the earlier profile</h2>", *_verdicts(verdicts)]
    parts += _overview(profiles)
    if others:
        parts += ["<h2>Beside the first bundle</h2>", *_verdicts(others)]
    for one in profiles:
        parts += _profile(one)
    return "\n".join([*parts, "</body></html>", ""])


def _overview(profiles: Sequence[Profile]) -> Iterator[str]:
    """Times of all codes and places side by side, then instructions."""
    times: dict[str, tuple[float, float]] = {}
    counts: dict[str, tuple[float, float]] = {}
    for one in profiles:
        name = f"{one.bundle}, {one.step}"
        for row in one.host:
            times[f"{name}: {row.backend} {row.number_type}, here"] = (row.p50_us, row.p99_us)
        for there in one.devices:
            label = f"{name}: {there.backend} {there.number_type}, {there.device}"
            times[label] = (there.p50_us, there.p99_us)
        for chip in one.chips:
            if chip.count:
                label = f"{name}: {chip.number_type}, {chip.target}"
                counts[label] = (chip.count.mean, float(chip.count.most))
    if times:
        yield "<h2>A step: p50, and p99 pale, µs</h2>"
        yield bars(times)
    if counts:
        yield "<h2>A step: instructions, and the most pale</h2>"
        yield bars(counts)


def _profile(one: Profile) -> Iterator[str]:
    yield f"<h2>{escape(one.bundle)}: {escape(one.model)}, step {escape(one.step)}</h2>"
    yield f"<p>{one.frame_ms:g} ms of real time a step.</p>"
    for title, rows in one.tables():
        yield f"<h3>{escape(title.partition(': ')[2] or title)}</h3>"
        if "node" not in rows[0] and "function" not in rows[0]:
            yield _table(rows)
        else:
            pairs = [(str(row.get("node", row.get("function"))), row) for row in rows]
            unit = "µs" if "µs" in rows[0] else "instructions"
            yield bars({name: (float(row[unit]),) * 2 for name, row in pairs})
    for there in one.devices:
        yield f"<h3>Every step on {escape(there.device)}, {escape(there.number_type)}</h3>"
        yield histogram(there)
        yield timeline(there)
    for note in one.notes():
        yield f"<p>{escape(note)}</p>"


def _verdicts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    rows = []
    for one in verdicts:
        row = one.row()
        row["verdict"] = f'<span class="{one.verdict.split()[0]}">{escape(one.verdict)}</span>'
        rows.append(row)
    yield _table(rows, raw=("verdict",))


def _table(rows: Sequence[Mapping[str, Any]], raw: Sequence[str] = ()) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    lines = [
        "".join(f"<td>{v if k in raw else escape(figure(v))}</td>" for k, v in row.items())
        for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<div class=wide><table><tr>{head}</tr>{body}</table></div>"


def bars(rows: Mapping[str, tuple[float, float]]) -> str:
    """A bar each, its number behind it; what is beyond it up to the second number pale."""
    most = max((high for _, high in rows.values()), default=1.0) or 1.0
    line, half = 34, WIDTH - 90
    parts = []
    for at, (name, (value, high)) in enumerate(rows.items()):
        y = at * line
        parts.append(f'<text x="0" y="{y + 12}">{escape(name)}</text>')
        for kind, width in (("soft", high), ("", value)):
            size = max(1.0, half * width / most)
            parts.append(
                f'<rect class="{kind}" x="0" y="{y + 16}" width="{size:.1f}" height="12"/>'
            )
        end = max(1.0, half * high / most) + 6
        parts.append(f'<text class="grey" x="{end:.1f}" y="{y + 27}">{figure(float(value))}</text>')
    return _svg("".join(parts), line * len(rows) + 4)


def histogram(one: DeviceLatency) -> str:
    """How many steps took how long; the last bar is all that took longer."""
    edges, counts = one.histogram.edges_us, one.histogram.counts
    most, width = max(counts) or 1, (WIDTH - LEFT) / len(counts)
    parts = [
        f'<rect x="{LEFT + k * width:.1f}" y="{HEIGHT - HEIGHT * n / most:.1f}" '
        f'width="{max(width - 1, 1):.1f}" height="{HEIGHT * n / most:.1f}"/>'
        for k, n in enumerate(counts)
    ]
    return _framed(parts, edges[0], edges[-1], "µs a step", f"{most:,}")


def timeline(one: DeviceLatency) -> str:
    """Steps in the order in which they ran, each point the median of its neighbours."""
    times = one.timeline_us
    top = max(times)
    scale = (WIDTH - LEFT) / max(1, len(times) - 1)
    points = " ".join(
        f"{LEFT + k * scale:.1f},{HEIGHT - (HEIGHT - 8) * t / top:.1f}" for k, t in enumerate(times)
    )
    parts = [f'<polyline points="{points}"/>']
    return _framed(parts, 0, one.steps, "steps", f"{top:.3g} µs")


def _framed(parts: Sequence[str], low: float, high: float, what: str, top: str) -> str:
    axes = (
        f'<line class="axis" x1="{LEFT}" y1="0" x2="{LEFT}" y2="{HEIGHT}"/>'
        f'<line class="axis" x1="{LEFT}" y1="{HEIGHT}" x2="{WIDTH}" y2="{HEIGHT}"/>'
        f'<text x="{LEFT}" y="{HEIGHT + 16}">{figure(float(low))}</text>'
        f'<text x="{WIDTH}" y="{HEIGHT + 16}" text-anchor="end">{figure(float(high))} {what}</text>'
        f'<text x="{LEFT - 6}" y="12" text-anchor="end">{top}</text>'
    )
    return _svg("".join([axes, *parts]), HEIGHT + BOTTOM)


def _svg(inside: str, height: float) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img">{inside}</svg>'
