"""The rows of `sparsity_in_rnns` as pictures. Needs matplotlib: pip install matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.figure import pyplot, saved
from benchmarks.sequence_tasks import TASKS
from benchmarks.sequence_training import GROUPS
from benchmarks.sparsity_runs import FAMILIES, PERCENTS, Row
from benchmarks.sparsity_tables import FAMILY_TITLES, TITLES, dense, point, properties, select
from benchmarks.sparsity_thesis import CELL_ORDER, pruned_accuracy
from edgernn.correlation import pearson

FOLDER = Path("docs")
COLOURS = {"rnn_tanh": "#4c78a8", "rnn_relu": "#f58518", "gru": "#54a24b", "lstm": "#b279a2"}
FAMILY_MARKS = {
    "erdos_renyi": ("o", "#4c78a8"),
    "watts_strogatz": ("^", "#54a24b"),
    "barabasi_albert": ("s", "#f58518"),
}
PLOTTED = ("weights", "source_nodes", "nodes_betweenness_var")
LABELS = {
    "weights": "weights",
    "source_nodes": "nodes of layer 0",
    "nodes_betweenness_var": "variance of betweenness",
}


def draw_pruning(rows: Sequence[Row], task: str, path: Path) -> None:
    """Accuracy by percentage: right after pruning above, after retraining below; one panel a group.

    Lines are means of the seeds, bands their ranges, dashes the thesis (after one epoch below).
    """
    figure, axes = pyplot().subplots(2, len(GROUPS), figsize=(9, 5), sharex=True, sharey=True)
    for column, group in enumerate(GROUPS):
        for line in (0, 1):
            axis = axes[line][column]
            for cell in CELL_ORDER:
                found = dense(rows, task, cell)
                tried = found[0]["run"]["retrain_from"] if found and line else 0
                shares = [p for p in PERCENTS if p >= tried and found and point(found[0], group, p)]
                ends = [
                    [[q["after"], *q["retrained"]][-1 if line else 0] for q in points if q]
                    for points in ([point(r, group, p) for r in found] for p in shares)
                ]
                colour = COLOURS[cell]
                axis.plot(shares, [np.mean(e) for e in ends], color=colour, label=TITLES[cell])
                low, high = [min(e) for e in ends], [max(e) for e in ends]
                axis.fill_between(shares, low, high, color=colour, alpha=0.15, linewidth=0)
                if task == "reber":
                    was = [pruned_accuracy(cell, group, p, retrained=bool(line)) for p in shares]
                    axis.plot(shares, was, color=colour, linestyle=":", linewidth=1)
            axis.grid(color="#eeeeee")
        axes[0][column].set_title(f"{'all recurrent' if group == 'all' else group} weights")
        axes[1][column].set_xlabel("% pruned")
    axes[0][0].set_ylabel("accuracy right after pruning")
    axes[1][0].set_ylabel("accuracy after retraining")
    axes[0][0].legend(loc="lower left")
    dots = "; dotted: the thesis" if task == "reber" else ""
    figure.suptitle(f"{TASKS[task].title}: mean and range of the seeds{dots}")
    figure.tight_layout()
    saved(figure, path)


def draw_graphs(rows: Sequence[Row], path: Path) -> None:
    """Accuracy of each graph's net beside some of its properties; one row of panels a property."""
    figure, axes = pyplot().subplots(
        len(PLOTTED), len(CELL_ORDER), figsize=(10, 6.5), sharey=True, squeeze=False
    )
    for line, name in enumerate(PLOTTED):
        for column, cell in enumerate(CELL_ORDER):
            axis = axes[line][column]
            found = select(rows, kind="wiring", cell=cell, form="ours")
            for family in FAMILIES:
                mark, colour = FAMILY_MARKS[family]
                of = select(found, family=family)
                axis.scatter(
                    [properties(r)[name] for r in of], [r["curve"][-1] for r in of],
                    marker=mark, color=colour, s=16, alpha=0.8, label=FAMILY_TITLES[family],
                )  # fmt: skip
            r = pearson([properties(q)[name] for q in found], [q["curve"][-1] for q in found])
            axis.set_title(f"{TITLES[cell]}: r = {r:+.2f}")
            axis.set_xlabel(LABELS[name])
            axis.grid(color="#eeeeee")
        axes[line][0].set_ylabel("accuracy")
    axes[0][0].legend(loc="lower right", fontsize=6)
    figure.tight_layout()
    saved(figure, path)


def draw(rows: Sequence[Row], folder: Path = FOLDER, suffix: str = ".svg") -> list[Path]:
    """All pictures that there are rows for."""
    made = []
    for task in TASKS:
        if any(r["pruned"] for r in select(rows, kind="pruning", task=task)):
            made.append(folder / f"sparsity-{task}{suffix}")
            draw_pruning(rows, task, made[-1])
    if select(rows, kind="wiring", form="ours"):
        made.append(folder / f"sparsity-graphs{suffix}")
        draw_graphs(rows, made[-1])
    return made
