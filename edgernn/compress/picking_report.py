"""What `edgernn compress --delta` chose, for people: a table of the signals, and the figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgernn.compress.picking import NUMBER_TYPE, Chosen, Picking
from edgernn.profile.costs import LABELS
from edgernn.profile.latency import machine


def rows(found: Chosen) -> list[dict[str, Any]]:
    """A row for each held signal."""
    return [
        {
            "signal": one.signal,
            "columns": one.columns,
            "threshold": round(one.threshold, 5),
            "in deviations": round(one.multiple, 3),
            "columns read": f"{one.read:.1%}",
        }
        for one in found.held
    ]


def figures(how: Picking, found: Chosen) -> list[dict[str, Any]]:
    """A row for each form of the network: its figure, and what its step takes."""
    forms: list[tuple[str, float, dict[str, Any]]] = [
        ("without thresholds", found.before, {}),
        ("with them", found.picked, {}),
        *([(f"after {how.steps} steps", found.after, {})] if how.steps else []),
        (f"without, compiled ({NUMBER_TYPE})", found.compiled_before, found.dense),
        (f"with, compiled ({NUMBER_TYPE})", found.compiled, found.delta),
    ]
    shown = [name for name in LABELS if name in found.delta and name != "macs"]
    return [
        {
            "network": name,
            found.figure: round(value, 5),
            "beside the first": round(value - found.before, 5),
            **{LABELS[cost]: _rounded(costs.get(cost)) for cost in shown},
        }
        for name, value, costs in forms
    ]


def doubts(how: Picking, found: Chosen) -> list[str]:
    """What speaks against it: a compiled step that loses more than was allowed, or is no faster."""
    lines, lost = [], found.lost(found.compiled)
    if lost > how.max_loss + 1e-9:
        lines.append(f"the compiled step loses {lost:.3g}, more than the {how.max_loss:g} allowed")
    for cost in ("instructions", "latency_us"):
        before, after = found.dense.get(cost), found.delta.get(cost)
        if before and after and after >= before:
            lines.append(
                f"thresholds do not pay: {after:,.6g} {LABELS[cost]}, without them {before:,.6g}"
            )
    return lines


def markdown(how: Picking, found: Chosen, against: Sequence[str]) -> str:
    """The report; against: what speaks against it."""
    lines = [
        f"# {how.model} for {how.target}, with thresholds",
        "",
        f"- allowed loss of {found.figure}: {how.max_loss:g}; columns move "
        + ("one by one" if how.block == 1 else f"in blocks of {how.block}"),
        f"- of the weights behind thresholds {found.share:.1%} are read, the mean over all frames "
        "that the network hears in its validation",
        "- the figure is that of the validation, which chose the thresholds: judge on other data",
        "- instructions or times are those of the golden frames, from real input",
        f"- {machine()}",
    ]
    lines += [f"- **{one}**" for one in against]
    for table in (rows(found), figures(how, found)):
        lines += ["", "| " + " | ".join(table[0]) + " |", "|" + " --- |" * len(table[0])]
        lines += ["| " + " | ".join(_cell(v) for v in row.values()) + " |" for row in table]
    return "\n".join(lines) + "\n"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value) if value >= 100 else round(value, 2)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else str(value)
