"""`edgernn type` as a person sees it: a child in a pseudo-terminal, and what its screen shows."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .screen import Terminal

SPELLING = "from tests.keyboard.spelling import run; run()"
RUN = [sys.executable, "-c", SPELLING, "type", "--no-capitals", "k.edgernn"]
HELP = "Tab accepts"


@pytest.fixture
def terminal(root: Path) -> Iterator[Terminal]:
    child = Terminal(RUN, root)
    child.shows(HELP)
    yield child
    if child.child.poll() is None:
        child.child.kill()
        child.ends()


def ended(terminal: Terminal, key: str = "\x04") -> str:
    """What is left on the screen after the end."""
    terminal.type(key)
    assert terminal.ends() == 0
    return str(terminal.screen)


def test_words_are_corrected_and_completed_as_they_are_typed(terminal: Terminal) -> None:
    terminal.type("teh")
    assert "corrected" not in terminal.shows("teh")
    terminal.type(" ")
    assert terminal.shows("corrected teh \u2192 the").startswith("the\n")
    terminal.type("hel")
    terminal.shows("hello ")
    terminal.type("\t")
    terminal.shows(lambda text: text.startswith("the hello\n"))
    terminal.type("he\x1b[C\t")  # the second completion
    terminal.shows(lambda text: text.startswith("the hello hello\n"))
    assert ended(terminal) == "the hello hello"


def test_earlier_words_that_change_are_told_to_be_revised(terminal: Terminal) -> None:
    terminal.type("ee ")
    terminal.shows("corrected ee \u2192 he")
    terminal.type("hel ")
    assert terminal.shows("revised he \u2192 see").startswith("see hel\n")


def test_a_correction_is_undone_and_its_word_kept(terminal: Terminal) -> None:
    terminal.type("cta ")
    terminal.shows("corrected cta")
    terminal.type("\x1a")
    terminal.shows(lambda text: text.startswith("cta\n") and "corrected" not in text)
    terminal.type("cta \x1a\x1a")
    terminal.shows(lambda text: text.startswith("cta cta\n"))
    assert ended(terminal, "\x03") == "cta cta"


def test_keys_are_taken_back_but_not_past_the_start(terminal: Terminal) -> None:
    terminal.type("teh ")
    terminal.shows("corrected")
    terminal.type("\x7f")
    terminal.shows(lambda text: text.startswith("teh\n"))
    terminal.type("\x7f" * 10 + "it")
    terminal.shows(lambda text: text.startswith("it\n"))
    assert ended(terminal) == "it"


def test_several_sentences_are_pasted_key_by_key(terminal: Terminal) -> None:
    terminal.paste("teh cta\rhelloworld\r\nsee\ncafe\u0301 \u732b \x00\x1b[31m 42 ")
    terminal.shows("^@^[[31m 42")
    assert str(terminal.screen).splitlines()[:3] == ["the cat", "hello world", "see"]
    terminal.type("\x04")
    assert terminal.ends() == 0
    end = "the cat\r\nhello world\r\nsee\r\ncafe\u0301 \u732b \x00\x1b[31m 42 \r\n"
    assert terminal.raw.endswith(end.encode())


def test_keys_without_a_meaning_do_nothing_and_bad_bytes_are_kept(terminal: Terminal) -> None:
    terminal.type("\x01\x1b[15~\x1b[3~it\t\t\x10")
    terminal.shows(lambda text: text.startswith("it "))
    terminal.type(b"\xff\x04")
    assert terminal.ends() == 0
    assert b"\xff\r\n" in terminal.raw[-8:]


def test_a_text_longer_than_the_screen_shows_its_end(terminal: Terminal) -> None:
    terminal.paste("the cat \U0001f600\u732b " * 90)
    terminal.type("hello")
    assert HELP in terminal.shows("hello\n")
    terminal.type("\x04")
    assert terminal.ends() == 0
    assert ("the cat \U0001f600\u732b " * 90 + "hello\r\n").encode() in terminal.raw


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_too(terminal: Terminal, number: signal.Signals) -> None:
    terminal.type("teh ")
    terminal.shows("corrected")
    os.kill(terminal.child.pid, number)
    assert terminal.ends() == 0
    assert str(terminal.screen) == "the"


def test_the_text_is_not_lost_with_the_terminal(root: Path, tmp_path: Path) -> None:
    child = Terminal(RUN, root, tmp_path / "text")
    child.shows(HELP)
    child.type("teh cta ")
    child.shows("corrected cta")
    os.close(child.master)
    child.child.wait(60)
    assert (tmp_path / "text").read_text() == "the cat \n"


def test_the_text_goes_to_a_file_while_the_editor_is_shown(root: Path, tmp_path: Path) -> None:
    child = Terminal(RUN, root, tmp_path / "text")
    child.shows(HELP)
    child.type("teh cta ")
    child.shows("corrected cta")
    child.type("\x04")
    assert child.ends() == 0
    assert (tmp_path / "text").read_text() == "the cat \n"


def test_without_words_to_edit_nothing_is_printed(terminal: Terminal) -> None:
    terminal.type("\t\x7f\x1a\x1b[A")
    assert ended(terminal) == ""
