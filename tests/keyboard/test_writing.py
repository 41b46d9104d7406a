"""How runs are written as they are read: case and signs stay, whatever words they hold."""

from __future__ import annotations

import pytest

from edgernn.keyboard.search import Held
from edgernn.keyboard.writing import Run, written
from edgernn.single import F32


def made(typed: str, *words: str, first: bool = False) -> str:
    return written([[Held(word, 1, F32(0)) for word in words]], [Run(typed, " ", first)])


@pytest.mark.parametrize(
    ("typed", "words", "text"),
    [
        ("Hey,wgat", "hey what", "Hey, what"),
        ('song"Hotline', "song hotline", 'song "Hotline'),
        ('"yes"no.', "yes no", '"yes" no.'),
        ('(he,"said,yes)', "he said yes", '(he, "said, yes)'),
        ("exactlly.It", "exactly it", "exactly. It"),
        ("inParis!", "in Paris", "in Paris!"),
        ("JamalAdams", "Jamal Adams", "Jamal Adams"),
        ("THeCat", "the cat", "The Cat"),
        ("well-knwon", "well known", "well-known"),
        ("either/or.", "either or", "either/or."),
        ("well...maybe", "well maybe", "well...maybe"),
        ("example.com", "example com", "example.com"),
        ("don't(do)it", "don't do it", "don't (do) it"),
        ("thecat", "the cat", "the cat"),
    ],
)
def test_signs_and_capitals_within_a_run_stay_with_their_words(
    typed: str, words: str, text: str
) -> None:
    assert made(typed, *words.split()) == f"{text} "


def test_a_run_without_as_many_near_pieces_is_cased_as_a_whole() -> None:
    assert made("The,cat,sat", "the", "cat") == "The cat "
    assert made("iPhoneis", "iPhone", "is") == "iPhone is "
    assert made("Thec,at", "the", "cat") == "The, cat "
    assert made("sofar,c", "the", "cat") == "the cat "


def test_a_sentence_begins_with_a_capital() -> None:
    assert made("hey,what", "hey", "what", first=True) == "Hey, what "
    assert made("thecat", "the", "cat", first=True) == "The cat "
    assert made("then", "then", first=True) == "Then "
