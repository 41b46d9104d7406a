"""The rows of `zoo` as tables and pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.document import table
from benchmarks.figure import pyplot, saved
from benchmarks.rows import Row
from benchmarks.zoo_measures import ROUNDS, WIDTH
from edgernn.figures import figure
from edgernn.streaming import Streaming
from edgernn.zoo import described, markdown_table, measured

Found = Mapping[str, Row]
Lines = list[str]
KILOBYTES = (40, 50, 60, 80, 100, 150, 200, 300, 400, 600, 800)  # ticks


def units(sorts: Sequence[type[Streaming]]) -> Lines:
    """The table of `edgernn cells --markdown`."""
    rows = [measured(described(sort, WIDTH), WIDTH) for sort in sorts]
    return markdown_table(rows, WIDTH).split("\n")


def training(found: Found) -> Lines:
    """Milliseconds of whole sequences; how many times as long frame by frame takes."""
    head = ["unit", "parallel", *(f"{n}, ms" for n in ROUNDS), *(f"{n}, times" for n in ROUNDS)]
    rows = [
        [
            name,
            row["parallel"] or "-",
            *(f"{row[str(n)]['whole_ms']:,.1f}" for n in ROUNDS),
            *("{:.1f} ({:.1f} to {:.1f})".format(*row[str(n)]["ratio"]) for n in ROUNDS),
        ]
        for name, row in _held(found).items()
    ]
    return [*table(head, rows), *_left_out(found)]


def steps(found: Found) -> Lines:
    """Microseconds here, instructions on chips and a MAC."""
    chips = list(next(iter(_held(found).values()), {"instructions": {}})["instructions"])
    head = ["unit", "MACs", "fp32, µs", "w8a8, µs", "w8a8 weights, bytes", "state"]
    head += [part for chip in chips for part in (f"{chip}, instructions", "a MAC")]

    def counts(row: Row) -> list[str]:
        cells = []
        for chip in chips:
            count = row["instructions"][chip]
            each = count / row["macs"] if count and row["macs"] else None
            cells += [figure(count), f"{each:.2f}" if each else "-"]
        return cells

    rows = [
        [
            name,
            figure(row["macs"]),
            *(f"{row['us'][kind]:.2f}" for kind in ("fp32", "w8a8")),
            *(figure(value) for value in row["w8a8_bytes"]),
            *counts(row),
        ]
        for name, row in _held(found).items()
    ]
    return [*table(head, rows), *_left_out(found)]


def drift(found: Found) -> Lines:
    """The state leaf that grows most, and the errors at the end."""
    head = ["unit", "frames", "state, exponent", "fp32 error", "exponent", "w8a8 error"]
    head += ["exponent", "grows"]

    def exponent(course: Sequence[float | None]) -> str:
        return "not finite" if course[1] is None else f"{course[1]:.2f} ± {course[2]:.2f}"

    rows = []
    for name, row in _held(found).items():
        steepest = max(row["states"].values(), key=lambda c: float("inf") if c[1] is None else c[1])
        cells = [name, figure(row["frames"]), exponent(steepest)]
        for kind in ("fp32", "w8a8"):
            course = row["errors"][kind]
            cells += ["-" if course[0] is None else f"{course[0]:.1e}", exponent(course)]
        rows.append([*cells, ", ".join(row["grows"]) or "-"])
    return [*table(head, rows), *_left_out(found)]


def chars(found: Found) -> Lines:
    """Character models, the best first."""
    return _quality(found, "bits a character", "{:.3f}", best=min)


def words(found: Found) -> Lines:
    """Spotters, the best first."""
    return _quality(found, "accuracy", "{:.1%}", best=max)


def _quality(found: Found, title: str, form: str, *, best: Callable[..., Any]) -> Lines:
    head = ["unit", title, "parameters", "width", "w8a8 weights, bytes", "state", "trained, CPU s"]
    sign = 1 if best is min else -1
    rows = [
        [
            name,
            form.format(row["test"]),
            *(figure(row[key]) for key in ("parameters", "width")),
            *(figure(value) for value in row["w8a8_bytes"]),
            f"{row['cpu_s']:.0f}",
        ]
        for name, row in sorted(_held(found).items(), key=lambda pair: sign * pair[1]["test"])
    ]
    return [*table(head, rows), *_left_out(found)]


SECTIONS = {
    "training": training,
    "steps": steps,
    "drift": drift,
    "chars": chars,
    "words": words,
}


def _held(found: Found) -> Found:
    return {name: row for name, row in found.items() if "why" not in row}


def _left_out(found: Found) -> Lines:
    """Units that could not be measured, and why."""
    lines = [f"- {name}: {row['why']}" for name, row in found.items() if "why" in row]
    return ["", "Left out:", "", *lines] if lines else []


def picture(task: str, found: Found, folder: Path) -> Path | None:
    """The task's picture, if it has one. Needs matplotlib: pip install matplotlib."""
    held = _held(found)
    if not held or task not in ("training", "chars", "words"):
        return None
    drawn = _bars(held) if task == "training" else _dots(held, task)
    path = folder / f"zoo-{task}.svg"
    saved(drawn, path)
    return path


def _bars(found: Found) -> Any:
    """Times as long frame by frame takes, at each length."""
    names = sorted(found, key=lambda name: found[name][str(max(ROUNDS))]["ratio"][0])
    drawn, axis = pyplot().subplots(figsize=(7, 1 + 0.2 * len(names)))
    for place, length in enumerate(ROUNDS):
        ratios = [found[name][str(length)]["ratio"][0] for name in names]
        at = [k + 0.26 * (place - 1) for k in range(len(names))]
        axis.barh(at, ratios, 0.24, label=f"{length:,} frames")
    axis.set_yticks(range(len(names)), names)
    axis.set_xscale("log")
    axis.axvline(1, color="#999999", linewidth=0.8)
    axis.set_xlabel("times as long, frame by frame")
    axis.legend(loc="lower right")
    axis.margins(y=0.01)
    drawn.tight_layout()
    return drawn


def _dots(found: Found, task: str) -> Any:
    """Quality by bytes of weights and state; what nothing smaller is better than stands out."""
    drawn, axis = pyplot().subplots(figsize=(9, 7))
    sign = 1 if task == "chars" else -1
    best = float("inf")
    for name, row in sorted(found.items(), key=lambda pair: sum(pair[1]["w8a8_bytes"])):
        x, y = sum(row["w8a8_bytes"]) / 1e3, row["test"]
        ahead, best = sign * y < best, min(best, sign * y)
        axis.scatter(x, y, s=18 if ahead else 8, color="#e45756" if ahead else "#4c78a8")
        style = {"fontsize": 8, "weight": "bold"} if ahead else {"fontsize": 5, "color": "#555555"}
        axis.annotate(name, (x, y), xytext=(3, 2), textcoords="offset points", **style)
    axis.set_xscale("log")
    axis.minorticks_off()
    ticks = [k for k in KILOBYTES if axis.get_xlim()[0] < k < axis.get_xlim()[1]]
    axis.set_xticks(ticks, map(str, ticks))
    axis.set_xlabel("weights and state in w8a8, kB")
    axis.set_ylabel("bits a character" if task == "chars" else "clips answered rightly")
    axis.grid(color="#eeeeee")
    drawn.tight_layout()
    return drawn
