"""A text that is corrected and completed while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import _native
from ._closing import Closing
from ._errors import InputError
from ._model import Model

if TYPE_CHECKING:
    from ._edgernn import _Shown as _Told

MOST = 65534


class Guess(NamedTuple):
    """A word that may be meant, and its probability."""

    text: str
    share: float


class Revision(NamedTuple):
    """Words that stood in the text before the last run, and what stands there now."""

    before: str
    after: str


class Shown(NamedTuple):
    """What an app shows after a keystroke.

    erased: characters to take off the end of the text; put: what to put there. typing: what stands
    at its end behind the last space and is not settled. completions: words that it may become, or
    behind a word what may follow, the likeliest first. readings: behind a word the likeliest ways
    to read it. revision: what changed before the last word, if anything.
    """

    erased: int
    put: str
    typing: str
    completions: tuple[Guess, ...]
    readings: tuple[Guess, ...]
    revision: Revision | None

    def on(self, text: str) -> str:
        """The app's text with this change."""
        return text[: len(text) - self.erased] + self.put


class Keyboard(Closing):
    """One text that is being typed; the text itself is the app's.

    model: the package's own if none. beam: readings that are followed. suggestions: how many
    completions there are. back: keystrokes that can be taken back one by one. own: room for so
    many words of the user's. capitals: whether the first word of a sentence has one. margin: nats
    below the likeliest from which on a reading is not followed; None: all are. Each thread needs
    one of its own.

        keyboard, text = Keyboard(), ""
        for key in "helo wrld ":
            text = keyboard.push(key).on(text)

    Raises: ModelError for a model that is no keyboard, InputError for another option.
    """

    def __init__(
        self,
        model: Model | None = None,
        *,
        beam: int = 4,
        suggestions: int = 3,
        back: int = 64,
        own: int = 100,
        capitals: bool = True,
        margin: float | None = 6.0,
    ) -> None:
        counts = {"beam": beam, "suggestions": suggestions, "back": back, "own": own}
        for name, count in counts.items():
            if not 0 <= count <= MOST:
                raise InputError(f"{name} {count}; need a count up to {MOST:,}")
        if margin is not None and not margin > 0:
            raise InputError(f"margin {margin}; need nats above 0, or None")
        self.model, self._own = Model() if model is None else model, own
        library = self.model.library()
        self._loop = _native.Keyboard(
            library, beam, suggestions, back, own, not capitals, margin or 0.0
        )

    def push(self, key: str, dx: float = 0.0, dy: float = 0.0) -> Shown:
        r"""Take a keystroke: a character; "\n" ends a sentence.

        dx, dy: where the touch was from the centre of its key, in key widths. Raises: InputError.
        """
        if len(key) != 1:
            raise InputError(f"key {key!r}; need one character, not {len(key)}")
        return _shown(self._loop.push(ord(key), dx, dy))

    def back(self, before: str = "") -> Shown:
        """Take the last keystroke back.

        before: the text as the app holds it, which is read where no keystroke is held any more.
        """
        return _shown(self._loop.back(_plain(before)))

    def undo(self) -> Shown:
        """Take the last correction back, and keep its words as typed: they are not corrected again.

        What came since is typed anew. Without a correction among `back` keystrokes nothing changes.
        """
        return _shown(self._loop.undo())

    def accept(self, word: str) -> Shown:
        """Put this word in the place of the open one, and a space behind it.

        It is typed so, and not corrected. Raises: InputError for none or several words, or one of
            more than 128 bytes.
        """
        shown = self._loop.accept(_plain(word))
        if shown is None:
            raise InputError(f"word {word[:40]!r}; need one of 1 to 128 bytes, without spaces")
        return _shown(shown)

    def add(self, word: str, worth: float = 1.0) -> None:
        """One of the user's words, worth so many nats more than one of the model's.

        Raises: InputError if it is there already, or is none, or there is no room.
        """
        if not self._loop.add(_plain(word), worth):
            raise InputError(
                f"own word {word[:40]!r}: it is there already, is not 1 to 32 letters, digits or "
                f"apostrophes, or there are {self._own} (own=)"
            )

    def keep(self, word: str) -> None:
        """Do not correct this word again, whatever its case. Raises: InputError as `add`."""
        if not self._loop.keep(_plain(word)):
            raise InputError(f"word {word[:40]!r}: no room beside {self._own} own words (own=)")

    def begin(self) -> Shown:
        """An empty text; the user's words stay."""
        return _shown(self._loop.begin())

    def save(self, *, back: int = MOST) -> bytes:
        """All but the text, which is the app's, as bytes; any package goes on from it.

        The user's words are in it, and so many of the keystrokes that can be taken back, which are
        most of it. Raises: InputError for no such count.
        """
        if not 0 <= back <= MOST:
            raise InputError(f"back {back}; need a count up to {MOST:,}")
        return self._loop.save(back)

    def restore(self, saved: bytes) -> Shown:
        """Go on from there, by capitals and a margin of its own; gives what is shown.

        Raises: StateError for bytes that are damaged, or of another model, loop or version, or of
            another beam, suggestions, back or own; then all is as it was.
        """
        return _shown(self._loop.restore(saved))

    def close(self) -> None:
        """What comes after it raises ClosedError."""
        self._loop.close()


def _plain(text: str) -> str:
    """Text that C takes: UTF-8 without zeros. Raises: InputError."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(f"text {text[:40]!r} has a zero or half a character")
    return text


def _shown(told: _Told) -> Shown:
    erased, put, typing, completions, readings, before, after = told
    revision = None if before is None or after is None else Revision(before, after)
    offered, read = (tuple(Guess(*each) for each in some) for some in (completions, readings))
    return Shown(erased, put, typing, offered, read, revision)
