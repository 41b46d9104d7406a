"""A keystroke as what the network is given: which key, whether shifted, where it was touched."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError
from edgernn.keyboard.layout import QWERTY, SPACE, STRANGER
from edgernn.keyboard.letters import is_upper
from edgernn.keyboard.typing import Keystroke

ENTER = "\n"  # ends a sentence
FARTHEST = 5.0  # key widths; touches beyond are taken to be there
KEYS = [key.char for key in QWERTY.keys]
INPUTS = len(KEYS) + 5  # any other character, ENTER, shift, and where the touch was


def _places() -> dict[str, int]:
    """The place of each character in a row; upper case is at its key's."""
    return {char: at for at, key in enumerate(KEYS, 2) for char in (key, key.upper())} | {ENTER: 1}


_PLACES = _places()


def encode(keystrokes: Sequence[Keystroke]) -> NDArray[np.float32]:
    """A row for each keystroke, (n, INPUTS): 1 for its character, 1 if it is upper case, dx, dy.

    Raises: DataError for a keystroke of none or several characters, or at no finite place.
    """
    rows = np.zeros((len(keystrokes), INPUTS), np.float32)
    for row, (char, dx, dy) in zip(rows, keystrokes, strict=True):
        if len(char) != 1:
            raise DataError(f"keystroke {char!r}: need one character")
        if not (isfinite(dx) and isfinite(dy)):
            raise DataError(f"keystroke {char!r}: touch at ({dx}, {dy}); need finite numbers")
        row[_place(char)] = 1.0
        row[-3:] = is_upper(char), _within(dx), _within(dy)
    return rows


def _place(char: str) -> int:
    """Of a tab and the like it is that of the space bar, for they end words too."""
    return _PLACES.get(char, _PLACES[SPACE] if char.isspace() else STRANGER)


def _within(offset: float) -> float:
    return min(max(offset, -FARTHEST), FARTHEST)
