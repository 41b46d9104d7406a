"""Keys lie where they do on a phone, and whatever is asked of them has an answer."""

from __future__ import annotations

from string import printable

import numpy as np
import pytest

from edgernn.errors import DataError, UnknownName
from edgernn.keyboard.layout import AZERTY, BACKSPACE, PITCH, QWERTY, QWERTZ, STRANGER, Layout

LAYOUTS = pytest.mark.parametrize("layout", [QWERTY, QWERTZ, AZERTY], ids=lambda one: one.name)


@LAYOUTS
def test_all_of_ascii_can_be_typed(layout: Layout) -> None:
    assert layout.strangers(printable.rstrip("\t\n\r\x0b\x0c")) == []
    assert len(layout.characters) == len(set(layout.characters))


@LAYOUTS
def test_the_nearest_key_to_a_centre_is_its_own(layout: Layout) -> None:
    for key in layout.keys:
        assert layout.nearest(key.x, key.y, key.page) == key


def test_neighbours_are_those_around_a_key() -> None:
    around = {key.char for key in QWERTY.neighbours("g")}
    assert around == set("fhtyvcb")
    assert {key.char for key in QWERTY.neighbours("q")} == set("wa")
    assert {key.char for key in QWERTY.neighbours(" ")} >= set("cvbnm")
    assert "y" in {key.char for key in QWERTZ.neighbours("x")}


def test_shift_is_the_same_key() -> None:
    assert QWERTY.key("Q") is QWERTY.key("q")
    assert Layout("ß", (("ßa",),)).characters == " ,.Aaß"
    assert QWERTY.key(BACKSPACE).y == 2 * PITCH
    assert "Q" in QWERTY.characters
    assert BACKSPACE not in QWERTY.characters


def test_the_space_bar_is_hit_along_all_of_its_width() -> None:
    bar = QWERTY.key(" ")
    assert all(QWERTY.nearest(x, bar.y) == bar for x in np.linspace(2.1, 6.9, 20))


def test_touches_outside_the_keyboard_hit_the_nearest_key() -> None:
    assert QWERTY.nearest(-50, -1e300).char == "q"
    assert QWERTY.nearest(1e9, 0).char == "p"
    for point in ((np.nan, 0.0), (0.0, np.inf)):
        with pytest.raises(DataError, match=r"qwerty: touch at .*; need finite numbers"):
            QWERTY.nearest(*point)
    with pytest.raises(DataError, match="page 3; it has 0 to 2"):
        QWERTY.nearest(0, 0, 3)


def test_strangers_are_named_and_have_a_label_of_their_own() -> None:
    text = "a😀é\ud800я\x00 b"
    assert QWERTY.strangers(text) == sorted(set("😀é\ud800я\x00"))
    labels = QWERTY.labels(text)
    assert (labels == STRANGER).tolist() == [char not in "a b" for char in text]
    assert [QWERTY.characters[label - 1] for label in labels if label] == list("a b")
    assert len(QWERTY.labels("")) == 0
    with pytest.raises(UnknownName, match="unknown key of qwerty 'я'"):
        QWERTY.key("я")


def test_tables_that_are_no_keyboard_are_refused() -> None:
    with pytest.raises(DataError, match="'b' is on two keys"):
        Layout("odd", (("ab", "b"),))
    with pytest.raises(DataError, match="'qwertyuiopå' of 11 keys; need at most 10"):
        Layout("wide", (("qwertyuiopå",),))
