"""The keyboard's loop over steps that spell by distance: what it corrects, revises and keeps."""

from __future__ import annotations

from math import inf, nan

import pytest

from edgernn.errors import DataError
from edgernn.keyboard.decode import ROOM, Guess, Keyboard
from edgernn.keyboard.encoding import FARTHEST, encode
from edgernn.keyboard.own_words import LONGEST, NEAREST, OwnWords
from edgernn.keyboard.search import Held
from edgernn.keyboard.typing import Keystroke
from edgernn.keyboard.writing import Run, written
from edgernn.single import F32

from .spelling import Words, keyboard, steps, typed


def test_slips_are_corrected_where_a_word_ends() -> None:
    board = keyboard()
    assert typed(board, "teh").text == "teh"
    shown = typed(board, " cta, ")
    assert shown.text == "the cat, "
    assert typed(board, "I see it.").text == "the cat, I see it."


def test_case_apostrophes_digits_and_other_scripts_stay() -> None:
    assert typed(keyboard(), "Teh CTA 42 don't i \u732b caf\u00e9 \U0001f600 ").text == (
        "The CAT 42 don't I \u732b caf\u00e9 \U0001f600 "
    )


def test_a_shift_held_too_long_is_mended_in_a_word_that_is_known() -> None:
    assert typed(keyboard(), "THe CAn DOn't THe's HEs ").text == "The Can Don't THe's HEs "


def test_words_that_are_not_corrected_stay_to_the_letter() -> None:
    line = "hEllo caT wOrld, "
    assert typed(keyboard(), line).text == line
    assert typed(keyboard(), "hEllp ").text == "hello "


def test_punctuation_within_a_word_that_a_space_parted_stays() -> None:
    held = (Held("hello", 4, F32(0)),)
    assert written([(), held], [Run("(Hel,", " "), Run("'lo).", " ")]) == "(Hello,'). "


def test_completions_are_words_that_begin_so() -> None:
    shown = typed(keyboard(suggestions=2), "He")
    assert [one.word for one in shown.completions] == ["He", "Hello"]
    assert shown.typing == "He"
    assert all(0 < one.share <= 1 for one in shown.completions)


def test_a_missed_space_is_put_in() -> None:
    assert typed(keyboard(), "helloworld ").text == "hello world "


def test_a_word_that_is_no_word_stays_and_so_does_one_typed_on_purpose() -> None:
    board = keyboard()
    assert typed(board, "xyzzyx ").text == "xyzzyx "
    assert typed(board, "cta ").text.endswith("cat ")
    board.keep("Cta")
    assert typed(board, "cta ").text.endswith("cta ")


def test_a_completion_takes_the_place_of_the_open_word() -> None:
    board = keyboard()
    typed(board, 'teh "hel')
    assert board.accept("hello").text == 'the "hello '
    assert board.accept("world").text == 'the "hello world '
    assert board.back().typing == "world"
    assert typed(board, " wor,").text == 'the "hello world wor,'
    assert board.accept("teh").text.endswith(" teh, ")


def test_what_is_accepted_is_not_corrected_unless_it_is_typed_anew() -> None:
    board = keyboard()
    assert board.accept("teh").text == "teh "
    assert board.back().text == "teh"
    assert typed(board, " ").text == "teh "
    board.back()
    board.back()
    assert typed(board, "h ").text == "the "
    with pytest.raises(DataError, match="word 'a b': need one, without spaces"):
        board.accept("a b")


def test_a_completion_takes_the_place_of_a_word_however_long() -> None:
    board = keyboard()
    typed(board, "teh " + "q" * 200)
    assert board.accept("hello").text == "the hello "
    for _ in range(10):
        shown = board.back()
    assert shown.text == ""


def test_an_accepted_word_is_told_to_what_tells_the_next() -> None:
    board, other = keyboard(), keyboard()
    typed(board, "hel")
    board.accept("hello")
    typed(other, "hello ")
    assert board.push(Keystroke("w")).completions == other.push(Keystroke("w")).completions
    assert board._now.readings[0].vector == other._now.readings[0].vector == 4


def test_the_last_correction_is_taken_back_and_its_word_kept() -> None:
    board = keyboard()
    typed(board, "teh cta, he")
    shown = board.undo()
    assert (shown.text, shown.typing) == ("the cta, he", "he")
    assert typed(board, "cta ").text == "the cta, hecta "
    assert typed(board, "cta ").text == "the cta, hecta cta "
    assert board.undo().text == "teh cta, hecta cta "
    assert board.undo().text == "teh cta, hecta cta "
    for _ in range(40):
        shown = board.back()
    assert shown.text == ""
    assert board.undo().text == ""


def test_what_was_accepted_stays_where_an_earlier_correction_is_taken_back() -> None:
    board = keyboard()
    typed(board, "cta he")
    assert board.accept("teh").text == "cat teh "
    assert board.undo().text == "cta teh "


def test_spaces_that_were_put_in_are_taken_back_too() -> None:
    board = keyboard()
    assert typed(board, "helloworld\nsee").text == "hello world\nsee"
    assert board.undo().text == "helloworld\nsee"


def test_own_words_are_completed_and_corrected_to() -> None:
    board = keyboard(own=OwnWords.of(["Anneliese"]))
    assert Guess("Anneliese", pytest.approx(1.0, abs=1)) in typed(board, "annel").completions
    assert typed(board, "eise ").text == "Anneliese "


def test_what_is_taken_back_is_as_if_it_had_never_been() -> None:
    board = keyboard()
    before = typed(board, "teh cta")
    after = typed(board, "x ")
    assert after.text != before.text
    board.back()
    assert board.back().text == before.text
    assert board.push(Keystroke(" ")) == typed(keyboard(), "teh cta ")
    for _ in range(20):
        shown = board.back()
    assert shown.text == ""
    assert board.back().text == ""


def test_what_is_taken_back_far_can_be_typed_on() -> None:
    board = keyboard()
    typed(board, "the hello " + "the cat " * 12)
    for _ in range(98):
        shown = board.back()
    assert (shown.text, shown.typing) == ("the hell", "hell")
    assert "hello" in [one.word for one in shown.completions]
    assert typed(board, "p ").text == "the hello "


def test_readings_are_told_of_every_word_that_ends() -> None:
    for end in " \n":
        (one, *_) = typed(keyboard(), f"teh cta{end}").readings
        assert one.word == "cat"
        assert 0 < one.share <= 1
    assert typed(keyboard(), "4x4, ").readings == (Guess("4x4,", 1.0),)


def test_a_long_line_loses_no_letter() -> None:
    line = "zq" * 100 + " " + "the cat " * 400
    assert typed(keyboard(beam=1), line).text == line


def test_what_there_is_no_room_for_stays_as_it_is_read() -> None:
    board = keyboard(margin=None)
    shown = typed(board, "cta " + "z" * (ROOM - 6) + "teh")
    assert shown.text == "cat " + "z" * (ROOM - 6) + "teh"
    assert shown.typing == "h"
    assert typed(board, " teh ").text == "cat " + "z" * (ROOM - 6) + "teh the "
    assert typed(board, " " * (ROOM + 9) + "cta ").text.endswith(" cat ")


def test_own_words_that_may_be_meant_are_the_nearest_few() -> None:
    own = OwnWords.of(f"ann{at:x}" for at in range(16))
    assert [word for word, _ in own.near("anne")][:3] == ["anne", "ann0", "ann1"]
    assert len(own.near("anne")) == NEAREST


def test_a_long_run_that_is_taken_back_far_goes_on_as_typed() -> None:
    board = keyboard(back=2)
    typed(board, "teh " + "q" * LONGEST + "cta")
    for _ in range(3):
        shown = board.back()
    assert shown.text == "the " + "q" * LONGEST
    assert typed(board, "cta ").text == "the " + "q" * LONGEST + "cta "


def test_bad_arguments_are_named() -> None:
    with pytest.raises(DataError, match="lacks the step keys, history"):
        Keyboard({"words": Words()})
    words = Words()
    words.labels = ("<typed>",)
    with pytest.raises(DataError, match="labels <typed>; need <typed>, words and <end>"):
        Keyboard({**steps(), "words": words})
    words.labels = ("<typed>", "the", "<end>")
    with pytest.raises(DataError, match="12 logits for 3 labels"):
        Keyboard({**steps(), "words": words}).push(Keystroke("t"))
    with pytest.raises(DataError, match="beam 0; need at least 1"):
        keyboard(beam=0)
    with pytest.raises(DataError, match="suggestions 0; need at least 1"):
        keyboard(suggestions=0)
    with pytest.raises(DataError, match="back 0; need at least 1"):
        keyboard(back=0)
    with pytest.raises(DataError, match="own word 'a b': need 1 to 32 letters"):
        OwnWords.of(["a b"])
    with pytest.raises(DataError, match="own word 'Ann': is there already"):
        OwnWords.of(["Ann", "Ann"])


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        (Keystroke("x", nan, 0), "'x': touch at .nan, 0.; need finite"),
        (Keystroke(" ", 0, -inf), "' ': touch at .0, -inf.; need finite"),
        (Keystroke(""), "'': need one character"),
        (Keystroke("th"), "'th': need one character"),
    ],
)
def test_a_keystroke_that_is_none_is_refused_and_changes_nothing(bad: Keystroke, line: str) -> None:
    board = keyboard()
    typed(board, "teh cta")
    with pytest.raises(DataError, match=line):
        board.push(bad)
    assert board.push(Keystroke(" ")) == typed(keyboard(), "teh cta ")
    board.back()
    assert board.back().text == "the ct"


def test_whatever_parts_words_is_heard_as_a_space() -> None:
    for char in "\t\r\u00a0\u3000":
        assert typed(keyboard(), f"teh{char}cta{char}").text == f"the{char}cat{char}"


def test_a_touch_outside_the_keyboard_is_taken_to_be_at_its_edge() -> None:
    far, edge = Keystroke("a", 1e300, -1e300), Keystroke("a", FARTHEST, -FARTHEST)
    assert (encode([far]) == encode([edge])).all()


def test_readings_come_in_the_order_of_their_shares() -> None:
    """Also one that waits for a word, so that the run stands as it was typed."""
    shown = typed(keyboard(), "helo ")
    shares = [one.share for one in shown.readings]
    assert shown.readings[0].word == "hello"
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


def test_a_margin_is_above_nothing() -> None:
    for margin in (0.0, -1.0, float("nan")):
        with pytest.raises(DataError, match=f"margin {margin}; need nats above 0, or none"):
            keyboard(margin=margin)


def test_listed_words_are_corrected_to() -> None:
    assert typed(keyboard(), "it Wroldly ").text == "it Worldly "


def test_no_capital_is_put_where_a_word_is_as_it_was_typed() -> None:
    own = OwnWords.of(["anneliese"])
    own.keep("cat")
    for line in ("anneliese ", "cat ", "hEllo ", "hello", "4x4 ", "xyzzyx ", "\u2014 the "):
        assert typed(keyboard(capitals=True, own=own), line).text == line
    assert keyboard(capitals=True).accept("hello").text == "hello "
    board = keyboard(capitals=True)
    assert typed(board, '"helloworld. teh ').text == '"Hello world. The '
    assert board.undo().text == '"Hello world. teh '
    long = "z" * (ROOM - 1)
    assert "the" in [one.word for one in typed(board, f"\n{long}he").completions]


def test_the_first_word_of_a_sentence_has_a_capital() -> None:
    text = "See it. The cat... he can!  It can. Xyzzyx see"
    assert typed(keyboard(capitals=True), f"{text.lower()} ").text == f"{text.replace('X', 'x')} "
    board = keyboard(capitals=True)
    assert typed(board, "it. ").completions[0].word == "It"
    assert typed(board, "c").completions[0].word == "Cat"
    assert typed(keyboard(), "see it. the ").text == "see it. the "


def test_the_first_word_of_a_line_has_a_capital() -> None:
    board = keyboard(capitals=True)
    assert typed(board, "c").completions[0].word == "Cat"
    assert typed(board, "at see\nthe cat\n").text == "Cat see\nThe cat\n"
    assert typed(keyboard(), "the cat\n").text == "the cat\n"
    own = OwnWords.of({"iPad": 9.0})
    assert typed(keyboard(capitals=True, own=own), "ipad ").text == "iPad "
    board = keyboard(capitals=True)
    assert typed(board, "the ").text == "The "
    assert board.undo().text == "the "  # a correction as any other
    assert typed(board, "cat\nthe ").text == "the cat\nthe "
