"""Artifacts of other runtimes measured on a device, by the Python and the runtime that it has.

Nothing is installed: one file, which Python runs, holds the artifact and those modules of edgernn
that open and time it (see `there`). It is sent, run and removed as a static program is.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from edgernn.backend import find_backend
from edgernn.bundle import Bundle
from edgernn.profile.program import Measuring
from edgernn.step_code import artifact

ANY = "/usr/bin/env python3"
MAIN = """import json, sys, zipfile
try:
    from edgernn.profile.there import main
except ImportError as cause:
    sys.exit(f"the Python there cannot run artifacts: {cause}")
with zipfile.ZipFile(sys.argv[0]) as own:
    entry, artifact = json.loads(own.read("entry.json")), own.read("artifact")
main(entry, artifact)
"""
# packages that opening an artifact may import, beside its own backend
PACKAGES = ("", "graph", "profile", "export", "targets", "targets.runners")


def measured_row(bundle: Bundle, step: str, target: str) -> dict[str, Any]:
    """The manifest's row of what is measured on a target: a step's C, else a runtime's artifact.

    Raises: DataError if the bundle has none.
    """
    rows = bundle.manifest["steps"][step]["artifacts"]
    hosted = [row for row in rows if find_backend(row["backend"]).runtime]
    found = next((row for row in hosted if row["target"] in (target, "any")), None)
    if found is None or any(row["backend"] == "c" for row in rows):
        return artifact(bundle, step, target)
    return dict(found)


class RuntimeMeasuring(Measuring):
    """An artifact that is being measured on a device by its own runtime. Nodes are not told."""

    def made(self) -> bytes:
        """The file that Python runs there."""
        row = self.bundle.manifest["steps"][self.step]
        entry = {**row, **measured_row(self.bundle, self.step, self.device.target)}
        python = sys.executable if self.device.target == "host" else ANY
        return packed(python, entry, self.bundle.read(entry["main"]))

    def run_by_node(self) -> None:
        """There are none."""


def packed(python: str, entry: dict[str, Any], main: bytes) -> bytes:
    """An executable file of Python: the modules, the artifact and what the manifest says of it."""
    buffer = io.BytesIO(f"#!{python}\n".encode())
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as file:
        for name, text in _modules(entry["backend"]):
            file.writestr(str(name), text)
        file.writestr("__main__.py", MAIN)
        file.writestr("entry.json", json.dumps(entry))
        file.writestr("artifact", main)
    return buffer.getvalue()


def _modules(backend: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    for package in (*PACKAGES, f"export.{backend}"):
        name = f"edgernn.{package}".rstrip(".")
        (folder,) = importlib.import_module(name).__path__
        for path in sorted(Path(folder).glob("*.py")):
            yield PurePosixPath(*name.split("."), path.name), path.read_bytes()
