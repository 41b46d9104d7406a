"""On-screen keyboards: where keys lie, which one a touch hits, which characters can be typed.

The unit is a key's width; (0, 0) is the centre of the first key of the first row of a full row of
ten, y points down. A layout is a table of rows; rows are centred, as on phones, and under those of
each page lie comma, space bar and full stop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import hypot, isfinite

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError, UnknownName

SPACE, BACKSPACE, UNDO = " ", "\b", "\x1a"
COLUMNS = 10  # keys across
PITCH = 1.4  # from row to row; keys of a phone held upright are higher than wide
BAR = 5.0  # width of the space bar
NEAR = 1.75  # centres of neighbours are no farther apart
STRANGER = 0  # the label of a character that no key types


@dataclass(frozen=True, slots=True)
class Key:
    """char: what it types without shift. x, y: its centre. page: 0 is that of the letters."""

    char: str
    x: float
    y: float
    page: int = 0
    width: float = 1.0

    def distance(self, x: float, y: float) -> float:
        """From a point to the key's middle, which is a line if the key is wide."""
        return hypot(max(abs(x - self.x) - (self.width - 1) / 2, 0.0), y - self.y)


@dataclass(frozen=True)
class Layout:
    """Keys of some pages, each of at most three rows; upper case is the same key with shift.

    Raises: DataError for a row of more than ten keys, or a character that two keys type.
    """

    name: str
    pages: tuple[tuple[str, ...], ...]
    keys: tuple[Key, ...] = field(init=False, repr=False, compare=False)
    backspace: Key = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = [key for page, rows in enumerate(self.pages) for key in _keys(rows, page)]
        bottom = 3 * PITCH
        keys += [Key(",", 1, bottom), Key(SPACE, 4.5, bottom, 0, BAR), Key(".", 8, bottom)]
        chars = [key.char for key in keys]
        for char in chars:
            if chars.count(char) > 1:
                raise DataError(f"layout {self.name}: {char!r} is on two keys; need it on one")
        object.__setattr__(self, "keys", tuple(keys))
        object.__setattr__(self, "backspace", Key(BACKSPACE, 9.25, 2 * PITCH, 0, 1.5))

    @cached_property
    def key_of(self) -> dict[str, Key]:
        """The key that types a character, by character; backspace among them."""
        found = {key.char: key for key in (*self.keys, self.backspace)}
        return {shifted(key.char): key for key in self.keys} | found

    @cached_property
    def characters(self) -> str:
        """All that can be typed, in the order of their labels 1, 2, ..."""
        return "".join(sorted(char for char in self.key_of if char != BACKSPACE))

    def key(self, char: str) -> Key:
        """The key that types a character. Raises: UnknownName."""
        if char not in self.key_of:
            raise UnknownName(f"key of {self.name}", char, self.key_of)
        return self.key_of[char]

    def strangers(self, text: str) -> list[str]:
        """The characters of a text that no key types (emoji, other scripts), sorted."""
        return sorted(set(text) - set(self.characters))

    def labels(self, text: str) -> NDArray[np.int64]:
        """The label of each character of a text, STRANGER of those that no key types."""
        table = self._label_of
        return np.asarray(table[np.minimum(code_points(text), len(table) - 1)])

    @cached_property
    def _label_of(self) -> NDArray[np.int64]:
        """By code point; the last entry stands for all that are beyond."""
        table = np.full(max(map(ord, self.characters)) + 2, STRANGER, np.int64)
        table[code_points(self.characters)] = np.arange(len(self.characters)) + 1
        return table

    def nearest(self, x: float, y: float, page: int = 0) -> Key:
        """The key that a touch hits, be it outside the keyboard.

        Keys that type nothing, such as shift and backspace, are none of them: they are pressed
        knowingly.

        Raises: DataError for a point that is not finite, or a page that is not there.
        """
        if not (isfinite(x) and isfinite(y)):
            raise DataError(f"layout {self.name}: touch at ({x}, {y}); need finite numbers")
        if not 0 <= page < len(self.pages):
            raise DataError(f"layout {self.name}: page {page}; it has 0 to {len(self.pages) - 1}")
        return min(self.on(page), key=lambda key: key.distance(x, y))

    def on(self, page: int) -> list[Key]:
        """The keys that are shown with a page; those under the rows are with each."""
        return [key for key in self.keys if key.page == page or key.y == 3 * PITCH]

    def neighbours(self, char: str) -> list[Key]:
        """The keys beside, above and below the one of a character, the nearest first."""
        own = self.key(char)
        apart = {
            key: min(key.distance(own.x, own.y), own.distance(key.x, key.y))
            for key in self.on(own.page)
            if key != own
        }
        return sorted((key for key in apart if apart[key] <= NEAR), key=apart.__getitem__)


def code_points(text: str) -> NDArray[np.uint32]:
    """Of each character; a lone surrogate is one."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _keys(rows: tuple[str, ...], page: int) -> list[Key]:
    found = []
    for row, chars in enumerate(rows):
        if len(chars) > COLUMNS:
            raise DataError(f"layout: row {chars!r} of {len(chars)} keys; need at most {COLUMNS}")
        left = (COLUMNS - len(chars)) / 2
        found += [Key(char, left + i, row * PITCH, page) for i, char in enumerate(chars)]
    return found


def shifted(char: str) -> str:
    """What a key types with shift: upper case, where that is one character."""
    return char.upper() if len(char.upper()) == 1 else char


SYMBOLS = (
    ("1234567890", "@#$_&-+()/", "*\"':;!?"),
    ("~`|^=%{}[]", "\\<>£€°"),
)
QWERTY = Layout("qwerty", (("qwertyuiop", "asdfghjkl", "zxcvbnm"), *SYMBOLS))
QWERTZ = Layout("qwertz", (("qwertzuiop", "asdfghjkl", "yxcvbnm"), *SYMBOLS))
AZERTY = Layout("azerty", (("azertyuiop", "qsdfghjklm", "wxcvbn"), *SYMBOLS))
