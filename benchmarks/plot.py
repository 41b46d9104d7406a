"""The ratios of `step_latency` as a picture: bars with quartiles and goals, one panel a shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.workloads import SHAPES, TITLES

if TYPE_CHECKING:
    from benchmarks.step_latency import OurRow

PICTURE = Path("docs/step_latency.svg")
COLOURS = {"dense": "#4c78a8", "75": "#f58518", "delta": "#54a24b"}


def draw(rows: Sequence[OurRow], path: Path = PICTURE) -> None:
    """Times faster than the fastest other runtime. Needs matplotlib: pip install matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "edgernn"
    from matplotlib import pyplot

    panels = {name: [r for r in rows if r.workload == name and r.ratio] for name in SHAPES}
    panels = {name: found[::-1] for name, found in panels.items() if found}
    if not panels:
        return
    height = 1.2 + 0.24 * max(map(len, panels.values()))
    figure, axes = pyplot.subplots(
        1, len(panels), figsize=(3 + 3.4 * len(panels), height), squeeze=False
    )
    for axis, (name, found) in zip(axes[0], panels.items(), strict=True):
        for place, row in enumerate(found):
            assert row.ratio
            assert row.alone_ratio
            spread = [[row.ratio.median - row.ratio.low], [row.ratio.high - row.ratio.median]]
            colour = COLOURS[row.variant.split()[0].rstrip(",")]
            axis.barh(place, row.ratio.median, xerr=spread, color=colour, ecolor="#555555")
            axis.plot(row.alone_ratio.median, place, marker="D", color=colour, markersize=3)
            if row.goal:
                axis.plot([row.goal] * 2, [place - 0.45, place + 0.45], color="black", linewidth=2)
        titles = [f"{row.variant}, {row.number_type}" for row in found]
        axis.set_yticks(range(len(found)), titles if axis is axes[0][0] else [], fontsize=8)
        axis.axvline(1, color="#999999", linewidth=0.8)
        axis.set_title(TITLES[name].replace(", ", ",\n", 1), fontsize=9)
    figure.supxlabel(
        "times faster than the fastest other runtime; diamond: the call alone; black: the goal",
        fontsize=9,
    )
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
