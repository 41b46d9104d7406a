"""Lines typed into a keyboard one after the other, to measure it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edgernn.keyboard.decode import Keyboard, Shown
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.typing import Keystroke, Typed

READINGS = 8  # followed for a single word, of which five are shown


class Measured:
    """Corrects lines and completes words, as `metrics` has it.

    sessions: as `Keyboard` takes them. Without touches each key is hit in its centre.
    """

    def __init__(self, sessions: Mapping[str, Any]) -> None:
        self.lines, self.words = Keyboard(sessions), Keyboard(sessions, beam=READINGS)
        self.typed = ""  # into `lines`, to go on with

    def correct(self, line: str) -> str:
        """What is read once the line has ended."""
        return self._read(self.lines, map(Keystroke, line))

    def meant(self, typed: Typed) -> str:
        """The same of a line whose touches are known."""
        return self._read(self.lines, typed.keystrokes())

    def _read(self, board: Keyboard, keys: Iterable[Keystroke]) -> str:
        board.begin()
        self.typed = ENTER  # nothing goes on behind it
        for key in keys:
            board.push(key)
        return board.push(Keystroke(ENTER)).text.removesuffix(ENTER)

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        """The likeliest readings behind the word."""
        board, shown = self.words, Shown("")
        board.begin()
        for char in " ".join([*context, word, ""]):
            shown = board.push(Keystroke(char))
        return [one.word for one in shown.readings[:n]]

    def complete(self, before: Sequence[str], prefix: str, n: int) -> list[str]:
        """What stands beneath the keys; before the first key nothing does."""
        line, shown = " ".join([*before, prefix]), Shown("")
        if not line.startswith(self.typed) or line == self.typed:
            self.lines.begin()
            self.typed = ""
        for char in line.removeprefix(self.typed):
            shown = self.lines.push(Keystroke(char))
        self.typed = line
        return [one.word for one in shown.completions[:n]]
