"""What is offered before the first key of a line: words that lines begin with."""

from __future__ import annotations

import pytest

from edgernn.errors import DataError
from edgernn.keyboard.decode import Guess
from edgernn.keyboard.layout import BACKSPACE
from edgernn.keyboard.lexicon import first_words
from edgernn.keyboard.typing import Keystroke
from edgernn.keyboard.words import Vocabulary
from edgernn.models.keyboard import INFO
from edgernn.target import find_target

from .test_c_loop import FIRST, Loop, built, compare, twin

pytestmark = pytest.mark.cc


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return built(find_target("host"), tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize("capitals", [True, False])
def test_both_loops_offer_them_before_the_first_key_of_each_line(
    capitals: bool, loop: Loop
) -> None:
    assert loop.init(4, 3, 64, 0, not capitals) == 0
    board = twin(loop, capitals=capitals)
    shown = board.begin()
    assert loop.now() == shown
    words = [one.word for one in shown.completions]
    assert words == (["The", "I", "Can"] if capitals else ["the", "I", "can"])
    assert [one.share for one in shown.completions] == pytest.approx([0.3, 0.2, 0.1])
    for line in ("he sees\n", " ", BACKSPACE, "\n", "x", BACKSPACE * 2):
        found = compare(loop, board, map(Keystroke, line))
        if line not in (" ", "x"):
            assert [one.word for one in found[-1].completions] == words
    typed = compare(loop, board, map(Keystroke, "a ca"))
    assert not any(one.completions == shown.completions for one in typed)


def test_behind_a_line_s_end_that_is_taken_back_stands_what_stood_there(loop: Loop) -> None:
    """Also where more is taken back than is held; within a line nothing is offered so."""
    assert loop.init(2, 3, 2, 0) == 0
    board = twin(loop, beam=2, back=2)
    compare(loop, board, map(Keystroke, "he see\ncat" + BACKSPACE * 4 + "\n" + BACKSPACE * 7))
    assert [one.word for one in board.begin().completions] == ["The", "I", "Can"]


def test_as_many_are_offered_as_there_are(loop: Loop) -> None:
    assert loop.init(1, 16, 1, 0) == 0
    board = twin(loop, beam=1, suggestions=16, back=1)
    assert loop.now() == board.begin()
    assert len(board.begin().completions) == len(FIRST)


def test_an_accepted_one_begins_the_line(loop: Loop) -> None:
    assert loop.init(4, 3, 64, 0) == 0
    board = twin(loop)
    assert loop.accept(b"Can") == board.accept("Can")
    assert loop.text == "Can "


def test_words_that_are_no_labels_are_refused(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.keyboard.test_c_loop.Toy.first_words", {"zebra": 0.5})
    with pytest.raises(DataError, match="first words: 'zebra' is no label"):
        twin(loop)


def test_they_are_counted_in_texts_by_the_words_of_a_vocabulary() -> None:
    vocabulary = Vocabulary.of({"the": 3.0, "i": 2.0, "yes": 1.0}, 3, {"i": "I"})
    texts = ["I am.", "yes, i am", '"I do!"', "Zebras", "", "the"]
    assert first_words(texts, vocabulary, 2) == {"I": 0.4, "yes": 0.2}


def test_the_shipped_keyboard_has_some_and_all_are_labels() -> None:
    shares = list(INFO.first_words.values())
    assert len(shares) == 16
    assert shares == sorted(shares, reverse=True)
    assert set(INFO.first_words) <= set(INFO.labels[1:-1])
    assert sum(shares) < 1
    assert Guess("I", shares[0]).word == next(iter(INFO.first_words))
