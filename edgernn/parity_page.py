"""The parity matrix as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from edgernn.parity import GREEN, RED, Cell

COLUMNS = (
    ("step", "step"),
    ("backend", "backend"),
    ("number_type", "number type"),
    ("target", "target"),
    ("result", "result"),
    ("allowed", "allowed"),
    ("frames", "frames"),
    ("peak", "peak error"),
    ("rms", "rms error"),
    ("first", "rms, first tenth"),
    ("last", "rms, last tenth"),
    ("same_answer", "same answer"),
    ("task", "task"),
    ("bytes", "bytes"),
)
STYLE = """
:root { color-scheme: light dark; --line: #8884; }
:root { --green: #1a7f37; --red: #cf222e; --grey: #6e7781; }
@media (prefers-color-scheme: dark) { :root { --green: #3fb950; --red: #f85149; --grey: #8b949e; } }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 80rem; }
body { padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left; }
th { font-weight: 600; }
th, td { white-space: nowrap; }
td.number { text-align: right; }
td.why { white-space: normal; min-width: 16rem; }
h2 { overflow-wrap: anywhere; }
.holds { color: var(--green); } .differs { color: var(--red); font-weight: 600; }
.not { color: var(--grey); }
"""


def page(cells: Sequence[Cell], machine: str) -> str:
    """HTML. machine: what it ran on, in words."""
    models = dict.fromkeys(cell.model for cell in cells)
    red = sum(cell.result == RED for cell in cells)
    held = sum(cell.result == GREEN for cell in cells)
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        '<meta name=viewport content="width=device-width, initial-scale=1">',
        f"<title>parity</title><style>{STYLE}</style></head><body><h1>Parity</h1>",
        f"<p>{held} hold, {red} differ, {len(cells) - held - red} were not run. {escape(machine)}.",
        "Errors are in shares of the output's rms, against torch.</p>",
    ]
    for model in models:
        own = [cell for cell in cells if cell.model == model]
        parts += [f"<h2>{escape(model)}</h2>", *_table(own)]
    return "\n".join([*parts, "</body></html>", ""])


def _table(cells: Sequence[Cell]) -> list[str]:
    head = "".join(f"<th>{title}</th>" for _, title in COLUMNS)
    rows = [f"<div class=wide><table><tr>{head}<th></th></tr>"]
    for cell in cells:
        values = "".join(_cell(name, getattr(cell, name)) for name, _ in COLUMNS)
        rows.append(f"<tr>{values}<td class=why>{escape(cell.why)}</td></tr>")
    return [*rows, "</table></div>"]


def _cell(name: str, value: Any) -> str:
    if name == "result":
        return f'<td class="{value.split()[0]}">{escape(value)}</td>'
    if isinstance(value, str):
        return f"<td>{escape(value)}</td>"
    return f"<td class=number>{written(name, value)}</td>"


def written(name: str, value: Any) -> str:
    """A figure as people read it."""
    if value is None:
        return ""
    if name in ("same_answer", "task"):
        return f"{100 * value:.2f} %"
    return f"{value:,}" if isinstance(value, int) else "0" if not value else f"{value:.1e}"
