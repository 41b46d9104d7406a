"""Another Linux machine, on which nothing need be installed: `ssh://user@board`, `ssh://board:2222`.

Keys, host keys and names are those of ssh, which asks on the terminal where there is one, and never
elsewhere.
"""

from __future__ import annotations

import shutil
import sys
from urllib.parse import SplitResult, urlsplit

from edgernn.errors import ToolError
from edgernn.targets.devices._remote import Remote, reached

TARGETS = {"aarch64": "aarch64", "arm64": "aarch64"}  # by what `uname -m` says
CONNECT_SECONDS = 15  # to reach the machine
ALIVE_SECONDS = 10  # between questions to a machine that says nothing; lost when 3 have no answer
TOLD = {255: "no answer any more"}  # ssh's own exit code


def open_device(rest: str) -> Remote:
    """Ask the machine what it is. Raises: ToolError if it is not reached, or runs no such code."""
    url = f"ssh:{rest}"
    place = _place(url, urlsplit(url))
    program = shutil.which("ssh")
    if program is None:
        raise ToolError(f"{url}: needs ssh; run: apt-get install openssh-client")
    command = (program, *_options(), *place)
    return reached(url, command, TARGETS, TOLD, f"ssh {' '.join(place)}")


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
