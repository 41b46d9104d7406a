"""A machine behind a shell: a program is copied into a new file there, run, and removed.

The file lies in $TMPDIR or /tmp. It is removed when the program has ended, when the copying failed,
and when the connection was lost meanwhile.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edgernn.device import talk
from edgernn.errors import ToolError

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


@dataclass(frozen=True, slots=True)
class Remote:
    """A machine. command: runs the words behind it in its shell. told: what exit codes mean."""

    url: str
    command: tuple[str, ...]
    target: str
    told: Mapping[int, str]

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        """Raises: ToolError."""
        path = answer(self.command, COPY, [program], self.url, self.told)
        asked = RUN.format(path=shlex.quote(path))
        lines = talk([*self.command, asked], sent, self.url, self.told)
        try:
            next(lines, "")
        except ToolError as cause:
            raise ToolError(f"{cause}; {path} may be left there") from cause
        yield from lines


def reached(
    url: str,
    command: tuple[str, ...],
    targets: Mapping[str, str],
    told: Mapping[int, str],
    first: str,
) -> Remote:
    """The machine, once it has said what it is.

    targets: by what `uname -m` says. first: what to make work by hand, where it does not.
    Raises: ToolError if it is not reached, or runs no such code.
    """
    try:
        machine = answer(command, "uname -m", [], url, told)
    except ToolError as cause:
        raise ToolError(f"{cause}; first make this work: {first} uname -m") from cause
    if machine not in targets:
        raise ToolError(f"{url}: is {machine}; programs run on {' and '.join(targets)} alone")
    return Remote(url, command, targets[machine], told)


def answer(
    command: tuple[str, ...],
    asked: str,
    sent: Iterable[bytes],
    url: str,
    told: Mapping[int, str],
) -> str:
    """The one line that a command gives there. Raises: ToolError."""
    lines = list(talk([*command, asked], sent, url, told))
    if len(lines) != 1:
        raise ToolError(
            f"{url}: one line was expected, not {' '.join(lines)!r}; "
            "the shell there must print nothing of its own"
        )
    return lines[0]
