"""Words that may be meant where the network thinks of none: its labels, and further ones."""

from __future__ import annotations

from collections.abc import Iterable

from edgernn.keyboard.letters import lower
from edgernn.keyboard.own_words import nearest

GENITIVE = "'s"


class Spellings:
    """Words, the most frequent first; what was typed is looked for among those that begin alike.

    words: by first letter, by what is typed.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self.words: dict[str, dict[str, str]] = {}
        for word in words:
            self.words.setdefault(lower(word[:1]), {}).setdefault(lower(word), word)

    def __contains__(self, typed: str) -> bool:
        """Whether a word is typed so, whatever its case."""
        return lower(typed) in self.words.get(lower(typed[:1]), ())

    def joined(self, typed: str) -> bool:
        """Whether it is made of these words: joined by hyphens, with 's behind them, or both."""
        *before, last = typed.split("-")
        stem = last[: -len(GENITIVE)] if lower(last).endswith(GENITIVE) else last
        return typed != stem and all(part in self for part in [*before, stem])

    def near(self, typed: str) -> list[str]:
        """The word that is typed so, whatever its case; if there is none, the nearest."""
        begun = self.words.get(lower(typed[:1]), {})
        word = begun.get(lower(typed))
        return nearest(typed, begun.values()) if word is None else [word]
