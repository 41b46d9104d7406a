"""Profiles as one page that needs nothing else: plots in SVG, light and dark, on a phone too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import metadata
from pathlib import Path
from typing import Any

from edgernn.figures import figure
from edgernn.profile.compare import Verdict
from edgernn.profile.labels import Labelled, labelled
from edgernn.profile.plots import (
    Reached,
    bars,
    histogram,
    memory_map,
    roofline,
    strips,
    timeline,
)
from edgernn.profile.report import Profile
from edgernn.profile.svg import COLOURS, legend

STYLE = Path(__file__).with_name("page.css")
WORDS = ("step", "where", "what", "verdict", "code", "target", "unit", "counted by", "node", "by")
RAM = ("state", "scratch", "stack")
MAPS = 2  # of memory, of one step: those of further targets hardly differ


def page(
    profiles: Sequence[Profile],
    verdicts: Sequence[Verdict] = (),
    others: Sequence[Verdict] = (),
) -> str:
    """HTML of all that was measured. verdicts: against an earlier profile; others: of bundles."""
    steps = _by_step(profiles)
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        '<link rel=icon href="data:,">',  # or a browser asks for one
        f"<title>{escape(', '.join(steps))}: profile</title>",
        f"<style>{STYLE.read_text(encoding='utf-8')}</style></head><body>",
        *_head(profiles, steps),
    ]
    if verdicts:
        parts += ["<h2 id=verdicts>Against the earlier profile</h2>", _verdicts(verdicts)]
    parts += _overview(steps)
    for name, (words, rows) in steps.items():
        parts += _step(name, words, rows)
    if others:
        parts += ["<h2 id=bundles>Bundles beside one another</h2>", _verdicts(others)]
    if notes := list(dict.fromkeys(note for one in profiles for note in one.notes())):
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        parts.append(f"<h2 id=notes>Notes</h2><ul class=card>{items}</ul>")
    return "\n".join([*parts, "</body></html>", ""])


def _by_step(profiles: Sequence[Profile]) -> dict[str, tuple[str, Labelled]]:
    """Model and step -> a line on it, and all that was measured of it."""
    found: dict[str, list[Profile]] = {}
    for one in profiles:
        same = one.step in (one.model, one.model.partition("/")[0])
        found.setdefault(one.model if same else f"{one.model}, {one.step}", []).append(one)
    return {
        name: (f"A step covers {some[0].frame_ms:g} ms of real time.", labelled(some))
        for name, some in found.items()
    }


def _head(profiles: Sequence[Profile], steps: Mapping[str, tuple[str, Labelled]]) -> Iterator[str]:
    machines = ", ".join(dict.fromkeys(one.machine for one in profiles))
    links = "".join(f'<a href="#{_id(name)}">{escape(name)}</a>' for name in steps)
    yield "<h1>Profile</h1>"
    yield f"<p class=grey>edgernn {metadata.version('edgernn')}, from {escape(machines)}</p>"
    yield f"<nav>{links}</nav>"


def _overview(steps: Mapping[str, tuple[str, Labelled]]) -> Iterator[str]:
    times = [row for name, (_, found) in steps.items() for row in found.time_rows(name)]
    counts = [row for name, (_, found) in steps.items() for row in found.count_rows(name)]
    yield "<h2 id=overview>Overview</h2>"
    if times:
        yield f"<div class=card>{_table(times, 'Measured')}</div>"
    if counts:
        title = "Counted under emulation: exact, and no times"
        yield f"<div class=card>{_table(counts, title)}</div>"
    roofs: dict[str, list[Reached]] = {}
    for name, (_, found) in steps.items():
        for place, reached in found.reached(name).items():
            roofs.setdefault(place, []).extend(reached)
    if roofs:
        drawn = "".join(_roof(place, reached) for place, reached in roofs.items())
        yield f'<div class="grid">{drawn}</div>'


def _step(name: str, words: str, found: Labelled) -> Iterator[str]:
    yield f'<section id="{_id(name)}"><h2>{escape(name)}</h2><p class=grey>{escape(words)}</p>'
    yield '<div class="grid">'
    if times := found.times():
        yield _card("Time of a step", "µs at p50; pale up to p99", bars(times, "Time of a step"))
    if rates := found.throughput():
        title = "Throughput"
        yield _card(title, "steps a second of all streams together", bars(rates, title))
    if counts := found.counts():
        title = "Instructions of a step"
        yield _card(title, "the mean; pale up to the most", bars(counts, title))
    yield from _parts({"time goes": found.nodes_us(), "instructions go": found.nodes_counted()})
    if ram := found.ram():
        drawn = strips(ram, RAM, "Memory", shares=False) + legend(RAM)
        yield _card("RAM", "bytes, by what they hold", drawn)
    if flash := found.flash():
        yield _card("Flash", "bytes; on a computer the weights", bars(flash, "Flash"))
    for plan, where in found.plans()[:MAPS]:
        state, scratch = plan["state_bytes"], plan["scratch_bytes"]
        title = "Memory over the step"
        drawn = memory_map(plan, state, scratch, title)
        told = f"{where}: state below, scratch above; the line is what is alive at once"
        yield _card(title, told, drawn)
    for label, there in found.devices.items():
        told = f"{label}: {there.about.line()}"
        yield _card("How long steps took", told, histogram(there, "How long steps took"))
        yield _card("Steps in their order", told, timeline(there, "Steps in their order"))
    yield "</div>"
    tables = "".join(_table(rows, title) for title, rows in found.tables())
    yield f"<details><summary>All figures</summary>{tables}</details></section>"


def _parts(kinds: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    """Strips of the parts of each place; a name has one colour in all of them."""
    shares: dict[str, float] = {}
    for rows in kinds.values():
        for parts in rows.values():
            whole = sum(parts.values()) or 1.0
            for name, value in parts.items():
                shares[name] = max(shares.get(name, 0.0), value / whole)
    names = sorted(shares, key=lambda name: -shares[name])[:COLOURS]
    for kind, rows in kinds.items():
        if rows:
            title = f"Where {kind}"
            here = {name for parts in rows.values() for name in parts}
            rest = ["all others"] if here - {*names} else []
            drawn = strips(rows, names, title, shares=True)
            drawn += legend([*names, *rest], {*here, *rest})
            yield _card(title, "shares of a step, by node of its graph", drawn)


def _roof(place: str, reached: Sequence[Reached]) -> str:
    title = "How near to the roof"
    told = f"{place}: lines are what one core reads of as many bytes again and again, measured"
    return _card(title, told, roofline(reached, title) + legend([one.name for one in reached]))


def _verdicts(verdicts: Sequence[Verdict]) -> str:
    rows = []
    for one in verdicts:
        told = f'<span class="{one.verdict.split()[0]}">{escape(one.verdict)}</span>'
        rows.append({"verdict": told, **{k: v for k, v in one.row().items() if k != "verdict"}})
    return f"<div class=card>{_table(rows, raw=('verdict',))}</div>"


def _card(title: str, words: str, drawn: str) -> str:
    head = f"{escape(title)}<small>{escape(words)}</small>"
    return f"<figure><figcaption>{head}</figcaption>{drawn}</figure>"


def _table(rows: Sequence[Mapping[str, Any]], title: str = "", raw: Sequence[str] = ()) -> str:
    kinds = {name: " class=word" if name in WORDS else "" for name in rows[0]}
    head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in kinds.items())
    lines = [
        "".join(
            f"<td{kinds[k]}>{v if k in raw else escape(figure(v))}</td>" for k, v in row.items()
        )
        for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    table = f"<table><tr>{head}</tr>{body}</table>"
    words = f"<h3>{escape(title)}</h3>" if title else ""
    region = f'role=region tabindex=0 aria-label="{escape(title or "verdicts")}"'
    return f"{words}<div class=wide {region}>{table}</div>"


def _id(name: str) -> str:
    """A name as the target of a link."""
    return "step-" + "".join(one if one.isalnum() else "-" for one in name)
