"""Slips of a person who types: in which places of a text each kind can happen, and what it makes.

The tables are written from general knowledge of English; no list of misspellings was read for them.
A cost is in edits of characters (insertions, deletions, substitutions).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from edgernn.recognition.errors import word_errors


class Slip(NamedTuple):
    """In place of text[start:stop] a person types something else, which costs so many edits."""

    kind: str
    start: int
    stop: int
    typed: str
    cost: int


LETTER = r"[^\W\d_]"
INSIDE = re.compile(rf"(?<={LETTER})(?={LETTER})")  # between two letters
OF_MORE = re.compile(rf"(?<={LETTER}){LETTER}|{LETTER}(?={LETTER})")  # a letter beside another
PAIR = re.compile(rf"(?={LETTER}{LETTER})|(?<={LETTER})(?={LETTER} )|(?= {LETTER}{LETTER})")
UPPER = re.compile(r"[A-Z]")
APOSTROPHE = re.compile(rf"(?<={LETTER})'(?={LETTER})")


def transpositions(text: str) -> list[Slip]:
    """Two letters, or a letter and the space beside it, in the wrong order."""
    places = (found.start() for found in PAIR.finditer(text))
    return [
        Slip("transposition", i, i + 2, text[i + 1] + text[i], 2)
        for i in places
        if text[i] != text[i + 1]
    ]


def omissions(text: str) -> list[Slip]:
    """A letter of a word left out, never a whole word."""
    return [Slip("omission", f.start(), f.end(), "", 1) for f in OF_MORE.finditer(text)]


def repetitions(text: str) -> list[Slip]:
    """A letter typed twice, or once where it belongs twice."""
    return [
        Slip("repetition", i, i + 1, "" if text[i : i + 1] == text[i + 1 : i + 2] else 2 * f[0], 1)
        for f in OF_MORE.finditer(text)
        for i in (f.start(),)
    ]


def missing_spaces(text: str) -> list[Slip]:
    """Two words run together."""
    return [Slip("missing_space", i, i + 1, "", 1) for i, char in enumerate(text) if char == " "]


def spurious_spaces(text: str) -> list[Slip]:
    """A space within a word."""
    return [Slip("spurious_space", f.start(), f.start(), " ", 1) for f in INSIDE.finditer(text)]


def case_slips(text: str) -> list[Slip]:
    """A shift that was missed."""
    return [Slip("case", f.start(), f.end(), f[0].lower(), 1) for f in UPPER.finditer(text)]


def missing_apostrophes(text: str) -> list[Slip]:
    """An apostrophe within a word left out."""
    return [Slip("apostrophe", f.start(), f.end(), "", 1) for f in APOSTROPHE.finditer(text)]


# What sounds alike, or nearly: (pattern, in its place, edits).
RULES = [
    (re.compile(pattern), typed, cost)
    for pattern, typed, cost in (
        (r"ie(?=[a-z])", "ei", 2),
        (r"(?<=[a-z])ei", "ie", 2),
        (r"ph", "f", 2),
        (r"\bkn", "n", 1),
        (r"\bwr", "r", 1),
        (r"\bps", "s", 1),
        (r"\bwh(?=[aei])", "w", 1),
        (r"(?<=[a-z]i)ght", "te", 3),
        (r"(?<=[ao]u)gh", "", 2),
        (r"mb\b", "m", 1),
        (r"(?<=[a-z])mn\b", "m", 1),
        (r"sc(?=[ei])", "s", 1),
        (r"(?<=[a-z])ant\b", "ent", 1),
        (r"(?<=[a-z])ent\b", "ant", 1),
        (r"(?<=[a-z])ance\b", "ence", 1),
        (r"(?<=[a-z])ence\b", "ance", 1),
        (r"(?<=[a-z])able\b", "ible", 1),
        (r"(?<=[a-z])ible\b", "able", 1),
        (r"(?<=[a-z])tion", "sion", 1),
        (r"(?<=[a-z])sion", "tion", 1),
        (r"(?<=[a-z])cian", "tian", 1),
        (r"(?<=[a-z])ely\b", "ly", 1),
        (r"(?<=[a-z])ally\b", "aly", 1),
        (r"(?<=[a-z])ful\b", "full", 1),
        (r"(?<=[a-z][a-z])or\b", "er", 1),
        (r"(?<=[a-z][a-z])er\b", "or", 1),
        (r"(?<=[a-z][a-z])ar\b", "er", 1),
        (r"(?<=[a-z][a-z])ite\b", "ate", 1),
        (r"(?<=[a-z])ck\b", "k", 1),
        (r"que\b", "k", 3),
        (r"ea(?=[a-z])", "ee", 1),
        (r"ee(?=[a-z])", "ea", 1),
        (r"(?<=[a-z])ou(?=[a-z])", "o", 1),
        (r"(?<=[a-z])s(?=[ei][a-z])", "c", 1),
        (r"(?<=[a-z])c(?=[ei])", "s", 1),
        (r"(?<=[a-z])([bcdfglmnprst])\1(?=[a-z])", r"\1", 1),
        (r"(?<=[aeiou])([lmnprst])(?=[aeiou][a-z])", r"\1\1", 1),
        (r"(?<=[a-z][a-z])a(?=[lnrt][a-z])", "e", 1),
        (r"(?<=[a-z][a-z])e(?=[lnrt][a-z])", "a", 1),
        (r"(?<=[a-z][a-z])i(?=[lnt][a-z])", "e", 1),
        (r"(?<=[a-z][bcdfglmnprst])y(?=[bcdfglmnprst])", "i", 1),
    )
]


def phonetic_slips(text: str) -> list[Slip]:
    """A word written as it sounds."""
    return [
        Slip("phonetic", found.start(), found.end(), found.expand(typed), cost)
        for pattern, typed, cost in RULES
        for found in pattern.finditer(text)
    ]


# Words that sound alike; each is mistaken for the others beside it.
HOMOPHONES = (
    ("their", "there", "they're"),
    ("your", "you're"),
    ("its", "it's"),
    ("to", "too", "two"),
    ("than", "then"),
    ("were", "where", "we're"),
    ("here", "hear"),
    ("know", "no"),
    ("knew", "new"),
    ("right", "write"),
    ("by", "buy", "bye"),
    ("weather", "whether"),
    ("lose", "loose"),
    ("affect", "effect"),
    ("accept", "except"),
    ("of", "off"),
    ("who's", "whose"),
    ("piece", "peace"),
    ("passed", "past"),
    ("week", "weak"),
    ("one", "won"),
    ("our", "are"),
    ("quite", "quiet"),
    ("principal", "principle"),
)
OTHERS = {
    one: [(other, word_errors(one, other).errors) for other in group if other != one]
    for group in HOMOPHONES
    for one in group
}
ALIKE = re.compile(rf"(?<![\w'])(?:{'|'.join(sorted(OTHERS, key=len, reverse=True))})(?![\w'])")


def homophones(text: str) -> list[Slip]:
    """Another word that sounds the same."""
    return [
        Slip("homophone", found.start(), found.end(), other, cost)
        for found in ALIKE.finditer(text)
        for other, cost in OTHERS[found[0]]
    ]


# Each kind's places in a text, and what one slip costs in the mean (a phonetic one, in dialogues).
KINDS: dict[str, tuple[Callable[[str], list[Slip]], float]] = {
    "transposition": (transpositions, 2.0),
    "omission": (omissions, 1.0),
    "repetition": (repetitions, 1.0),
    "missing_space": (missing_spaces, 1.0),
    "spurious_space": (spurious_spaces, 1.0),
    "phonetic": (phonetic_slips, 1.07),
    "case": (case_slips, 1.0),
    "apostrophe": (missing_apostrophes, 1.0),
    "homophone": (homophones, 1.8),
}
