"""Words as a recogniser's labels; label 0 is the blank."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from edgernn.errors import DataError

BLANK = 0  # the label that says nothing
SHOWN = 8  # unknown words that an error tells


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a recogniser, in the order of their labels 1, 2, ...

    Raises: DataError for a word that is empty, holds a space, or comes twice.
    """

    words: tuple[str, ...]
    labels: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        odd = [word for word in self.words if not word or word.split() != [word]]
        twice = sorted({word for word in self.words if self.words.count(word) > 1})
        if odd or twice:
            raise DataError(f"vocabulary: {(odd or twice)[0]!r} is no word, or is there twice")
        labels = {word: label for label, word in enumerate(self.words, 1)}
        object.__setattr__(self, "labels", labels)

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """All words of some transcripts, sorted."""
        return cls(tuple(sorted({word for text in texts for word in text.split()})))

    def __len__(self) -> int:
        """How many classes there are, the blank among them."""
        return len(self.words) + 1

    def unknown(self, texts: Iterable[str]) -> list[str]:
        """The words of some transcripts that are not here, sorted."""
        return sorted({word for text in texts for word in text.split()} - self.labels.keys())

    def encode(self, text: str, *, leave_out: bool = False) -> list[int]:
        """The labels of a transcript; leave_out: of unknown words there are none.

        Raises: DataError naming the unknown words, unless they are left out.
        """
        missing = self.unknown([text])
        if missing and not leave_out:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            raise DataError(
                f"{text!r}: {', '.join(missing[:SHOWN])}{more} not in the vocabulary of "
                f"{len(self.words)} words"
            )
        return [self.labels[word] for word in text.split() if word in self.labels]

    def decode(self, labels: Sequence[int]) -> list[str]:
        """The words of labels, blanks left out."""
        return [self.words[label - 1] for label in labels if label]
