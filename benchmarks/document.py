"""Tables in docs/benchmarks.md, between markers that name the script that made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from edgernn.errors import DataError

PAGE = Path("docs/benchmarks.md")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A markdown table; the first column is text, the others are figures."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def write_section(name: str, lines: Sequence[str], page: Path = PAGE) -> None:
    """Replace what stands between the markers of `name`. Raises: DataError without markers."""
    text = page.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise DataError(f"{page}: no markers {begin} and {end}")
    body = "\n".join(lines)
    page.write_text(f"{head}{begin}\n\n{body}\n\n{end}{tail}", encoding="utf-8")
