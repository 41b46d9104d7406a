"""Where a static program is run: here, under an emulator, on another machine.

A device is named by a URL, `local`, `qemu:aarch64`, `ssh://user@board`: what stands before the
colon is the file in targets/devices/ that reaches it, with `open_device(rest)`.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Protocol

from edgernn.errors import ToolError, UnknownName

WAIT_SECONDS = 60  # for a program whose output has ended


class Device(Protocol):
    """A place that runs programs built for `target`."""

    @property
    def target(self) -> str:
        """The target's name."""

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        """The lines that a program prints, as they come, while it reads what is sent.

        Raises: ToolError if the device cannot be reached or the program fails.
        """


def find_device(url: str) -> Device:
    """The device of a URL. Raises: UnknownName, ToolError if it is not there."""
    package = importlib.import_module("edgernn.targets.devices")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    known = [name for name in found if not name.startswith("_")]
    scheme, _, rest = url.partition(":")
    if scheme not in known:
        raise UnknownName("device", url, known)
    device: Device = importlib.import_module(f"edgernn.targets.devices.{scheme}").open_device(rest)
    return device


def talk(
    command: Sequence[str], sent: Iterable[bytes], who: str, told: Mapping[int, str] | None = None
) -> Iterator[str]:
    """The lines that a command prints, as they come, while it is sent bytes.

    told: what an exit code means, should it say nothing itself.

    Raises: ToolError if it cannot be started or ends with another exit code than 0; what `sent`
        raises.
    """
    with tempfile.TemporaryFile() as complaints, ThreadPoolExecutor(1) as pool:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
            )
        except OSError as cause:
            raise ToolError(f"{who}: cannot run {command[0]}: {cause.strerror}") from cause
        assert process.stdin is not None
        assert process.stdout is not None
        sending = pool.submit(_send, process.stdin, sent)
        try:
            for line in process.stdout:
                yield line.decode("utf-8", errors="replace").rstrip("\n")
            code = process.wait(WAIT_SECONDS)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
        sending.result()
        if code != 0:
            complaints.seek(0)
            said = complaints.read().decode("utf-8", errors="replace").strip().splitlines()
            silent = (told or {}).get(code, f"exit code {code}")
            raise ToolError(f"{who}: {said[-1] if said else silent}")


def _send(to: IO[bytes], sent: Iterable[bytes]) -> None:
    try:
        with to:
            for part in sent:
                to.write(part)
                to.flush()
    except BrokenPipeError:
        pass  # it ended early: its exit code says why
