"""The rows of `keyboard` as tables in per cent, and the curve as a picture (needs matplotlib)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.document import table
from benchmarks.figure import pyplot, saved
from benchmarks.keyboard_wrong import WHY
from benchmarks.rows import Row, Rows

PICTURE = "keyboards-errors.svg"
TITLES = {
    "word_accuracy": "words right",
    "sequence_accuracy": "lines right",
    "cer": "characters wrong",
    "changed": "words spoilt",
    "signs": "capitals or signs",
    "unlisted": "in no list",
    "spaces": "split or joined",
    "left": "left as typed",
    "another": "another word",
    "bytes": "MB",
    "keystrokes_saved": "keystrokes saved",
    "foreseen": "words foreseen",
}


def cell(row: Row | None, figure: str, digits: int = 1) -> str:
    """A figure and its margin; of bytes, which have none, millions."""
    if row is None:
        return ""
    if figure == "bytes":
        return f"{row[figure] / 1e6:.1f}"
    value, margin = row[figure]
    return f"{100 * value:.{digits}f} ±{100 * margin:.{digits}f}"


class Part:
    """The rows of one part with samples of this size."""

    def __init__(self, rows: Rows, part: str, lines: int) -> None:
        self.rows = [r for r in rows.found.values() if (r["part"], r["lines"]) == (part, lines)]
        self.sets = list(dict.fromkeys(row["set"] for row in self.rows))
        self.systems = list(dict.fromkeys(row["system"] for row in self.rows))

    def row(self, where: str, system: str) -> Row | None:
        """One of them, if it is there."""
        found = [r for r in self.rows if (r["set"], r["system"]) == (where, system)]
        return found[0] if found else None

    def of_set(self, where: str, figures: Sequence[str], digits: int = 1) -> list[str]:
        """A system a row, a figure a column."""
        head = [where, *(TITLES.get(figure, figure) for figure in figures)]
        rows = [(system, self.row(where, system)) for system in self.systems]
        cells = [[name, *(cell(row, one, digits) for one in figures)] for name, row in rows if row]
        return table(head, cells) if cells else []

    def by_set(self, figures: Sequence[str], title: str, digits: int = 1) -> list[str]:
        """A system a row, a column a set and figure."""
        columns = [(where, figure) for where in self.sets for figure in figures]
        many = len(figures) > 1
        head = [title, *(f"{w}, {TITLES.get(f, f)}" if many else w for w, f in columns)]
        rows = [
            [name, *(cell(self.row(where, name), figure, digits) for where, figure in columns)]
            for name in self.systems
        ]
        return table(head, rows) if rows else []


def errors(rows: Rows, lines: int) -> list[str]:
    """All figures at 5 % of the characters wrong, and words right at every rate."""
    part = Part(rows, "errors", lines)
    if not part.rows:
        return []
    figures = ("word_accuracy", "sequence_accuracy", "cer")
    middle = part.of_set("5 %", figures)
    return [*middle, "", *part.by_set(figures[:1], TITLES[figures[0]]), "", f"![errors]({PICTURE})"]


def seen(rows: Rows, lines: int) -> list[str]:
    """Held-out dialogues beside those that were learnt from."""
    return Part(rows, "seen", lines).by_set(("word_accuracy", "sequence_accuracy"), "5 %")


def wrong(rows: Rows, lines: int) -> list[str]:
    """Shares of the intended words that are lacking, by reason."""
    part = Part(rows, "wrong", lines)
    return [line for where in part.sets for line in (*part.of_set(where, WHY, 2), "")][:-1]


def clean(rows: Rows, lines: int) -> list[str]:
    """Words spoilt of each text."""
    return Part(rows, "clean", lines).by_set(("changed",), TITLES["changed"], 2)


def aalto(rows: Rows, lines: int) -> list[str]:
    """Figures, and characters wrong beside those of what was typed."""
    part = Part(rows, "aalto", lines)
    made = part.of_set("Aalto", ("word_accuracy", "sequence_accuracy", "cer"), 2)
    typed = part.row("Aalto", "as typed")
    if typed is None:
        return made
    head, rule, *rest = made
    for i, row in enumerate(row for name in part.systems if (row := part.row("Aalto", name))):
        change = row["cer"][0] / typed["cer"][0] - 1
        rest[i] += f" {100 * change:+.0f} |"
    return [f"{head} beside what was typed |", f"{rule} --: |", *rest]


def misspellings(rows: Rows, lines: int) -> list[str]:
    """The right word first, or among five."""
    return Part(rows, "misspellings", lines).by_set(("top-1", "top-5"), "")


def completion(rows: Rows, lines: int) -> list[str]:
    """Bytes, keystrokes saved, words foreseen."""
    figures = ("bytes", "keystrokes_saved", "foreseen")
    return Part(rows, "completion", lines).of_set("dialogues", figures)


TABLES: dict[str, Callable[[Rows, int], list[str]]] = {
    "errors": errors,
    "seen": seen,
    "wrong": wrong,
    "clean": clean,
    "aalto": aalto,
    "misspellings": misspellings,
    "completion": completion,
}


def draw(rows: Rows, lines: int, folder: Path) -> None:
    """Words right by the share of characters that are wrong, if there are rows."""
    part = Part(rows, "errors", lines)
    if not part.rows:
        return
    figure, axis = pyplot().subplots(figsize=(6, 4))
    for system in part.systems:
        found = [(float(where.rstrip(" %")), part.row(where, system)) for where in part.sets]
        points = [(x, 100 * row["word_accuracy"][0]) for x, row in sorted(found) if row]
        axis.plot(*zip(*points, strict=True), marker="o", label=system)
    axis.set_xlabel("characters wrong as typed, %")
    axis.set_ylabel("words right, %")
    axis.grid(color="#eeeeee")
    axis.legend()
    saved(figure, folder / PICTURE)
