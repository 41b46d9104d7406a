"""A keyboard's saved state: it goes on with the same bits; what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgernn.backend import find_runner
from edgernn.keyboard.layout import BACKSPACE
from edgernn.keyboard.typing import Keystroke
from edgernn.target import find_target

from ..forged import (
    BAD_STATE,
    OK,
    OTHER_MODEL,
    OTHER_OPTIONS,
    OTHER_VERSION,
    damaged,
    forged,
    sealed,
)
from .test_c_loop import KEPT, OWN, Loop, built, compare, keystrokes, own, taught, twin

pytestmark = pytest.mark.cc
ROOM = len(OWN) + len(KEPT)


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loop, Loop]:
    """Two of one model."""
    loop = built(find_target("host"), tmp_path_factory.mktemp("toy"))
    return loop, Loop(loop.module, loop.pointer, loop.numbers)


@pytest.mark.parametrize(("beam", "back"), [(1, 3), (4, 64)])
def test_another_loop_goes_on_from_it_as_python_does(
    beam: int, back: int, loops: tuple[Loop, Loop]
) -> None:
    """Its keystrokes can be taken back, its own words are known."""
    first, second = loops
    keys = keystrokes(9, beam)
    for cut in (0, 1, 40, 333, 700):
        for each in (first, second):
            assert each.init(beam, 3, back, ROOM) == 0
        taught(first)
        board = twin(first, beam=beam, back=back, own=own())
        shown = compare(first, board, keys[:cut])
        second.add(b"other")
        for key in keys[300:360]:
            second.push(key)
        saved = first.save()
        assert second.restore(saved) == OK
        second.text = first.text
        assert second.save() == saved
        now = second.now()
        assert (now.text, now.typing) == (first.text, shown[-1].typing if shown else "")
        if shown:
            assert now.completions == shown[-1].completions
        taken = [Keystroke(BACKSPACE)] * 30
        compare(second, board, [*taken, *keys[cut : cut + 80]])
        assert first.save() == saved


def test_fewer_keystrokes_that_can_be_taken_back_take_less_room(loops: tuple[Loop, Loop]) -> None:
    """Behind them it is the last character of the text as it is read."""
    first, second = loops
    for each in (first, second):
        assert each.init(4, 3, 64, 0) == 0
    for char in "he sees teh cat ":
        first.push(Keystroke(char))
    sizes = [len(first.save(back)) for back in (0, 1, 5, 16, 64)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 4
    assert second.restore(first.save(2)) == OK
    second.text = first.text
    assert second.now() == first.now()
    for _ in range(3):
        shown = second.back()
    assert shown.text == first.text[: len(shown.text)]
    assert len(shown.text) == len(first.text) - 3
    assert second.push(Keystroke("x")).text == shown.text + "x"


def test_what_is_damaged_or_of_another_is_refused_and_changes_nothing(
    loops: tuple[Loop, Loop],
) -> None:
    first, second = loops
    for each in (first, second):
        assert each.init(4, 3, 5, ROOM) == 0
    taught(first)
    for key in keystrokes(2, 1)[:50]:
        first.push(key)
    for char in "the cat":
        second.push(Keystroke(char))
    saved, before = first.save(), second.save()
    for wrong in damaged(saved, 7):
        assert second.restore(wrong) in (BAD_STATE, OTHER_MODEL, OTHER_VERSION)
    assert second.restore(sealed(saved[:16] + b"\x09" + saved[17:])) == OTHER_MODEL
    for options in ((5, 3, 5, ROOM), (4, 2, 5, ROOM), (4, 3, 6, ROOM), (4, 3, 5, ROOM + 1)):
        assert first.init(*options) == 0
        assert second.restore(first.save()) == OTHER_OPTIONS
    assert second.save() == before
    assert second.kept_to_its_memory()


def test_numbers_that_cannot_be_never_leave_the_memory(loops: tuple[Loop, Loop]) -> None:
    first, second = loops
    for each in (first, second):
        assert each.init(4, 3, 4, ROOM) == 0
    taught(first)
    for char in "annelise (cta) herlad hel wrld teh \u00e9ta":
        first.push(Keystroke(char))
    saved, taken = first.save(), 0
    for made in forged(saved, 400):
        before = second.save()
        if second.restore(made):
            assert second.save() == before
            continue
        taken += 1
        second.text = first.text + " " * 5000
        second.now()
        for key in "s it" + BACKSPACE * 8 + "x wrld ":
            second.back() if key == BACKSPACE else second.push(Keystroke(key))
        assert second.kept_to_its_memory()
    assert 40 < taken < 380  # most numbers may be any


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["aarch64", "cortex-m7", "wasm"])
def test_it_goes_from_cpu_to_cpu(name: str, loops: tuple[Loop, Loop], tmp_path: Path) -> None:
    target = find_target(name)
    if missing := find_runner(target.runner).missing():
        pytest.skip(missing)
    first, there = loops[0], built(target, tmp_path)
    keys = keystrokes(2, 1)
    for each in (first, there):
        assert each.init(3, 2, 4, ROOM) == 0
    taught(first)
    board = twin(first, beam=3, suggestions=2, back=4, own=own())
    compare(first, board, keys[:40])
    assert there.restore(first.save()) == OK
    there.text = first.text
    compare(there, board, keys[40:80])
    assert first.restore(there.save()) == OK
    first.text = there.text
    compare(first, board, keys[80:120])
