"""What a keystroke changed in a text beside adding itself: a correction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Change:
    """Words as they were, what stands there now, and where in the text that begins."""

    before: str
    after: str
    start: int


def changed(was: str, text: str) -> Change | None:
    """The words that differ between a text as it was and as it is, from the first to the last."""
    if was == text:
        return None
    old, new = list(WORD.finditer(was)), list(WORD.finditer(text))
    ahead = _alike(old, new)
    behind = _alike(old[ahead:][::-1], new[ahead:][::-1])
    old, new = old[ahead : len(old) - behind], new[ahead : len(new) - behind]
    return Change(_between(was, old), _between(text, new), new[0].start() if new else len(text))


def _alike(some: Sequence[re.Match[str]], others: Sequence[re.Match[str]]) -> int:
    """How many words are the same from the first on."""
    count = 0
    while count < min(len(some), len(others)) and some[count][0] == others[count][0]:
        count += 1
    return count


def _between(text: str, words: Sequence[re.Match[str]]) -> str:
    return text[words[0].start() : words[-1].end()] if words else ""
