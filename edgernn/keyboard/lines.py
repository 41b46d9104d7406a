"""Lines of text typed key by key, each a text of its own, and what became of their words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgernn.errors import DataError
from edgernn.keyboard.changes import Change, changed
from edgernn.keyboard.decode import Guess, Keyboard, Revision, Shown
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.typing import Keystroke


@dataclass(frozen=True, slots=True)
class Ending:
    """What the end of a run changed.

    typed: the run. changed: words of the text, its own or earlier ones. revised: earlier ones.
    readings: how the run may be read.
    """

    typed: str
    changed: Change | None
    revised: Revision | None
    readings: tuple[Guess, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was typed and as it is read."""

    typed: str
    text: str
    words: tuple[Ending, ...]


def ending(before: Shown, char: str, after: Shown) -> Ending | None:
    """What a keystroke ended, if it did."""
    if not (before.typing and char.isspace()):
        return None
    change = changed(before.text + char, after.text)
    return Ending(before.typing, change, after.revised, after.readings)


def keystrokes(keyboard: Keyboard, line: str) -> Iterator[tuple[str, Shown]]:
    """Every character of a line and what is shown after it, that of ENTER the last."""
    keyboard.begin()
    for char in line + ENTER:
        yield char, keyboard.push(Keystroke(char))


def typed_line(keyboard: Keyboard, line: str) -> Line:
    """A line without its end."""
    before, words = Shown(""), []
    for char, shown in keystrokes(keyboard, line):
        if found := ending(before, char, shown):
            words.append(found)
        before = shown
    return Line(line, before.text.removesuffix(ENTER), tuple(words))


def decoded(lines: Iterable[bytes]) -> Iterator[str]:
    """Lines of UTF-8 without their ends. Raises: DataError naming the line that is none."""
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode().removesuffix("\n")
        except UnicodeDecodeError as cause:
            byte = line[cause.start]
            raise DataError(
                f"standard input, line {number}: byte {cause.start + 1} is {byte:#04x}, not UTF-8"
            ) from cause
