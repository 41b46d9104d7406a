"""The keyboard's loop over steps that spell by distance: what it corrects, revises and keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgernn.errors import DataError
from edgernn.keyboard.decode import Guess, Keyboard, Shown
from edgernn.keyboard.encoding import INPUTS, KEYS
from edgernn.keyboard.own_words import OwnWords, distance
from edgernn.keyboard.typing import Keystroke

WORDS = ("the", "cat", "I", "hello", "world", "he", "can", "see", "it", "don't")
LABELS = ("<typed>", *WORDS, "<end>")
STRICT = 4.0  # nats that a slip costs the steps below


class Keys:
    """The keystroke itself."""

    labels = LABELS

    def reset(self) -> None:
        self.state: Any = ""

    def load_state(self, state: Any) -> None:
        self.state = state

    def step(self, x: Any) -> Any:
        return np.asarray(x, np.float32)


class History(Keys):
    """The last word's label."""

    def step(self, x: Any) -> Any:
        return np.asarray(x, np.float32)


class Words(Keys):
    """Logits by how far a word is from the letters since the last character that is none."""

    def step(self, x: Any) -> Any:
        vector, past = x[:INPUTS], int(x[INPUTS])
        known = ["?", " ", *KEYS][int(vector[:-3].argmax())]
        run = self.state
        if known != " ":
            self.state = run + known if known.isalpha() or known == "'" else run
            return self.logits(self.state, end=False)
        self.state = ""
        word = LABELS[past].lower()
        if past < len(LABELS) - 1 and run.startswith(word) and run != word:
            return self.logits(run[len(word) :], end=False)
        done = run.endswith(word) or distance(run, word, 2) <= 2
        return self.logits(run, end=past < len(LABELS) - 1 and done)

    def logits(self, run: str, *, end: bool) -> Any:
        away = [1 if run[3:] and run.startswith(w) else distance(run, w.lower(), 9) for w in WORDS]
        begun = [run != "" and word.lower().startswith(run) for word in WORDS]
        z = [
            -STRICT * (far / 9 if starts else far) for far, starts in zip(away, begun, strict=True)
        ]
        return np.array([-2.5 * STRICT, *z, 8.0 if end else -8.0], np.float32)


def keyboard(**how: Any) -> Keyboard:
    return Keyboard({"keys": Keys(), "history": History(), "words": Words()}, **how)


def typed(board: Keyboard, text: str) -> Shown:
    shown = Shown("")
    for character in text:
        shown = board.push(Keystroke(character))
    return shown


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


def test_a_long_line_loses_no_letter() -> None:
    line = "zq" * 100 + " " + "the cat " * 400
    assert typed(keyboard(beam=1), line).text == line


def test_bad_arguments_are_named() -> None:
    with pytest.raises(DataError, match="lacks the step keys, history"):
        Keyboard({"words": Words()})
    with pytest.raises(DataError, match="beam 0; need at least 1"):
        keyboard(beam=0)
    with pytest.raises(DataError, match="suggestions 0; need at least 1"):
        keyboard(suggestions=0)
    with pytest.raises(DataError, match="own word 'a b': need 1 to 32 letters"):
        OwnWords.of(["a b"])
    with pytest.raises(DataError, match="own word 'Ann': is there already"):
        OwnWords.of(["Ann", "Ann"])
