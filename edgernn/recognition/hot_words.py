"""Phrases that are expected: their words score higher while the phrase goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgernn.errors import DataError

WORTH = 1.5  # of a word, where nothing else is said
MOST_WORTH = 1000.0
NOTHING = np.float32(0)


def read_phrases(path: Path) -> dict[str, float]:
    """Phrases of a file, one a line; behind a tab what each word is worth. Raises: DataError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise DataError(f"{path}: cannot be read as text: {cause}") from cause
    found: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        phrase, _, worth = line.partition("\t")
        if line.strip():
            try:
                found[phrase.strip()] = float(worth or WORTH)
            except ValueError as cause:
                raise DataError(f"{path}, line {number}: {worth!r} is no number") from cause
    return found


@dataclass(slots=True)
class Node:
    """A phrase so far. given: what scores are higher by; kept: of it, if the phrase breaks off."""

    given: np.float32 = NOTHING
    kept: np.float32 = NOTHING
    after: dict[int, Node] = field(default_factory=dict)


class HotWords:
    """Labels of phrases as a tree; each word of a phrase is worth so many nats.

    What a phrase was given is taken back if it breaks off. A beginning that phrases share is worth
    what the first says.

    Raises: DataError for a phrase of no words, of one that is no label, or worth nothing.
    """

    def __init__(self, phrases: Mapping[str, float], labels: Sequence[str]) -> None:
        self.root = Node()
        known = {word: label for label, word in enumerate(labels) if label}
        for phrase, worth in phrases.items():
            words = phrase.split()
            if unknown := [word for word in words if word not in known]:
                raise DataError(f"hot words {phrase!r}: {unknown[0]} is not in the vocabulary")
            if not words or not 0 < worth <= MOST_WORTH:
                raise DataError(
                    f"hot words {phrase!r}, worth {worth:g}: need words, worth above 0 and at most "
                    f"{MOST_WORTH:g}"
                )
            node, each = self.root, np.float32(worth)
            for word in words:
                node = node.after.setdefault(known[word], Node(node.given + each, node.kept))
            node.kept = node.given

    def step(self, node: Node, label: int) -> tuple[Node, np.float32]:
        """Where a label leads from a node, and what the score changes by."""
        change = NOTHING
        if label not in node.after:
            change, node = self.left(node), self.root
        onward = node.after.get(label, self.root)
        change += onward.given - node.given
        return (onward if onward.after else self.root), change

    def left(self, node: Node) -> np.float32:
        """What the score changes by where the phrase breaks off."""
        return node.kept - node.given
