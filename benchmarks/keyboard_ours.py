"""Our own keyboard decoder beside the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.rows import digest
from edgernn import keyboard
from edgernn.bundle import open_bundle
from edgernn.keyboard.measured import Measured


def digest_with_loop(bundle: Path) -> str:
    """What tells a bundle, and the loop in C and in Python around it, from others."""
    ours = Path(keyboard.__file__).parent
    loops = ours, ours.with_name("firmware_stubs") / "keyboard"
    files = [file for folder in loops for file in folder.iterdir() if file.is_file()]
    return digest(bundle, *sorted(files))


def least_bytes(path: Path) -> int:
    """Of the steps' weights and the labels' letters, which completing needs."""
    bundle = open_bundle(path)
    weights = sum(int(row["facts"]["weights_bytes"]) for row in bundle.all_built().values())
    return weights + sum(len(label.encode()) + 1 for label in bundle.manifest["labels"])


def opened(path: Path) -> Measured:
    """A bundle's, which knows no touch."""
    return Measured.of(open_bundle(path))


class Touched(Measured):
    """The same where it may know where every key was touched."""

    @classmethod
    def of_ours(cls, ours: Callable[[], Measured]) -> Touched:
        """Of one that is opened now, or was before."""
        return cls(ours().lines, ours().words)
