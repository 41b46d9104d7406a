"""How runs are written as they are read: their case and signs stay, whatever words they hold.

A run of several words, as where a space was missed, is taken apart again where signs stand in it,
or a capital behind a small letter: Hey,wgat is written Hey, what, and inParis in Paris.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from edgernn.keyboard.letters import in_words, is_upper, lower, upper
from edgernn.keyboard.own_words import distance
from edgernn.keyboard.search import Held
from edgernn.keyboard.words import Word, capital, cased, cased_like, parted, shift_slipped, word_of

AWAY = 2  # edits from a word to what of the run it is read from, at most
OPENING, PAUSES = "([{", '.,!?;:)]}"'  # signs with a space before them, and with one behind


@dataclass(frozen=True, slots=True)
class Run:
    """What was typed between spaces, and the spaces behind it. first: a sentence begins with it."""

    typed: str
    behind: str = ""
    first: bool = False


def written(words: Sequence[Sequence[Held]], runs: Sequence[Run]) -> str:
    """Runs as they are read. Those without a word are part of the next one that has some.

    Words are cased as their run was, or as their piece of it, and signs between pieces stay. Where
    runs or words have no such pieces, signs within stay behind the last word.
    """
    text = ""
    waiting: list[Run] = []
    for held, run in zip(words, runs, strict=False):
        waiting.append(run)
        if held:
            text += _worded(held, waiting) + run.behind
            waiting = []
    return text + "".join(one.typed + one.behind for one in waiting)


def _worded(held: Sequence[Held], runs: Sequence[Run]) -> str:
    first, last = word_of(runs[0].typed), word_of(runs[-1].typed)
    found = _pieces_of(held, runs) or [("", first), *[(" ", None)] * (len(held) - 1)]
    texts = [
        _cased(one, piece) if piece else one.text
        for one, (_, piece) in zip(held, found, strict=True)
    ]
    if runs[0].first and not held[0].as_is:
        texts[0] = capital(texts[0])
    text = "".join(gap + word for (gap, _), word in zip(found, texts, strict=True))
    within = "".join(parted(a.typed)[2] + parted(b.typed)[0] for a, b in pairwise(runs))
    return first.lead + text + within + last.trail


def _cased(held: Held, typed: Word) -> str:
    """The word that a run holds; the run itself where these are its letters."""
    if held.as_is:
        return held.text
    if held.text == typed.core and not shift_slipped(typed):
        return typed._replace(lead="", trail="").surface
    return cased_like(held.text, typed.surface)


def _pieces_of(held: Sequence[Held], runs: Sequence[Run]) -> list[tuple[str, Word | None]]:
    """What stands before each of a run's words, and its piece of the run; [] without pieces."""
    before, core, _ = parted(runs[0].typed)
    pieces, gaps = _apart(core)
    if len(runs) > 1 or len(held) == 1 or len(pieces) != len(held):
        return []
    pairs = [(lower(one.text), lower(piece)) for one, piece in zip(held, pieces, strict=True)]
    if any(distance(*pair, AWAY) > AWAY for pair in pairs):
        return []
    found: list[tuple[str, Word | None]] = [("", cased(pieces[0]))]
    before += pieces[0]
    for gap, piece in zip(gaps, pieces[1:], strict=True):
        found.append((_gap(gap, piece, quoted=before.count('"') % 2 == 1), cased(piece)))
        before += gap + piece
    return found


def _apart(core: str) -> tuple[list[str], list[str]]:
    """Its pieces, and the signs between: none before a capital."""
    pieces, gaps = [""], list[str]()
    for char in core:
        now = pieces[-1]
        if not in_words(char) and not (char == "'" and now):
            if now:
                pieces.append("")
                gaps.append("")
            gaps[-1] += char
        elif is_upper(char) and upper(now[-1:]) != now[-1:]:
            pieces.append(char)
            gaps.append("")
        else:
            pieces[-1] += char
    return pieces, gaps


def _gap(signs: str, piece: str, *, quoted: bool) -> str:
    """What is put between two pieces: with a space, but in well-known, either/or, example.com."""
    at = len(signs)
    while at and (signs[at - 1] in OPENING or (signs[at - 1] == '"' and not quoted)):
        at -= 1
    name = signs == "." and not is_upper(piece[0])
    if name or ".." in signs or any(sign not in PAUSES for sign in signs[:at]):
        return signs
    return f"{signs[:at]} {signs[at:]}"
