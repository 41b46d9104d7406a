"""Our own keyboard decoder beside the others."""

from __future__ import annotations

from pathlib import Path

from edgernn.bundle import open_bundle
from edgernn.keyboard.measured import READINGS, Measured, in_c


class Ours(Measured):
    """A bundle's. touches: whether it may know where every key was touched."""

    def __init__(self, path: Path, *, touches: bool = False) -> None:
        bundle = open_bundle(path)
        super().__init__(in_c(bundle), in_c(bundle, beam=READINGS))
        self.touches = touches
