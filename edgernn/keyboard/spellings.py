"""Words that may be meant where the network thinks of none: its labels, and further ones."""

from __future__ import annotations

from collections.abc import Iterable

from edgernn.keyboard.letters import lower
from edgernn.keyboard.own_words import nearest


class Spellings:
    """Words, the most frequent first; what was typed is looked for among those that begin alike.

    words: by first letter, by what is typed.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: dict[str, dict[str, str]] = {}
        for word in words:
            self.words.setdefault(lower(word[:1]), {}).setdefault(lower(word), word)

    def near(self, typed: str) -> list[str]:
        """The word that is typed so, whatever its case; if there is none, the nearest."""
        begun = self.words.get(lower(typed[:1]), {})
        word = begun.get(lower(typed))
        return nearest(typed, begun.values()) if word is None else [word]
