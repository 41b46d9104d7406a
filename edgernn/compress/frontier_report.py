"""What a search found, for people: a table of every point, what to doubt, what was left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgernn.compress.frontier import Found, Search
from edgernn.compress.frontier_picture import picture
from edgernn.compress.points import doubts, frontier
from edgernn.profile.costs import LABELS
from edgernn.profile.latency import machine


def shown_costs(found: Found) -> list[str]:
    """The costs that every point has."""
    return [c for c in LABELS if all(p.costs[c] is not None for p in found.points)]


def drawn_costs(found: Found) -> list[str]:
    """What the pictures have on their axes: bytes, and instructions or time."""
    costs = shown_costs(found)
    return [c for c in ("flash_bytes", "instructions", "latency_us") if c in costs]


def rows(found: Found) -> list[dict[str, Any]]:
    """A row for each point, the cheapest first. Marked: the frontier by each drawn cost."""
    on = {
        cost: {p.name for p in frontier(found.points, cost, higher=found.higher)}
        for cost in drawn_costs(found)
    }
    table = []
    for point in sorted(found.points, key=lambda p: p.costs["flash_bytes"] or 0):
        marks = [LABELS[cost].split(",")[0] for cost, names in on.items() if point.name in names]
        row: dict[str, Any] = {
            "tried": point.name,
            found.figure: round(point.value, 5),
            "±": None if point.noise is None else round(point.noise, 5),
            "beside the control": round(point.value - found.reference.value, 5),
        }
        row |= {LABELS[cost]: _figure(point.at(cost)) for cost in shown_costs(found)}
        table.append({**row, "on the frontier by": ", ".join(marks) or None})
    return table


def markdown(how: Search, found: Found) -> str:
    """The report: what was asked, the best, every point, what was left out."""
    table = rows(found)
    lines = [f"# {how.model} for {how.target}", ""]
    asked = [f"budget: {how.budget}"] if how.budget.limits else []
    asked += [] if how.max_loss is None else [f"allowed loss: {how.max_loss:g}"]
    lines += [f"- {one}" for one in asked]
    lines.append(f"- {_best(found)}")
    lines.append(f"- {how.seeds} seed{'s' if how.seeds > 1 else ''}: {_noise(found)}")
    lines += [f"- **within the noise**: {one}" for one in _doubts(how, found)]
    lines += [
        "- the figure is that of the compiled model on the validation data; it chose the best, so "
        "judge that on other data",
        f"- {machine()}",
        "",
        *(f"![{LABELS[cost]}]({picture_name(cost)})\n" for cost in drawn_costs(found)),
        "| " + " | ".join(table[0]) + " |",
        "|" + " --- |" * len(table[0]),
    ]
    for row in table:
        lines.append("| " + " | ".join(_cell(value) for value in row.values()) + " |")
    if found.skipped:
        lines += ["", "Left out:", ""]
        lines += [f"- {name}: {why}" for name, why in found.skipped.items()]
    return "\n".join(lines) + "\n"


def picture_name(cost: str) -> str:
    """The file of a picture."""
    return f"{cost}.svg"


def pictures(found: Found) -> dict[str, bytes]:
    """SVG files by name, one for each drawn cost. Raises: MissingExtra without matplotlib."""
    return {picture_name(c): picture(found, c, LABELS[c]) for c in drawn_costs(found)}


def _figure(value: float) -> float:
    """Whole numbers where they are large."""
    return round(value) if value >= 100 else round(value, 2)


def _best(found: Found) -> str:
    if found.best is None:
        return found.reason
    loss = found.best.value - found.reference.value
    return f"best: **{found.best.name}**, {found.figure} {found.best.value:.4g} ({loss:+.4g})"


def _doubts(how: Search, found: Found) -> list[str]:
    if found.best is None:
        return []
    return doubts(
        *(found.points, found.best, found.reference, how.budget, how.max_loss),
        higher=found.higher,
    )


def _noise(found: Found) -> str:
    noises: Sequence[float] = [p.noise for p in found.points if p.noise is not None]
    if not noises:
        return "no noise bars, so small differences may be chance; --seeds 3 tells"
    return f"± is their standard deviation, {sum(noises) / len(noises):.2g} on average"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) and abs(value) >= 1000 else str(value)
