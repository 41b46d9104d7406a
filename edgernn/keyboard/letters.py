"""What has case, what stands around words, and what stands between them: one rule, here and in C.

Letters of ASCII and of Latin-1 have case. Signs are punctuation and symbols, emoji among them. All
that is in no range below is a part of words: so no table of Unicode is needed. Marks combine with
the letter before them and begin no word.
"""

from __future__ import annotations

Ranges = tuple[tuple[int, int], ...]  # of code points, both ends included

SIGNS: Ranges = (
    (0x00, 0x2F),
    (0x3A, 0x40),
    (0x5B, 0x60),
    (0x7B, 0xA9),
    (0xAB, 0xB1),
    (0xB4, 0xB4),
    (0xB6, 0xB8),
    (0xBB, 0xBB),
    (0xBF, 0xBF),
    (0xD7, 0xD7),
    (0xF7, 0xF7),
    (0x200B, 0x206F),  # dashes, quotes, what joins emoji
    (0x20A0, 0x20CF),  # currencies
    (0x2190, 0x23FF),  # arrows, mathematics, technics
    (0x2500, 0x2775),  # boxes, shapes, symbols
    (0x2794, 0x2BFF),
    (0x3001, 0x3004),
    (0x3008, 0x3020),
    (0xFE00, 0xFE0F),  # how an emoji is shown
    (0x1F1E6, 0x1F1FF),  # flags
    (0x1F300, 0x1FAFF),
)
MARKS: Ranges = ((0x0300, 0x036F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF))
CASE = 0x20  # from upper to lower case
UPPER: Ranges = ((0x41, 0x5A), (0xC0, 0xD6), (0xD8, 0xDE))

_LOWER = {at: at + CASE for first, last in UPPER for at in range(first, last + 1)}
_UPPER = {low: high for high, low in _LOWER.items()}


def lower(text: str) -> str:
    """As long as it was."""
    return text.translate(_LOWER)


def upper(text: str) -> str:
    """As long as it was."""
    return text.translate(_UPPER)


def is_upper(char: str) -> bool:
    """Whether a character is a letter in upper case."""
    return ord(char) in _LOWER


def in_words(char: str) -> bool:
    """Whether a character is a part of words: no space and no sign."""
    at = ord(char)
    return not (char.isspace() or any(first <= at <= last for first, last in SIGNS))


def begins_words(char: str) -> bool:
    """Whether a character may be the first of a word: a part of it and no mark."""
    at = ord(char)
    return in_words(char) and not any(first <= at <= last for first, last in MARKS)
