"""Whatever is typed, nothing of it is lost: strangers, digits, what is taken back and undone."""

from __future__ import annotations

from functools import partial

import pytest

from edgernn.keyboard.decode import Keyboard, correctable
from edgernn.keyboard.encoding import ENTER
from edgernn.keyboard.layout import QWERTY
from edgernn.keyboard.own_words import OwnWords
from edgernn.keyboard.typing import Keystroke
from edgernn.keyboard.words import parted

from . import spelling
from .spelling import typed

keyboard = partial(spelling.keyboard, capitals=True)
hypothesis = pytest.importorskip("hypothesis")
given, settings, st = hypothesis.given, hypothesis.settings, hypothesis.strategies

KEYS = "etaoinshrdlu THE'-.,!?42\n"
SIGNS = "\u0301\u200d\ufe0f\u00a0\u2028\u3000\u202e\x00\x08\x1b\x7f\t\r\x1c\x85\ud800"
WORDS = "caf\u00e9\u00df\u0130\u732b\u0bb2\u0645\U0001f600\U0001f3fd"
CHARACTERS = st.one_of(st.sampled_from(KEYS), st.sampled_from(SIGNS + WORDS), st.characters())
TEXTS = st.text(CHARACTERS, max_size=40)
few = settings(max_examples=200, deadline=None)


def ends(text: str) -> list[str]:
    """Whatever is typed, in pieces that end with their space."""
    pieces, start = [], 0
    for at, char in enumerate(text, 1):
        if char.isspace():
            pieces.append(text[start:at])
            start = at
    return [*pieces, text[start:]]


@few
@given(TEXTS, st.integers(1, 4))
def test_what_cannot_be_corrected_is_kept_to_the_character(text: str, beam: int) -> None:
    kept = [one for one in ends(text) if not correctable(parted(one.strip())[1])]
    held = "".join(one if one in kept else " " * one.isspace() for one in ends(text))
    assert typed(keyboard(beam=beam), held + ENTER).text == held + ENTER


@few
@given(TEXTS, TEXTS)
def test_what_is_taken_back_leaves_the_text_before(before: str, after: str) -> None:
    board = keyboard()
    shown = typed(board, before)
    typed(board, after)
    for _ in after:
        now = board.back()
    assert not after or (now.text, now.typing) == (shown.text, shown.typing)
    assert typed(board, after) == typed(keyboard(), before + after) or not after


@few
@given(TEXTS)
def test_of_words_that_are_right_every_character_is_there(text: str) -> None:
    """Every word is kept on purpose, so none is corrected."""
    own = OwnWords()
    for one in text.split():
        own.keep(parted(one)[1])
    assert typed(keyboard(own=own), text).text == text
    assert typed(keyboard(own=own), text + ENTER).text == text + ENTER


@few
@given(TEXTS)
def test_the_open_run_is_as_typed_and_strangers_and_digits_stay(text: str) -> None:
    board, run = keyboard(), ""
    for char in text:
        shown = board.push(Keystroke(char))
        run = "" if char.isspace() else run + char
        assert shown.typing == run
        assert shown.text.endswith(run or char)
    read = typed(keyboard(), text + ENTER).text
    for char in set(text):
        if char.isdigit() or (char.isspace() and char != " ") or QWERTY.strangers(char):
            assert read.count(char) >= text.count(char)


@few
@given(TEXTS)
def test_all_can_be_taken_back_however_much_there_is(text: str) -> None:
    board = keyboard(beam=1)
    typed(board, text * 3)
    for _ in range(2 * len(text * 3) + 2):
        shown = board.back()
    assert (shown.text, shown.typing) == ("", "")


@few
@given(TEXTS)
def test_after_undoing_all_the_text_is_what_was_typed(text: str) -> None:
    board = keyboard()
    shown = typed(board, text)
    for _ in range(2 * len(text)):
        shown = board.undo()
    assert shown.text == text


def test_ten_thousand_characters_are_typed_and_none_is_lost() -> None:
    for line in ("a" + "!" * 5_000 + "a" * 4_999, "\U0001f600\u0301" * 5_000):
        board: Keyboard = keyboard(beam=1)
        assert typed(board, line + " ").text == line + " "
        assert line.endswith(board.back().typing)
