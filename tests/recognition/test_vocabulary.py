"""Words and labels are each other's inverse; unknown words are named, or left out when asked."""

from __future__ import annotations

import pytest

from edgernn.errors import DataError
from edgernn.recognition.vocabulary import Vocabulary

WORDS = Vocabulary.of(["GO FORWARD TEN METERS", "GO BACK"])


def test_labels_and_words() -> None:
    assert WORDS.words == ("BACK", "FORWARD", "GO", "METERS", "TEN")
    assert len(WORDS) == 6
    labels = WORDS.encode("GO TEN BACK")
    assert labels == [3, 5, 1]
    assert WORDS.decode([0, *labels, 0]) == ["GO", "TEN", "BACK"]
    assert WORDS.encode("") == []


def test_unknown_words_are_named_or_left_out() -> None:
    with pytest.raises(DataError, match=r"'GO UP NOW': NOW, UP not in the vocabulary of 5 words"):
        WORDS.encode("GO UP NOW")
    assert WORDS.encode("GO UP NOW", leave_out=True) == [3]
    assert WORDS.unknown(["GO UP", "NOW"]) == ["NOW", "UP"]
    with pytest.raises(DataError, match="and 2 more not in the vocabulary"):
        WORDS.encode("A B C D E F G H I J")


@pytest.mark.parametrize("words", [("A", ""), ("A", "B C"), ("A", "A")])
def test_what_is_no_vocabulary_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="is no word, or is there twice"):
        Vocabulary(words)
