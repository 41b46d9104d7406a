"""A correction that is taken back in C is as Python has it, whenever and how often it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgernn.backend import find_runner
from edgernn.keyboard.typing import Keystroke
from edgernn.target import find_target

from .test_c_loop import FURTHER, KEPT, OWN, Loop, built, compare, keystrokes, own, taught, twin

pytestmark = pytest.mark.cc
ROOM = len(OWN) + len(KEPT) + 500


def misspelt(count: int, rng: np.random.Generator) -> list[Keystroke]:
    """Lines of listed and own words, most with another letter in a place: no slip comes again."""
    words, text = [word for word in (*FURTHER, *OWN) if 6 < len(word) < 20], ""
    for _ in range(count):
        word = str(rng.choice(words))
        at, letter = int(rng.integers(1, len(word))), chr(int(rng.integers(97, 123)))
        slip = word[:at] + letter + word[at + 1 :] if rng.random() < 0.7 else word
        text += f"{slip}{rng.choice([' ', ', ', ' ', chr(10)])}"
    return [*map(Keystroke, text)]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return built(find_target("host"), tmp_path_factory.mktemp("toy"))


@pytest.mark.parametrize(("beam", "back", "margin"), [(1, 30, 6.0), (4, 64, None), (4, 300, 6.0)])
def test_c_takes_back_what_python_takes_back(
    beam: int, back: int, margin: float | None, loop: Loop
) -> None:
    """With the keystrokes that follow, and several times in a row."""
    assert loop.init(beam, 3, back, ROOM, margin=margin or 0.0) == 0
    taught(loop)
    board = twin(loop, beam=beam, back=back, own=own(), margin=margin)
    rng, undone = np.random.default_rng(beam), [0, 0]
    keys = [*misspelt(60, rng), *keystrokes(8, beam), *misspelt(60, rng)]
    at = 0
    while at < len(keys):
        count = int(rng.integers(1, 60))
        compare(loop, board, keys[at : at + count])
        at += count
        for _ in range(int(rng.integers(1, 4))):
            before = board._now.text
            shown = board.undo()
            assert loop.undo() == shown, at
            assert loop.text == shown.text
            undone[shown.text != before] += 1
        if rng.random() < 0.2:
            assert board.accept("hello") == loop.accept(b"hello")
    assert loop.kept_to_its_memory()
    assert min(undone) > 3, undone


def test_without_a_correction_nothing_changes(loop: Loop) -> None:
    assert loop.init(4, 3, 64, 0) == 0
    board = twin(loop)
    assert loop.undo() == board.undo()
    compare(loop, board, map(Keystroke, "qu"))
    before = loop.save()
    assert loop.undo() == board.undo()
    assert loop.save() == before


def test_what_there_is_no_room_to_keep_is_taken_back_all_the_same(loop: Loop) -> None:
    assert loop.init(4, 3, 64, 0) == 0
    board = twin(loop)
    compare(loop, board, map(Keystroke, "hel wrld teh "))
    assert loop.undo() == board.undo()
    assert loop.text == board._now.text


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["cortex-m7", "wasm"])
def test_it_is_the_same_on_every_cpu(name: str, tmp_path: Path) -> None:
    target = find_target(name)
    if missing := find_runner(target.runner).missing():
        pytest.skip(missing)
    loop = built(target, tmp_path)
    assert loop.init(3, 2, 20, ROOM) == 0
    board = twin(loop, beam=3, suggestions=2, back=20)
    for at in range(0, 120, 30):
        compare(loop, board, keystrokes(2, 1)[at : at + 30])
        assert loop.undo() == board.undo()
