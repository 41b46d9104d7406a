"""Tables of a spotter's card, in markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A markdown table: the first column to the left, the others to the right."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def rate(value: float | None) -> str:
    """A number of events an hour, `-` where nothing was listened to."""
    return "-" if value is None else f"{value:.1f}"


def share(value: float | None) -> str:
    """A share in per cent, `-` where there was nothing to count."""
    return "-" if value is None else f"{100 * value:.1f} %"


def alarm_table(figures: Mapping[str, Any], missed: Mapping[str, str]) -> str:
    """Misses and false alarms an hour by source; `missed` maps keys of figures to headings."""
    first = next(iter(figures.values()))
    sources = list(first["false_alarms"])
    heads = [f"{s} ({first['false_alarms'][s]['hours']:.2f} h)" for s in sources]
    rows = []
    for name, one in figures.items():
        each = [rate(one["false_alarms"][s]["per_hour"]) for s in sources]
        misses = [share(one[key]) for key in missed]
        rows.append([name, *misses, *each, rate(one["false_alarms_per_hour"])])
    return table(["", *missed.values(), *(f"false alarms/h: {h}" for h in heads), "all"], rows)


def size_table(sizes: Mapping[str, Any]) -> str:
    """Bytes and multiplications of each bundle measured."""
    if not sizes:
        return "Not measured: the card was made without a bundle."
    keys = sorted({k for facts in sizes.values() for k, v in facts.items() if isinstance(v, int)})
    rows = [[name, *(f"{facts.get(k, 0):,}" for k in keys)] for name, facts in sizes.items()]
    return table(["", *(k.replace("_", " ") for k in keys)], rows)
