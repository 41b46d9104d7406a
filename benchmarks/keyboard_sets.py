"""What `keyboard` measures on: samples of held-out text, the same for all systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.keyboard import Library
from edgernn.keyboard.corpora import SPLITS, frequencies, training_texts
from edgernn.keyboard.evaluation_sets import (
    Misspelling,
    misspellings,
    mistyped,
    sample,
    transcripts,
)
from edgernn.keyboard.metrics import Pair
from edgernn.keyboard.typing import Typed


@dataclass(frozen=True)
class Sets:
    """lines: the size of each sample. clean: text by title. misspelt: by list, wrong and right.

    mistyped: a line with so many of its characters wrong, the same each time.
    """

    lines: int
    library: Library
    spoken: Mapping[str, Sequence[str]]
    texts: Mapping[str, Sequence[str]]
    copied: Sequence[Pair]
    misspelt: Mapping[str, Sequence[Pair]]
    mistyped: Callable[[str, float, int], Typed]

    def dialogues(self, split: str) -> list[str]:
        """Turns of the workers of a split."""
        return sample(self.spoken[split], self.lines)

    def with_errors(self, rate: float, split: str = "test") -> list[Typed]:
        """The same turns, typed with errors."""
        turns = self.dialogues(split)
        return [self.mistyped(turn, rate, place) for place, turn in enumerate(turns)]

    def clean(self) -> dict[str, list[str]]:
        """Dialogues and other texts as they are."""
        some = {"dialogues": self.spoken["test"], **self.texts}
        return {title: sample(lines, self.lines) for title, lines in some.items()}

    def aalto(self) -> list[Pair]:
        """Sentences as people copied them from a screen, and as they stood there."""
        return sample(self.copied, self.lines)

    def misspellings(self, name: str) -> list[Pair]:
        """Words as they were misspelt, and as they are spelt."""
        return sample(self.misspelt[name], self.lines)


def sets(data: Path, lines: int) -> Sets:
    """All of them. Raises: DataError for a corpus that is absent or damaged."""
    spoken = {split: training_texts(data, split, ("self_dialogue",)) for split in SPLITS}
    copied = transcripts(data)
    shown = dict.fromkeys(one.sentence for one in copied)
    texts = {"WikiText-2": training_texts(data, "test", ("wikitext2",)), "Aalto": [*shown]}
    return Sets(
        lines,
        Library(spoken["train"], frequencies(data)),
        spoken,
        texts,
        [(one.typed, one.sentence) for one in copied],
        {name: _misspelt(some) for name, some in misspellings(data).items()},
        mistyped,
    )


def _misspelt(some: Sequence[Misspelling]) -> list[Pair]:
    """Pairs that differ in more than their capitals."""
    pairs = [(one.wrong, one.correct) for one in some]
    return [(wrong, right) for wrong, right in pairs if wrong.lower() != right.lower()]
