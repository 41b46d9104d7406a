"""A terminal for a child process: what it writes becomes rows of characters, as a person sees them.

It knows as much of ECMA-48 as prompt_toolkit writes, and shows a wide character in two columns.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from unicodedata import combining, east_asian_width

PART = re.compile(
    r"\x1b\[([?>]?)([\d;]*)([A-Za-z])|\x1b\].*?(?:\x07|\x1b\\)|\x1b[=>()78]B?|.", re.S
)
CUT = re.compile(r"\x1b(\[[?>]?[\d;]*)?$")  # the rest is not here yet


class Screen:
    """rows: what is seen, with blanks at their ends."""

    def __init__(self, width: int = 60, height: int = 12) -> None:
        self.width, self.height = width, height
        self.rows = [[" "] * width for _ in range(height)]
        self.x = self.y = 0
        self._left = ""

    def __str__(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.rows).rstrip("\n")

    def write(self, text: str) -> str:
        """Show what a program wrote; gives what a terminal answers."""
        text = self._left + text
        cut = CUT.search(text)
        self._left = cut[0] if cut else ""
        answer = ""
        for part in PART.finditer(text.removesuffix(self._left)):
            if part[3] and not part[1]:
                answer += self._control(part[3], [int(n or 0) for n in part[2].split(";")])
            elif part[0][0] != "\x1b":
                self._put(part[0])
        return answer

    def _control(self, what: str, numbers: list[int]) -> str:
        count = max(1, numbers[0])
        if what in "AB":
            self.y = min(max(self.y + (count if what == "B" else -count), 0), self.height - 1)
        elif what in "CD":
            self.x = min(max(self.x + (count if what == "C" else -count), 0), self.width - 1)
        elif what == "H":
            self.y, self.x = count - 1, max(1, numbers[-1]) - 1
        elif what in "JK":
            start = 0 if numbers[0] == 2 else self.x
            self.rows[self.y][start:] = [" "] * (self.width - start)
            for row in self.rows[0 if numbers[0] == 2 else self.y + 1 :] if what == "J" else []:
                row[:] = [" "] * self.width
        elif what == "n":
            return f"\x1b[{self.y + 1};{min(self.x, self.width - 1) + 1}R"
        return ""

    def _put(self, char: str) -> None:
        if char == "\r":
            self.x = 0
        elif char == "\b":
            self.x = max(0, self.x - 1)
        elif char == "\n":
            self.y += 1
        elif combining(char) or char == "\ufe0f":
            self.rows[self.y][self.x - 1] += char
        elif char >= " ":
            wide = 2 if east_asian_width(char) in "WF" else 1
            if self.x + wide > self.width:
                self.x, self.y = 0, self.y + 1
            self._scroll()
            self.rows[self.y][self.x : self.x + wide] = [char, ""][:wide]
            self.x += wide
        self._scroll()

    def _scroll(self) -> None:
        if self.y == self.height:
            self.y -= 1
            self.rows = [*self.rows[1:], [" "] * self.width]


class Terminal:
    """A program in a terminal of its own. stdout: where that goes instead of the terminal."""

    def __init__(self, command: Sequence[str], cwd: Path, stdout: Path | None = None) -> None:
        self.screen, self.raw = Screen(), b""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.master, slave = pty.openpty()
        self._size(slave)
        with stdout.open("wb") if stdout else nullcontext(slave) as out:
            self.child = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=slave,
                stdout=out,
                stderr=slave,
                env={**os.environ, "TERM": "xterm-256color", "PYTHONUTF8": "1"},
                start_new_session=True,
            )
        os.close(slave)

    def _size(self, of: int) -> None:
        size = struct.pack("HHHH", self.screen.height, self.screen.width, 0, 0)
        fcntl.ioctl(of, termios.TIOCSWINSZ, size)

    def type(self, keys: str | bytes) -> None:
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            data = data[os.write(self.master, data[:512]) :]
            self._read(0.01)

    def paste(self, text: str) -> None:
        self.type(f"\x1b[200~{text}\x1b[201~")

    def shows(self, what: str | Callable[[str], bool], seconds: float = 60) -> str:
        """The screen once it holds this. Raises: AssertionError if it never does."""
        held = what if callable(what) else lambda text: what in text
        end = time.monotonic() + seconds
        while not held(str(self.screen)):
            assert time.monotonic() < end, f"{what!r} is not in\n{self.screen}"
            assert self._read(0.1) or self.child.poll() is None, f"ended with\n{self.screen}"
        return str(self.screen)

    def ends(self, seconds: float = 60) -> int:
        """Read until the program has ended; gives its exit code."""
        end = time.monotonic() + seconds
        while self.child.poll() is None or self._read(0.1):
            assert time.monotonic() < end, f"has not ended:\n{self.screen}"
            self._read(0.1)
        os.close(self.master)
        return self.child.wait()

    def _read(self, seconds: float) -> bool:
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:  # nobody holds the other end any more
            return False
        self.raw += data
        answer = self.screen.write(self._decode(data))
        if answer:
            os.write(self.master, answer.encode())
        return bool(data)
