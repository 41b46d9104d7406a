"""Another Linux machine, on which nothing need be installed: `ssh://user@board`, `ssh://board:2222`.

The program is copied into a new file there and removed when it has ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from edgernn.device import talk
from edgernn.errors import ToolError

TARGETS = {"aarch64": "aarch64", "arm64": "aarch64"}  # by what `uname -m` says
FOLDER = "/tmp"  # of that machine
COPY = f'f=$(mktemp {FOLDER}/edgernn.XXXXXX) && cat > "$f" && chmod 700 "$f" && echo "$f"'
RUN = "trap 'rm -f {0}' EXIT; {0}"


@dataclass(frozen=True, slots=True)
class Remote:
    """A machine behind ssh."""

    url: str
    command: tuple[str, ...]
    target: str

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        """Raises: ToolError."""
        path = _answer(self.command, COPY, [program], self.url)
        yield from talk([*self.command, RUN.format(path)], sent, self.url)


def open_device(rest: str) -> Remote:
    """Ask the machine what it is. Raises: ToolError if it is not reached, or runs no such code."""
    url = f"ssh:{rest}"
    command = _command(url, urlsplit(url))
    machine = _answer(command, "uname -m", [], url)
    if machine not in TARGETS:
        raise ToolError(f"{url}: is {machine}; programs run on {' and '.join(TARGETS)} alone")
    return Remote(url, command, TARGETS[machine])


def _command(url: str, parts: SplitResult) -> tuple[str, ...]:
    try:
        host, port = parts.hostname, parts.port
    except ValueError as cause:
        raise ToolError(f"{url}: {cause}") from cause
    if not host or parts.path or host.startswith("-"):
        raise ToolError(f"{url}: need ssh://USER@HOST or ssh://USER@HOST:PORT")
    program = shutil.which("ssh")
    if program is None:
        raise ToolError(f"{url}: needs ssh; run: apt-get install openssh-client")
    user = ("-l", parts.username) if parts.username else ()
    return (program, *(("-p", str(port)) if port else ()), *user, host)


def _answer(command: tuple[str, ...], asked: str, sent: Iterable[bytes], url: str) -> str:
    lines = list(talk([*command, asked], sent, url))
    if len(lines) != 1:
        raise ToolError(f"{url}: unexpected answer to {asked.split()[0]}: {' '.join(lines)!r}")
    return lines[0]
