"""The rows of `todm` as pictures. Needs matplotlib: pip install matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figure import pyplot, saved
from benchmarks.rows import Row
from benchmarks.todm_plan import ABLATION, FAMILIES, SIZES, SUPERNET
from benchmarks.todm_tables import BySeed, Found, compiled, mean

FOLDER = Path("docs")
COLOURS = {"LSTM": "#4c78a8", "MH-SSM": "#54a24b", "Transformer": "#f58518"}
ALONE, SHARED = "#b279a2", "#4c78a8"
HEADS = {"wer": "-", "ctc_wer": ":"}


def draw(found: Found, parts: Iterable[str], folder: Path = FOLDER) -> dict[str, Path]:
    """The picture of each part that there are rows for."""
    drawn: dict[str, Callable[[Found], Any]] = {
        "sizes": _sizes,
        "ablation": _ablation,
        "families": _families,
        "targets": lambda found: _targets(compiled(found)),
    }
    made = {}
    for part in parts:
        figure = drawn[part](found)
        if figure is not None:
            made[part] = folder / f"todm-{part}.svg"
            saved(figure, made[part])
    return made


def _panel(x: str, width: float = 6) -> tuple[Any, Any]:
    figure, axis = pyplot().subplots(figsize=(width, 4))
    axis.set_xlabel(x)
    axis.set_ylabel("word errors on the official test, %")
    axis.grid(color="#eeeeee")
    return figure, axis


def _line(axis: Any, rows: Sequence[tuple[float, BySeed]], figure: str, **how: Any) -> None:
    """The mean of the seeds, and each of them as a dot."""
    points = [(x, by_seed) for x, by_seed in rows if by_seed]
    means = [100 * mean(by_seed, figure) for _, by_seed in points]
    axis.plot([x for x, _ in points], means, linestyle=HEADS[figure], **how)
    colour = {"color": how["color"], "s": 9, "alpha": 0.6}
    for x, by_seed in points:
        values = [100 * row[figure] for row in by_seed.values()]
        axis.scatter([x] * len(values), values, **colour)


def _sizes(found: Found) -> Any:
    """Words wrong by parameters: slices of the supernet, and the same sizes by themselves."""
    shared = [found.of("sizes", SUPERNET, name) for name in SIZES]
    alone = [found.of("sizes", name) for name in SIZES]
    if not any(shared) and not any(alone):
        return None
    figure, axis = _panel("parameters")
    axis.set_xscale("log")
    for title, every, colour in (("supernet", shared, SHARED), ("alone", alone, ALONE)):
        rows = [(next(iter(one.values()))["parameters"], one) for one in every if one]
        for head, name in (("wer", title), ("ctc_wer", f"{title}, CTC head")):
            _line(axis, rows, head, color=colour, label=name)
    axis.legend()
    return figure


def _ablation(found: Found) -> Any:
    """Words wrong by size, of the supernet as it is and with one thing changed."""
    every = {name: [found.of("ablation", name, size) for size in SIZES] for name in ABLATION}
    every = {name: rows for name, rows in every.items() if all(rows)}
    if len(every) < 2:
        return None
    figure, axis = _panel("parameters")
    axis.set_xscale("log")
    for place, (name, judged) in enumerate(every.items()):
        rows = [(next(iter(one.values()))["parameters"], one) for one in judged]
        _line(axis, rows, "wer", color=f"C{place}", label=name)
    axis.legend()
    return figure


def _families(found: Found) -> Any:
    """Words wrong by algorithmic latency."""
    every = {name: found.of("families", name) for name in FAMILIES}
    every = {name: rows for name, rows in every.items() if rows}
    if not every:
        return None
    figure, axis = _panel("algorithmic latency, ms", 8)
    named: dict[float, list[tuple[float, str]]] = {}
    for name, rows in every.items():
        x, colour = next(iter(rows.values()))["latency_ms"], COLOURS[name.split(",")[0]]
        for head, marker in (("wer", "o"), ("ctc_wer", "x")):
            axis.plot(x, 100 * mean(rows, head), marker=marker, color=colour, linestyle="")
        named.setdefault(x, []).append((100 * mean(rows, "wer"), name))
    axis.set_title("dots: transducer; crosses: CTC head")
    axis.set_xlim(0, 1.4 * max(named))
    for x, points in named.items():
        _names(axis, x, points)
    return figure


def _names(axis: Any, x: float, points: Sequence[tuple[float, str]]) -> None:
    """Each beside its point, and above the one before."""
    low, high = axis.get_ylim()
    line, free = (high - low) / 28, low
    for y, name in sorted(points):
        free = max(y, free)
        axis.annotate(name, (x, free), xytext=(6, -2), textcoords="offset points", fontsize=6)
        free += line


def _targets(rows: Sequence[Row]) -> Any:
    """Words wrong by bytes of weights, a line a form."""
    if not rows:
        return None
    figure, axis = _panel("bytes of weights")
    axis.set_xscale("log")
    for form in dict.fromkeys(row["form"] for row in rows):
        points = [(r["weights_bytes"], 100 * r["wer"]) for r in rows if r["form"] == form]
        axis.plot(*zip(*sorted(points), strict=True), marker="o", label=form)
    axis.legend()
    return figure
