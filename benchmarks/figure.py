"""Pictures that are the same bytes each time. Needs matplotlib: pip install matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def pyplot() -> Any:
    """matplotlib's, drawing to files."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "edgernn", "font.size": 8})
    from matplotlib import pyplot

    return pyplot


def saved(figure: Any, path: Path) -> None:
    """Write a figure and close it."""
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=120)
    pyplot().close(figure)
