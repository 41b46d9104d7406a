"""A line editor that shows what a keyboard makes of what is typed, while it is typed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples as Fragments
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.output import Output, create_output
from prompt_toolkit.styles import Style

from edgernn.keyboard.decode import Guess, Keyboard, Shown
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.lines import Ending, ending
from edgernn.keyboard.typing import Keystroke

CURSOR = ("[SetCursorPosition]", "")
KEYS = "Tab accepts, arrows choose, Ctrl-Z undoes, Ctrl-D ends"
STYLE = Style.from_dict(
    {
        "typing": "underline",
        "corrected": "bold",
        "revised": "bold reverse",
        "marked": "reverse",
        "quiet": "ansibrightblack",
    }
)


class Editor:
    """A text that is typed at its end. keys, screen: of the terminal; its own if none.

    shown: after the last keystroke. ended: what the last run changed. marked: which completion is
    accepted next.
    """

    def __init__(
        self, keyboard: Keyboard, *, keys: Input | None = None, screen: Output | None = None
    ) -> None:
        self.keyboard, self.shown = keyboard, keyboard.begin()
        self.ended: Ending | None = None
        self.marked = 0
        self.app: Application[None] = Application(
            layout=Layout(HSplit([_window(part) for part in self._parts()])),
            key_bindings=self._bindings(),
            style=STYLE,
            erase_when_done=True,
            input=keys,
            output=screen or create_output(always_prefer_tty=True),
        )

    @property
    def text(self) -> str:
        return self.shown.text

    def run(self) -> None:
        """Until Ctrl-D, Ctrl-C, a signal to end, or the terminal is gone."""
        with suppress(EOFError):
            self.app.run(pre_run=self._heed)

    def _heed(self) -> None:
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._end)

    def _end(self) -> None:
        if not self.app.is_done:
            self.app.exit()

    def take(self, text: str) -> None:
        """Type a text, key by key."""
        for char in text:
            before, self.shown = self.shown, self.keyboard.push(Keystroke(char))
            self.ended = ending(before, char, self.shown) or self.ended
        self.marked = 0

    def _show(self, shown: Shown) -> None:
        self.shown, self.ended, self.marked = shown, None, 0

    def _accept(self) -> None:
        if self.shown.completions:
            self._show(self.keyboard.accept(self.shown.completions[self.marked].word))

    def _mark(self, by: int) -> None:
        if count := len(self.shown.completions):
            self.marked = (self.marked + by) % count

    def _bindings(self) -> KeyBindings:
        """Keys that are no character and stand not here do nothing."""
        bindings = KeyBindings()

        def on(act: Callable[[KeyPressEvent], None], *names: Keys | str) -> None:
            def act_or_end(event: KeyPressEvent) -> None:
                try:
                    act(event)
                except Exception as error:  # or else it would be told within the text
                    event.app.exit(exception=error)

            for name in names:
                bindings.add(name)(act_or_end)

        on(self._typed, Keys.Any)
        on(lambda event: self.take(_lines(event.data)), Keys.BracketedPaste)
        on(lambda event: self.take(ENTER), Keys.ControlM, Keys.ControlJ)
        on(lambda event: self._show(self.keyboard.back()), Keys.ControlH)
        on(lambda event: self._show(self.keyboard.undo()), Keys.ControlZ)
        on(lambda event: self._accept(), Keys.Tab)
        on(lambda event: self._mark(1), Keys.Right, Keys.Down)
        on(lambda event: self._mark(-1), Keys.Left, Keys.Up)
        on(lambda event: self._end(), Keys.ControlD, Keys.ControlC, Keys.SIGINT)
        return bindings

    def _typed(self, event: KeyPressEvent) -> None:
        if event.key_sequence[-1].key == event.data:
            self.take(event.data)

    def _parts(self) -> list[Callable[[], Fragments]]:
        """From top to bottom."""
        return [self._text, self._completions, self._ended, lambda: [("class:quiet", KEYS)]]

    def _text(self) -> Fragments:
        """With the words marked that the last run changed, and the open run."""
        text, typing = self.shown.text, self.shown.typing
        closed = text.removesuffix(typing)
        change = self.ended.changed if self.ended else None
        if change is None:
            return [("", closed), ("class:typing", typing), CURSOR]
        start, stop = change.start, change.start + len(change.after)
        return [
            ("", closed[:start]),
            (_style(self.ended), closed[start:stop]),
            ("", closed[stop:]),
            ("class:typing", typing),
            CURSOR,
        ]

    def _completions(self) -> Fragments:
        found: Fragments = []
        for at, guess in enumerate(self.shown.completions):
            found += [("class:marked" if at == self.marked else "", _told(guess)), ("", "  ")]
        return found

    def _ended(self) -> Fragments:
        """What the last run changed, and how it may be read."""
        if self.ended is None:
            return []
        found: Fragments = []
        if change := self.ended.changed:
            kind = "revised" if self.ended.revised else "corrected"
            found = [
                ("class:quiet", f"{kind} "),
                (_style(self.ended), f"{change.before} \u2192 {change.after}"),
                ("", "  "),
            ]
        return [*found, ("class:quiet", "  ".join(map(_told, self.ended.readings)))]


def _window(part: Callable[[], Fragments]) -> Window:
    control = FormattedTextControl(part, focusable=True)
    return Window(control, wrap_lines=True, dont_extend_height=True)


def _style(ended: Ending | None) -> str:
    return "class:revised" if ended and ended.revised else "class:corrected"


def _told(guess: Guess) -> str:
    return f"{guess.word} {guess.share:.0%}"


def _lines(pasted: str) -> str:
    """Terminals paste the end of a line as the key Enter, a carriage return."""
    return pasted.replace("\r\n", ENTER).replace("\r", ENTER)
