"""This machine: `local`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgernn.device import talk
from edgernn.errors import ToolError


@dataclass(frozen=True, slots=True)
class Here:
    """Programs run in a process of their own. before: an emulator's command, if one runs them."""

    target: str = "host"
    before: tuple[str, ...] = ()
    name: str = "local"

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        """Raises: ToolError."""
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            path = Path(folder) / "program"
            path.write_bytes(program)
            path.chmod(0o700)
            yield from talk([*self.before, str(path)], sent, self.name)


def open_device(rest: str) -> Here:
    """Raises: ToolError."""
    if rest:
        raise ToolError(f"local:{rest}: is no device; this machine is called local")
    return Here()
