"""The ratios of `step_latency` as a picture: bars with quartiles, one panel a workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.workloads import TITLES

if TYPE_CHECKING:
    from benchmarks.step_latency import Row

PICTURE = Path("docs/step_latency.svg")
COLOURS = {"ONNX Runtime": "#4c78a8", "LiteRT": "#f58518"}


def draw(rows: Mapping[str, Sequence[Row]], path: Path = PICTURE) -> None:
    """Time of the others over ours. Needs matplotlib: pip install matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "edgernn"
    from matplotlib import pyplot

    panels = {name: [r for r in found if r.ratio] for name, found in rows.items()}
    panels = {name: found for name, found in panels.items() if found}
    figure, axes = pyplot.subplots(1, len(panels), figsize=(4 * len(panels), 2.4), squeeze=False)
    for axis, (name, found) in zip(axes[0], panels.items(), strict=True):
        for place, row in enumerate(reversed(found)):
            assert row.ratio
            spread = [[row.ratio.median - row.ratio.low], [row.ratio.high - row.ratio.median]]
            axis.barh(place, row.ratio.median, xerr=spread, capsize=3, color=COLOURS[row.runtime])
        axis.set_yticks(range(len(found)), [f"{r.runtime} {r.kind}" for r in reversed(found)])
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_title(TITLES[name], fontsize=9)
        axis.set_xlabel("time of a step, edgernn = 1")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
