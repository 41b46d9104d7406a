"""Our own keyboard decoder beside the others."""

from __future__ import annotations

from pathlib import Path

from edgernn.bundle import open_bundle
from edgernn.keyboard.measured import Measured


class Ours(Measured):
    """A bundle's. touches: whether it may know where every key was touched."""

    def __init__(self, path: Path, *, touches: bool = False) -> None:
        both = Measured.of(open_bundle(path))
        super().__init__(both.lines, both.words)
        self.touches = touches
