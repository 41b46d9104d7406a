"""A keyboard as `metrics` measures it: lines one after the other, each typed into an empty text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from edgernn.bundle import Bundle
from edgernn.device import find_device
from edgernn.keyboard import program
from edgernn.keyboard.decode import Keyboard, Shown
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.layout import UNDO
from edgernn.keyboard.typing import Keystroke, Typed

Shows = Callable[[Iterable[Keystroke]], Iterator[Shown]]  # after each keystroke of a text

READINGS = 8  # followed for a single word, of which five are shown


def in_python(keyboard: Keyboard) -> Shows:
    """The loop in Python. What a line keeps as it was typed the next one does not."""
    kept = frozenset(keyboard.own.kept)

    def shows(keys: Iterable[Keystroke]) -> Iterator[Shown]:
        keyboard.own.kept = set(kept)
        keyboard.begin()
        for key in keys:
            yield keyboard.undo() if key.char == UNDO else keyboard.push(key)

    return shows


def in_c(bundle: Bundle, **options: Any) -> Shows:
    """The loop in C on this machine, the same and faster. Raises: DataError, ToolError."""
    built = program.build(bundle, "host", **options)
    return partial(program.shown, find_device("local"), built)


class Measured:
    """Corrects lines and completes words. Without touches each key is hit in its centre.

    lines: what a text shows; words: for a single word, by a wider beam without a margin.
    """

    def __init__(self, lines: Shows, words: Shows) -> None:
        self.lines, self.words = lines, words

    @classmethod
    def of(cls, bundle: Bundle) -> Measured:
        """A bundle's own code for this machine."""
        return cls(in_c(bundle), in_c(bundle, beam=READINGS, margin=None))

    def correct(self, line: str) -> str:
        """What is read once the line has ended."""
        return self._read(map(Keystroke, line))

    def meant(self, typed: Typed) -> str:
        """The same of a line whose touches are known."""
        return self._read(typed.keystrokes())

    def _read(self, keys: Iterable[Keystroke]) -> str:
        return _last(self.lines([*keys, Keystroke(ENTER)])).text.removesuffix(ENTER)

    def best(self, word: str, context: Sequence[str], n: int) -> list[str]:
        """The likeliest readings behind the word."""
        shown = _last(self.words(map(Keystroke, " ".join([*context, word, ""]))))
        return [one.word for one in shown.readings[:n]]

    def complete(self, before: Sequence[str], prefix: str, n: int) -> list[str]:
        """What stands beneath the keys; before the first one of a line, what lines begin with."""
        keys = " ".join([*before, prefix]) or ENTER
        shown = _last(self.lines(map(Keystroke, keys)))
        return [one.word for one in shown.completions[:n]]


def _last(shown: Iterator[Shown]) -> Shown:
    last = Shown("")
    for one in shown:
        last = one
    return last
