"""The tables of `step_latency`: goals on top, then each workload with all that was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.document import table
from benchmarks.workloads import SHAPES, TITLES

if TYPE_CHECKING:
    from benchmarks.step_latency import OurRow, PeerRow

OURS = (
    *("edgernn", "number type", "reads", "error", "µs", "p99", "alone", "fastest other"),
    *("times faster (quartiles)", "alone", "goal", "GB/s", "of memory"),
)
OTHERS = ("runtime", "kind", "µs", "p99", "alone", "error", "best setting")


def summary(rows: Sequence[OurRow]) -> list[str]:
    """Times faster than the fastest other runtime, and the goal, by shape."""
    shapes = [name for name in SHAPES if any(row.workload == name for row in rows)]
    by_variant: dict[tuple[str, str], dict[str, OurRow]] = {}
    for row in rows:
        if row.workload in shapes:
            by_variant.setdefault((row.variant, row.number_type), {})[row.workload] = row
    lines = [
        [variant, number_type, *(_against_goal(found.get(name)) for name in shapes)]
        for (variant, number_type), found in by_variant.items()
    ]
    return table(("times faster", "number type", *shapes), lines) if lines else []


def _against_goal(row: OurRow | None) -> str:
    if row is None or row.ratio is None:
        return ""
    assert row.alone_ratio
    figures = f"{row.ratio.median:.2f} ({row.alone_ratio.median:.2f} alone)"
    if row.goal is None:
        return figures
    return f"{figures}, goal {row.goal:g}: {'reached' if reached(row) else 'missed'}"


def reached(row: OurRow) -> bool:
    """Whether the whole step, the calls from Python in it, is as much faster as it should be."""
    return bool(row.ratio and row.goal and row.ratio.median >= row.goal)


def workload(name: str, mine: Sequence[OurRow], theirs: Sequence[PeerRow]) -> list[str]:
    """Title and two tables: ours, the others."""
    return [
        *("", f"### {TITLES[name]}", ""),
        *table(OURS, map(_ours, mine)),
        "",
        *table(OTHERS, map(_other, theirs)),
    ]


def _ours(row: OurRow) -> list[str]:
    reads = f"{row.weights_bytes:,} B" if row.columns is None else f"{row.columns:.1%} of columns"
    speed = share = ""
    if row.bandwidth:
        reached = row.weights_bytes / row.alone_us / 1e3
        speed, share = f"{reached:.0f}", f"{reached / row.bandwidth:.0%} of {row.bandwidth:.0f}"
    return [
        *(row.variant, row.number_type, reads, f"{row.error:.1e}"),
        *(f"{row.step.median_us:.2f}", _tail(row.step.p99_us), f"{row.alone_us:.2f}", row.peer),
        str(row.ratio or ""),
        f"{row.alone_ratio.median:.2f}" if row.alone_ratio else "",
        "" if row.goal is None else f"{row.goal:g}",
        *(speed, share),
    ]


def _other(row: PeerRow) -> list[str]:
    if row.step is None or row.alone_us is None or row.error is None:
        return [row.runtime, row.kind, "", "", "", "", f"not measured: {row.note}"]
    figures = [f"{row.step.median_us:.2f}", _tail(row.step.p99_us), f"{row.alone_us:.2f}"]
    return [row.runtime, row.kind, *figures, f"{row.error:.1e}", row.setting]


def _tail(p99_us: float | None) -> str:
    return "" if p99_us is None else f"{p99_us:.2f}"
