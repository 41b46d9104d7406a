"""Our own keyboard decoder beside the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edgernn.bundle import open_bundle
from edgernn.keyboard.measured import Measured


def opened(path: Path) -> Measured:
    """A bundle's, which knows no touch."""
    return Measured.of(open_bundle(path))


class Touched(Measured):
    """The same where it may know where every key was touched."""

    @classmethod
    def of_ours(cls, ours: Callable[[], Measured]) -> Touched:
        """Of one that is opened now, or was before."""
        return cls(ours().lines, ours().words)
