"""Our own keyboard decoder beside the others."""

from __future__ import annotations

from pathlib import Path

from edgernn.keyboard.measured import Measured
from edgernn.runtime import open_steps


class Ours(Measured):
    """The steps of a bundle. touches: whether it may know where every key was touched."""

    def __init__(self, bundle: Path, *, touches: bool = False) -> None:
        super().__init__(open_steps(bundle))
        self.touches = touches
