"""A machine behind a shell: a program is copied into a new file there, run, and removed.

The file lies in $TMPDIR or /tmp, or in $HOME where those run no programs. It is removed when the
program has ended, when the copying failed, and when the connection was lost meanwhile.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from edgernn.device import talk
from edgernn.errors import ToolError

COPY = """
tried=
for d in "${TMPDIR:-/tmp}" "$HOME"; do
  tried="$tried${tried:+, }$d"
  f=$(mktemp "$d/edgernn.XXXXXX" 2>/dev/null) || continue
  chmod 700 "$f" && [ -x "$f" ] && break  # not where the folder is mounted noexec
  rm -f "$f"
  f=
done
[ "$f" ] || { echo "no folder there holds a program and runs it: $tried" >&2; exit 1; }
trap '' PIPE  # of an echo that nobody hears: the connection was lost
cat > "$f" && echo "$f" || { rm -f "$f"; exit 1; }
"""
RUN = """
f={path}
trap 'rm -f "$f"' EXIT
echo  # from here on it will be removed
"$f"
"""
REMOVE = "rm -f {path} && echo"
FULL = ("No space left on device", "Disk quota exceeded")
ILLEGAL = "Illegal instruction"  # as shells say it


@dataclass(frozen=True, slots=True)
class Remote:
    """A machine. command: runs the words behind it in its shell. told: what exit codes mean."""

    url: str
    command: tuple[str, ...]
    target: str
    told: Mapping[int, str]

    def run(self, program: bytes, sent: Iterable[bytes]) -> Iterator[str]:
        """Raises: ToolError."""
        path = self._copied(program)
        asked = RUN.format(path=shlex.quote(path))
        lines = talk([*self.command, asked], sent, self.url, self.told)
        try:
            next(lines, "")
            yield from lines
        except ToolError as cause:
            why = ": the CPU there lacks one of the program's" if ILLEGAL in str(cause) else ""
            left = "" if self._removed(path) else f"; {path} may be left there"
            raise ToolError(f"{cause}{why}{left}") from cause
        except BaseException:  # Ctrl-C, or nobody wants more lines
            self._removed(path)
            raise

    def _copied(self, program: bytes) -> str:
        try:
            return answer(self.command, COPY, [program], self.url, self.told)
        except ToolError as cause:
            if any(why in str(cause) for why in FULL):
                raise ToolError(f"{cause}: the program takes {len(program):,} bytes") from cause
            raise

    def _removed(self, path: str) -> bool:
        """Whether the program is gone, though what ran it may have been cut off."""
        try:
            asked = REMOVE.format(path=shlex.quote(path))
            answer(self.command, asked, [], self.url, self.told)
        except ToolError:
            return False
        return True


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
