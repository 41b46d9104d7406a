"""Another Linux machine, on which nothing need be installed: `ssh://user@board`, `ssh://board:2222`.

The program is copied into a new file there, in $TMPDIR or /tmp, and removed when it has ended, when
the copying failed, and when the connection was lost meanwhile. Keys, host keys and names are those
of ssh, which asks on the terminal where there is one, and never elsewhere.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from edgernn.device import talk
from edgernn.errors import ToolError

TARGETS = {"aarch64": "aarch64", "arm64": "aarch64"}  # by what `uname -m` says
CONNECT_SECONDS = 15  # to reach the machine
ALIVE_SECONDS = 10  # between questions to a machine that says nothing; lost when 3 have no answer
COPY = """
f=$(mktemp "${TMPDIR:-/tmp}/edgernn.XXXXXX") || exit
trap '' PIPE  # of an echo that nobody hears: the connection was lost
cat > "$f" && chmod 700 "$f" && echo "$f" || { rm -f "$f"; exit 1; }
"""
RUN = """
f={path}
trap 'rm -f "$f"' EXIT
echo  # from here on it will be removed
"$f"
"""
TOLD = {255: "no answer any more"}  # ssh's own exit code


@dataclass(frozen=True, slots=True)
class Remote:
    """A machine behind ssh."""

    url: str
    command: tuple[str, ...]
    target: str

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        """Raises: ToolError."""
        path = _answer(self.command, COPY, [program], self.url)
        asked = RUN.format(path=shlex.quote(path))
        lines = talk([*self.command, asked], sent, self.url, TOLD)
        try:
            next(lines, "")
        except ToolError as cause:
            raise ToolError(f"{cause}; {path} may be left there") from cause
        yield from lines


def open_device(rest: str) -> Remote:
    """Ask the machine what it is. Raises: ToolError if it is not reached, or runs no such code."""
    url = f"ssh:{rest}"
    place = _place(url, urlsplit(url))
    program = shutil.which("ssh")
    if program is None:
        raise ToolError(f"{url}: needs ssh; run: apt-get install openssh-client")
    command = (program, *_options(), *place)
    try:
        machine = _answer(command, "uname -m", [], url)
    except ToolError as cause:
        raise ToolError(f"{cause}; first make this work: ssh {' '.join(place)} uname -m") from cause
    if machine not in TARGETS:
        raise ToolError(f"{url}: is {machine}; programs run on {' and '.join(TARGETS)} alone")
    return Remote(url, command, TARGETS[machine])


def _place(url: str, parts: SplitResult) -> tuple[str, ...]:
    try:
        host, port = parts.hostname, parts.port
    except ValueError as cause:
        raise ToolError(f"{url}: {cause}") from cause
    if not host or parts.path or host.startswith("-"):
        raise ToolError(f"{url}: need ssh://USER@HOST or ssh://USER@HOST:PORT")
    user = ("-l", parts.username) if parts.username else ()
    return (*(("-p", str(port)) if port else ()), *user, host)


def _options() -> tuple[str, ...]:
    """No terminal there, no warnings here; an end to waiting; no questions that nobody reads."""
    settings = {
        "LogLevel": "ERROR",
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": str(ALIVE_SECONDS),
        "ServerAliveCountMax": "3",
    }
    if sys.stdin is None or not sys.stdin.isatty():
        settings["BatchMode"] = "yes"
    return ("-T", *(part for name in settings for part in ("-o", f"{name}={settings[name]}")))


def _answer(command: tuple[str, ...], asked: str, sent: Iterable[bytes], url: str) -> str:
    lines = list(talk([*command, asked], sent, url, TOLD))
    if len(lines) != 1:
        raise ToolError(
            f"{url}: one line was expected, not {' '.join(lines)!r}; "
            "the shell there must print nothing of its own"
        )
    return lines[0]
