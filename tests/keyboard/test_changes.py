"""What a keystroke changed in the words of a text."""

from __future__ import annotations

import pytest

from edgernn.keyboard.changes import Change, changed


@pytest.mark.parametrize(
    ("was", "text", "change"),
    [
        ("the cat ", "the cat ", None),
        ("teh ", "the ", Change("teh", "the", 0)),
        ("see the cap sat ", "see the cat sat ", Change("cap", "cat", 8)),
        ("the cap sta ", "the cat sat ", Change("cap sta", "cat sat", 4)),
        ("it hel lo ", "it hello ", Change("hel lo", "hello", 3)),
        ("helloworld\n", "hello world\n", Change("helloworld", "hello world", 0)),
        ("the the the ", "the the ", Change("the", "", 8)),
    ],
)
def test_the_words_that_differ_are_told(was: str, text: str, change: Change | None) -> None:
    assert changed(was, text) == change
