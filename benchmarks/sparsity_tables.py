"""The rows of `sparsity_in_rnns` as markdown tables, beside the thesis's figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.document import table
from benchmarks.sequence_tasks import TASKS
from benchmarks.sequence_training import GROUPS
from benchmarks.sparsity_runs import FAMILIES, REGAINED, Row
from benchmarks.sparsity_thesis import CELL_ORDER, CORRELATIONS, pruned_accuracy
from edgernn.correlation import by_chance, pearson, spearman, without_group_means

TITLES = {"rnn_tanh": "RNN tanh", "rnn_relu": "RNN relu", "gru": "GRU", "lstm": "LSTM"}
FAMILY_TITLES = {
    "erdos_renyi": "Erdős-Rényi",
    "watts_strogatz": "Watts-Strogatz",
    "barabasi_albert": "Barabási-Albert",
}
SHOWN = (70, 80, 90, 100)  # percent
COUNTED = ("layers", "nodes", "edges", "weights", "source_nodes", "sink_nodes", "all_sinks")


def select(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """The rows whose run has these values."""
    return [r for r in rows if all(r["run"].get(key) == value for key, value in wanted.items())]


def dense(rows: Sequence[Row], task: str, cell: str) -> list[Row]:
    """The pruning runs of a cell, one a seed."""
    return [r for r in select(rows, kind="pruning", task=task, cell=cell) if r["pruned"]]


def point(row: Row, group: str, percent: int) -> Row | None:
    """What pruning a group so far did to a net."""
    found = (p for p in row["pruned"] if p["group"] == group and p["percent"] == percent)
    return next(found, None)


def epochs_to_regain(row: Row, pruned: Row) -> str:
    """Epochs until the net is within REGAINED of its dense accuracy; `>n` if n did not do."""
    curve = [pruned["after"], *pruned["retrained"]]
    good = max(row["curve"]) - REGAINED
    return next((str(k) for k, v in enumerate(curve) if v >= good), f">{len(curve) - 1}")


def spread(values: Sequence[float]) -> str:
    """Mean and range."""
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{np.mean(values):.3f}" + (f" ({low:.3f} to {high:.3f})" if high - low > 5e-4 else "")


def pruning_table(rows: Sequence[Row], task: str, group: str) -> list[str]:
    """Cells by percentages: right after, after an epoch, after the last, and epochs to regain."""
    beside = task == "reber"
    lines = []
    for cell in CELL_ORDER:
        for percent in SHOWN:
            pairs = [(r, p) for r in dense(rows, task, cell) if (p := point(r, group, percent))]
            if not pairs:
                continue
            curves = [[p["after"], *p["retrained"]] for _, p in pairs]
            after, one = (spread([curve[:k][-1] for curve in curves]) for k in (1, 2))
            last = spread([curve[-1] for curve in curves])
            regain = ", ".join(epochs_to_regain(r, p) for r, p in pairs)
            was = [""] * 2
            if beside:
                was = [
                    f"{pruned_accuracy(cell, group, percent, retrained=k):.3f}"
                    for k in (False, True)
                ]
            words = [f"{TITLES[cell]}, {percent} %", after, was[0], one, was[1], last, regain]
            lines.append([word for k, word in enumerate(words) if beside or k not in (2, 4)])
    head = [
        "pruned",
        "right after",
        "thesis",
        "1 epoch later",
        "thesis",
        "last",
        "epochs to regain",
    ]
    return table([word for word in head if beside or word != "thesis"], lines)


def dense_table(rows: Sequence[Row], task: str) -> list[str]:
    """Accuracy of the nets before pruning, and of smaller dense ones."""
    lines = []
    for cell in CELL_ORDER:
        widths = sorted(
            {r["run"]["width"] for r in select(rows, kind="pruning", task=task, cell=cell)}
        )[::-1]
        for width in widths:
            found = select(rows, kind="pruning", task=task, cell=cell, width=width)
            best = [max(r["curve"]) for r in found]
            words = [f"3 x {width}", f"{found[0]['weights']:,}", spread(best), str(len(found))]
            lines.append([TITLES[cell], *words])
    return table(["cell", "units", "weights and biases", "accuracy", "seeds"], lines)


def family_table(rows: Sequence[Row]) -> list[str]:
    """Accuracy by family of graphs and cell: median and range."""
    lines = []
    for form, cells in (("ours", CELL_ORDER), ("thesis", ("lstm",))):
        for cell in cells:
            words = [TITLES[cell], form]
            for family in FAMILIES:
                found = select(rows, kind="wiring", cell=cell, form=form, family=family)
                last = [r["curve"][-1] for r in found]
                words.append(
                    f"{np.median(last):.3f} ({min(last):.3f} to {max(last):.3f}), {len(last)}"
                    if last
                    else ""
                )
            lines.append(words)
    return table(["cell", "form", *(FAMILY_TITLES[name] for name in FAMILIES)], lines)


def forms_table(rows: Sequence[Row]) -> list[str]:
    """Graphs that were trained in both forms: weights and accuracy of each."""
    lines = []
    for family in FAMILIES:
        theirs = select(rows, kind="wiring", form="thesis", family=family)
        pairs = [
            (mine[0], row)
            for row in theirs
            if (mine := select(rows, form="ours", cell="lstm", family=family,
                               number=row["run"]["number"]))
        ]  # fmt: skip
        if pairs:
            sizes = [f"{np.mean([p[k]['weights'] for p in pairs]):,.0f}" for k in (0, 1)]
            marks = [spread([p[k]["curve"][-1] for p in pairs]) for k in (0, 1)]
            lines.append([FAMILY_TITLES[family], str(len(pairs)), *sizes, *marks])
    head = ["graphs", "number", "weights, ours", "weights, thesis", "accuracy, ours", "thesis"]
    return table(head, lines)


def properties(row: Row) -> Row:
    """A graph's properties and the weights of its net."""
    return {**row["properties"], "weights": row["weights"]}


def correlation_table(rows: Sequence[Row]) -> list[str]:
    """Pearson (thesis's Pearson) and Spearman with accuracy by property and cell; see the page."""
    found = {cell: select(rows, kind="wiring", cell=cell, form="ours") for cell in CELL_ORDER}
    every = [row for cell in CELL_ORDER for row in found[cell]]
    groups = [(r["run"]["cell"], r["run"]["family"]) for r in every]
    last = without_group_means([r["curve"][-1] for r in every], groups)
    lines = []
    for name in [*COUNTED, *(name for name in CORRELATIONS if name not in COUNTED)]:
        words = [name]
        for k, cell in enumerate(CELL_ORDER):
            x = [properties(r)[name] for r in found[cell]]
            y = [r["curve"][-1] for r in found[cell]]
            thesis = f"{CORRELATIONS[name][k]:+.2f}" if name in CORRELATIONS else "none"
            words.append(f"{pearson(x, y):+.2f}, {spearman(x, y):+.2f} ({thesis})")
        within = without_group_means([properties(r)[name] for r in every], groups)
        words.append(f"{pearson(within, last):+.2f}")
        lines.append(words)
    head = ["property", *(TITLES[cell] for cell in CELL_ORDER), "within families"]
    return table(head, lines)


def sections(rows: Sequence[Row]) -> dict[str, list[str]]:
    """Marker to lines."""
    made: dict[str, list[str]] = {}
    for task in TASKS:
        if not any(r["pruned"] for r in select(rows, kind="pruning", task=task)):
            continue
        lines = [f"Before pruning ({TASKS[task].title}):", "", *dense_table(rows, task)]
        for group in GROUPS:
            words = "all recurrent" if group == "all" else group
            lines += ["", f"Pruned: {words} weights.", "", *pruning_table(rows, task, group)]
        made[f"sparsity-{task}"] = lines
    graphs = select(rows, kind="wiring")
    if graphs:
        count = len(select(graphs, cell="gru", form="ours"))
        made["sparsity-graphs"] = [
            "Accuracy after the last epoch: median (range), number of graphs.", "",
            *family_table(rows), "", "The same graphs in both forms, LSTM:", "",
            *forms_table(rows), "",
            "Correlation with accuracy: Pearson, Spearman (the thesis's Pearson). Of "
            f"{count} unrelated pairs, 95 % would stay within ±{by_chance(count):.2f}.", "",
            *correlation_table(rows),
        ]  # fmt: skip
    return made
