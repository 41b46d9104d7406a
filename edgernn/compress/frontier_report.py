"""What a search found, for people: a table of every point, and the picture of the frontier."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from edgernn.compress.frontier import Found, Search
from edgernn.compress.points import Point, frontier
from edgernn.errors import MissingExtra
from edgernn.profile.latency import machine

LABELS = {
    "flash_bytes": "flash, bytes",
    "ram_bytes": "RAM, bytes",
    "instructions": "instructions a step",
    "latency_us": "µs a step",
    "macs": "MACs a step",
}


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
        row |= {LABELS[cost]: _figure(_at(point, cost)) for cost in shown_costs(found)}
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
    """SVG files by name: the figure against each cost, every point named, the frontier a line.

    Raises: MissingExtra without matplotlib.
    """
    try:
        import matplotlib
    except ImportError as cause:
        raise MissingExtra("matplotlib", "compress") from cause
    matplotlib.use("Agg")
    with matplotlib.rc_context({"svg.hashsalt": "edgernn"}):
        return {picture_name(cost): _picture(found, cost) for cost in drawn_costs(found)}


def _picture(found: Found, cost: str) -> bytes:
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(9, 5.5))
    best = frontier(found.points, cost, higher=found.higher)
    axis.step([_at(p, cost) for p in best], [p.value for p in best], where="post", color="#999999")
    for point in found.points:
        x, colour = _at(point, cost), "#d62728" if point is found.best else "#1f77b4"
        axis.errorbar(x, point.value, yerr=point.noise, fmt="o", color=colour, capsize=3)
        axis.annotate(
            point.name, (x, point.value), xytext=(5, 4), textcoords="offset points", fontsize=8
        )
    axis.set_xscale("log")
    axis.margins(x=0.18)
    axis.set_xlabel(LABELS[cost])
    axis.set_ylabel(found.figure.replace("_", " "))
    axis.grid(alpha=0.3, which="both")
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()


def _at(point: Point, cost: str) -> float:
    value = point.costs[cost]
    assert value is not None
    return value


def _figure(value: float) -> float:
    """Whole numbers where they are large."""
    return round(value) if value >= 100 else round(value, 2)


def _best(found: Found) -> str:
    if found.best is None:
        return found.reason
    loss = found.best.value - found.reference.value
    return f"best: **{found.best.name}**, {found.figure} {found.best.value:.4g} ({loss:+.4g})"


def _noise(found: Found) -> str:
    noises: Sequence[float] = [p.noise for p in found.points if p.noise is not None]
    if not noises:
        return "differences may be noise; --seeds 3 tells"
    return f"± is their standard deviation, {sum(noises) / len(noises):.2g} on average"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | float) and abs(value) >= 1000 else str(value)
