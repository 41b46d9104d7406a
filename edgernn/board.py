"""A board's own runtimes: artifacts of ONNX Runtime, LiteRT or TVM, run where they belong.

A board is a root folder of 64-bit ARM Linux with Python and those runtimes, entered by
qemu-aarch64: the stand-in for a Raspberry Pi that has a Cortex-A76. `make board` builds one;
EDGERNN_BOARD names its folder. Its numbers are those of the real libraries; its times mean nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.errors import ToolError
from edgernn.on_board import receive, send

ROOT = "EDGERNN_BOARD"
CPU = "cortex-a76"
PYTHON, SITE = Path("usr/bin/python3.11"), "site"  # within the root
PACKAGE = Path(__file__).parent
MISSING = f"no board with its own runtimes; run: make board, and set {ROOT} to its folder"


def command() -> tuple[list[str], dict[str, str]]:
    """What starts Python on the board, and its environment. Raises: ToolError if there is none."""
    root = Path(os.environ.get(ROOT, "")).resolve()
    if ROOT not in os.environ or not (root / PYTHON).is_file():
        raise ToolError(MISSING)
    emulator = shutil.which("qemu-aarch64")
    if emulator is None:
        raise ToolError("qemu-aarch64 is not installed; run: apt-get install qemu-user")
    line = [emulator, "-cpu", CPU, "-L", str(root), str(root / PYTHON)]
    paths = os.pathsep.join([str(root / SITE), str(PACKAGE.parent)])
    return line, {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]}


class BoardProgram:
    """One live stream on the board; a process of its own, which ends with this object."""

    def __init__(self, entry: Mapping[str, Any], main: bytes) -> None:
        line, environment = command()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the process)
        self._process = subprocess.Popen(
            [*line, "-m", "edgernn.on_board"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=environment,
        )
        self._ask({"do": "open", "entry": dict(entry)}, {"main": np.frombuffer(main, np.uint8)})

    def reset(self) -> None:
        """Back to the initial state."""
        self._ask({"do": "reset"}, {})

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""
        return self._ask({"do": "step"}, inputs)

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name."""
        return self._ask({"do": "state"}, {})

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ToolError with what the board says if one misfits."""
        self._ask({"do": "load"}, leaves)

    def close(self) -> None:
        """End the process."""
        with self._process, self._said:  # which close its pipes
            self._process.kill()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()

    def _ask(self, said: Mapping[str, Any], arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The arrays of the board's answer. Raises: ToolError with its complaint or last line."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            send(self._process.stdin, said, arrays)
        answer = receive(self._process.stdout)
        if answer is None:
            raise ToolError(f"the board's process ended: {self._last_line()}")
        told, results = answer
        if "error" in told:
            raise ToolError(f"on the board: {told['error']}")
        return results

    def _last_line(self) -> str:
        self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.returncode}"
