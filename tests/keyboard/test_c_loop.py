"""The loop in C against the one in Python: toy steps, lines with slips, not a bit of difference."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.backend import Array, find_runner
from edgernn.c_loop import loop_sources
from edgernn.errors import DataError
from edgernn.keyboard import decode, encoding, own_words, search
from edgernn.keyboard.c_loop import (
    LOOP,
    MOST_BEAM,
    MOST_LABEL,
    MOST_OWN,
    MOST_SUGGESTIONS,
    SAVED,
    word_tables,
)
from edgernn.keyboard.decode import Guess, Keyboard, Revision, Shown
from edgernn.keyboard.encoding import INPUTS
from edgernn.keyboard.layout import BACKSPACE
from edgernn.keyboard.letters import begins_words, in_words, lower, upper
from edgernn.keyboard.own_words import OwnWords
from edgernn.keyboard.typing import Keystroke, Typist, plainly_typed
from edgernn.package import STREAMS
from edgernn.target import Target, find_target
from edgernn.toolchain import build_firmware, build_library, build_wasm, stub

from ..loops import outside_of_functions

pytestmark = pytest.mark.cc
LABELS = (
    *("<typed>", "the", "cat", "I", "it", "don't", "hello", "world", "he", "can", "see", "3d"),
    *("état", "naïve", "the", "r&b", "a", "of", "quarterback", "<end>"),  # one word is there twice
)
FURTHER = (
    *("hallo", "yesterday", "herald", "\u00c9cole", "\u00e9cran", "friendly", "letters", "iPhones"),
    *("movies", "y" * 31, "y" * 33, "y" * 34, "y" * 35, "received", "wold", "worlds", "hells"),
    *("then", "ten", "tea", "them", "thee", "tech", "teeth", "thaw", "theirs"),  # too many to take
    *("CAT", "Hallo", "English", "english", "Supercalifragilisticexpialidocious"),  # or twice
)
FIRST = {"I": 0.2, "the": 0.3, "can": 0.1, "hello": 0.1, "it": 0.07}
OWN = {"Anneliese": 4.0, "Zoë": 5.5, "cta": 0.3, "Gn00": 2.25, "kat": 4.0, "cat": 3.7, "猫": 1.0}
KEPT = ("Teh", "e-mail", "the", "x" * 40)
TEXTS = (
    "I don't know whether their friend received the letter yesterday.",
    "Yeah, it's a good movie! Have you seen the first one?",
    "We were in New York for 3 days (it rained), THEN home. 4x4 iPhone 3D The THE",
    "annel cta zo\u00eb gn00 teh kat cat TEH e-mail Annelise \u732b \u00c9tat",
    "caf\u00e9 \U0001f600 \u201cteh\u201d \u2014 \u732b \U0001f1e6 \u0301 \u00b5 \ufffd",
    "Halo yestreday herlad ecole frendly leters iphone movis recieved wolds hell \u00e9cole",
    f"{'y' * 30} {'y' * 32} {'y' * 31}x supercalifragilisticexpialidocio",
    "thn englihs \u00c9CRNA \u00e9coel Cat, thhe the tehh",
    "\x01\x1c \x85 a\xa0b \x7f\t\r\u2003c\u200bd \u3000",
    "THe TVs tVs CAT's movies's then-tea's yesterday-herlad -then tea- tea--ten 's",
    '\u00c9COLE-\u00e9cran\'s \u00c9Cole hello,world helloWorld "the"cat the"cat hello.It',
    "hello.it the-cat the/cat the...cat the,(cat the).cat d,cat heCAT",
)
GUARD = bytes(range(64))
EXPORTS = (
    *("toy_back", "toy_accept", "toy_add", "toy_keep", "toy_length", "toy_letters", "toy_now"),
    *("toy_undo", "toy_save", "toy_restore", "edgernn_keyboard_saved_bytes"),
)


class Numbers:
    """What the toy steps add. ties: whole numbers without a past, so that many are equal."""

    def __init__(self, *, ties: bool) -> None:
        rng = np.random.default_rng(3)
        keys, labels = (
            rng.normal(0, 1.5, (INPUTS - 3, len(LABELS))),
            rng.normal(0, 1, (18 + 2,) * 2),
        )
        assert labels.shape == (len(LABELS),) * 2
        keys[:, -1] -= 1
        self.share = np.float32(0 if ties else 0.5)
        self.keys = (np.round(keys) if ties else keys).astype(np.float32)
        self.labels = (np.round(labels) if ties else labels).astype(np.float32)

    def header(self) -> str:
        return "\n".join(
            [
                "#include <stdint.h>",
                f"#define LABELS {len(LABELS)}",
                f"#define INPUTS {INPUTS}",
                f"#define FIRST_COUNT {len(FIRST)}",
                f"#define SHARE {float(self.share)}f",
                f"#define SLIP {search.SLIP}f",
                f"#define STRANGE {search.STRANGE}f",
                f"#define LISTED {search.LISTED}f",
                f"static const float key_rows[][LABELS] = {{{_rows(self.keys)}}};",
                f"static const float label_rows[][LABELS] = {{{_rows(self.labels)}}};",
                *word_tables(LABELS, FURTHER, FIRST),
            ]
        )


def _rows(rows: Array) -> str:
    return ", ".join("{" + ", ".join(f"{float(x).hex()}f" for x in row) + "}" for row in rows)


class Toy:
    """The steps of toy.c in a session's clothes."""

    labels, further_words, first_words = LABELS, FURTHER, FIRST

    def __init__(self, name: str, numbers: Numbers) -> None:
        self.name, self.numbers = name, numbers
        self.reset()

    def reset(self) -> None:
        self.state = np.zeros(len(LABELS), np.float32)

    def load_state(self, state: Array) -> None:
        self.state = state

    def step(self, x: Array) -> Array:
        if self.name == "words":
            given, past = np.split(x, 2)
            self.state = self.numbers.share * self.state + given
            return np.asarray(self.state + past)
        before = self.numbers.share * self.state
        if self.name == "history":
            self.state = before + self.numbers.labels[int(x[0])]
            return self.state
        row = x.ravel()
        touched = row[-2] * (np.arange(len(LABELS)) % 3).astype(np.float32)
        self.state = before + self.numbers.keys[int(row[:-3].argmax())] + row[-3] + touched
        return self.state


class Loop:
    """The C, wherever it is loaded."""

    def __init__(self, module: Any, pointer: str, numbers: Numbers) -> None:
        self.module, self.pointer, self.numbers = module, pointer, numbers
        pad = "4x" if pointer == "Q" else ""
        self.shown_form = struct.Struct(f"<I{pad}{pointer * 4}II{pointer * 2}")
        self.guess_form = struct.Struct(f"<{pointer}f{pad}")
        self.state = module.alloc(module.call("toy_state_size"))
        self.place, self.given = module.alloc(128), module.alloc(1 << 16)

    def init(self, *options: int, margin: float = search.MARGIN, lacking: int = 0) -> int:
        """options: beam, suggestions, back, own, and 1 for no capitals."""
        self._give(struct.pack("<5If", *options, *[0] * (5 - len(options)), margin))
        nbytes = self.module.call("toy_scratch_size", self.given)
        assert nbytes > 0  # macro and function agree
        memory = self.module.alloc(nbytes + len(GUARD))
        self.module.write(memory, b"\xa5" * nbytes + GUARD)
        self.guard, self.text = memory + nbytes, ""
        return int(self.module.call("toy_init", self.state, self.given, memory, nbytes - lacking))

    def kept_to_its_memory(self) -> bool:
        return bool(self.module.read(self.guard, len(GUARD)) == GUARD)

    def push(self, key: Keystroke) -> Shown:
        self._give(struct.pack("<Iff", ord(key.char), key.dx, key.dy))
        self.module.call("toy_step", self.state, self.given, self.place)
        return self._shown()

    def back(self) -> Shown:
        self._give(self.text.encode() + b"\0")
        self.module.call("toy_back", self.state, self.given, self.place)
        return self._shown()

    def accept(self, word: bytes) -> Shown | None:
        """None if it is refused."""
        self._give(word + b"\0")
        refused = self.module.call("toy_accept", self.state, self.given, self.place)
        return None if refused else self._shown()

    def now(self) -> Shown:
        """What is shown of the text as it stands."""
        self.module.call("toy_now", self.state, self.place)
        return self._shown()

    def undo(self) -> Shown:
        self.module.call("toy_undo", self.state, self.place)
        return self._shown()

    def save(self, back: int = 2**32 - 1) -> bytes:
        room = self.module.call("edgernn_keyboard_saved_bytes", self.state, back)
        place = self.module.alloc(room)
        assert self.module.call("toy_save", self.state, back, place, room) == 0
        return bytes(self.module.read(place, room))

    def restore(self, saved: bytes) -> int:
        place = self.module.alloc(len(saved))
        self.module.write(place, saved)
        return int(self.module.call("toy_restore", self.state, place, len(saved)))

    def begin(self) -> None:
        self.module.call("toy_reset", self.state)
        self.text = ""

    def add(self, word: bytes, worth: float = own_words.WORTH) -> int:
        self._give(struct.pack("<f", worth) + word + b"\0")
        return int(self.module.call("toy_add", self.state, self.given + 4, self.given))

    def keep(self, word: bytes) -> int:
        self._give(word + b"\0")
        return int(self.module.call("toy_keep", self.state, self.given))

    def _give(self, data: bytes) -> None:
        self.module.write(self.given, data)

    def _shown(self) -> Shown:
        data = self.module.read(self.place, self.shown_form.size)
        erased, put, typing, *lists, before, after = self.shown_form.unpack(data)
        assert erased <= len(self.text)
        self.text = self.text[: len(self.text) - erased] + self._read(put)
        completions, readings = (
            self._guesses(*one) for one in zip(lists[:2], lists[2:], strict=True)
        )
        revised = Revision(self._read(before), self._read(after)) if before else None
        return Shown(self.text, self._read(typing), completions, readings, revised)

    def _guesses(self, at: int, count: int) -> tuple[Guess, ...]:
        data = self.module.read(at, count * self.guess_form.size)
        return tuple(Guess(self._read(text), x) for text, x in self.guess_form.iter_unpack(data))

    def _read(self, at: int) -> str:
        data: bytes = self.module.read(at, self.module.call("toy_length", at))
        return data.decode()


def built(target: Target, folder: Path, *, ties: bool = False) -> Loop:
    numbers = Numbers(ties=ties)
    files = {
        **loop_sources("keyboard", (*LOOP, *SAVED)),
        **{name: stub(f"streams/{name}") for name in STREAMS},
        "toy.c": (Path(__file__).parent / "toy.c").read_text(),
        "toy.h": numbers.header(),
    }
    build: Any = build_wasm if target.kind == "wasm" else build_library
    if target.kind == "firmware":
        build, files["toy.h"] = build_firmware, files["toy.h"] + "#define TOY_MAIN\n"
    path = build(files, target, folder, name="toy", exports=EXPORTS)
    module = find_runner(target.runner).load(path.read_bytes(), target)
    return Loop(module, "Q" if target.kind == "library" else "I", numbers)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return built(find_target("host"), tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return built(find_target("host"), tmp_path_factory.mktemp("tied"), ties=True)


def twin(loop: Loop, **options: Any) -> Keyboard:
    sessions = {name: Toy(name, loop.numbers) for name in decode.STEPS}
    return Keyboard(sessions, **options)


def own() -> OwnWords:
    words = OwnWords.of(OWN)
    for word in KEPT:
        words.keep(word)
    return words


def taught(loop: Loop) -> None:
    assert [loop.add(word.encode(), worth) for word, worth in OWN.items()] == [0] * len(OWN)
    assert [loop.keep(word.encode()) for word in KEPT] == [0] * len(KEPT)


def keystrokes(count: int, seed: int) -> list[Keystroke]:
    """Lines with slips, some ended, some taken back in part; now and then a very long run."""
    rng, typist, keys = np.random.default_rng(seed), Typist(), list[Keystroke]()
    for at in range(count):
        keys += typist.typed(TEXTS[at % len(TEXTS)], rng).keystrokes()
        keys += [Keystroke("\n" if rng.random() < 0.3 else " ")] * int(rng.integers(1, 4))
        keys += [Keystroke(BACKSPACE)] * int(rng.integers(0, 3) * rng.integers(0, 50))
        if at % 7 == 3:
            keys += [Keystroke("x") if at % 2 else Keystroke(" ")] * 600
    return keys


def compare(loop: Loop, board: Keyboard, keys: Iterable[Keystroke]) -> list[Shown]:
    """Texts, completions, readings, shares and revisions are equal; all that was shown."""
    found = []
    for at, key in enumerate(keys):
        back = key.char == BACKSPACE
        shown = board.back() if back else board.push(key)
        assert (loop.back() if back else loop.push(key)) == shown, at
        found.append(shown)
    assert loop.kept_to_its_memory()
    return found


@pytest.mark.parametrize(("beam", "margin"), [(1, 6.0), (2, 0.5), (4, 6.0), (4, None), (7, 2.0)])
@pytest.mark.parametrize("ties", [False, True])
def test_c_shows_python_s_texts_and_shares_to_the_bit(
    beam: int, margin: float | None, ties: bool, loop: Loop, tied: Loop
) -> None:
    chosen = tied if ties else loop
    assert chosen.init(beam, 3, decode.BACK, len(OWN) + len(KEPT), margin=margin or 0.0) == 0
    taught(chosen)
    board = twin(chosen, beam=beam, own=own(), margin=margin)
    found = compare(chosen, board, keystrokes(len(TEXTS) + 7, beam))
    assert len(found) > 500
    assert max(len(one.completions) for one in found) == 3
    assert {guess.word for one in found for guess in one.readings} & set(FURTHER)
    if margin is None:
        assert any(one.revised for one in found)
        assert max(len(one.readings) for one in found) > 1


def test_a_margin_drops_readings_in_both(loop: Loop) -> None:
    counts = []
    for margin in (None, 1.0):
        assert loop.init(4, 3, decode.BACK, 0, margin=margin or 0.0) == 0
        found = compare(loop, twin(loop, margin=margin), keystrokes(13, 4))
        counts.append(sum(len(one.readings) for one in found))
    assert counts[1] < counts[0]


def test_lines_begin_with_capitals_or_not_in_both(loop: Loop) -> None:
    lines = "the\ncat sees\nit\nof a\nquarterback\n don't\nherald\n\u00e9tat\nmovies hello\nthe"
    keys = [*map(Keystroke, lines), *keystrokes(4, 1), *[Keystroke(BACKSPACE)] * 90]
    texts = []
    for capitals in (True, False):
        assert loop.init(4, 3, decode.BACK, 0, not capitals) == 0
        texts.append([one.text for one in compare(loop, twin(loop, capitals=capitals), keys)])
    assert texts[0] != texts[1]


def test_ties_are_in_the_order_of_the_labels(tied: Loop) -> None:
    assert tied.init(3, 16, 2, 0) == 0
    shown = compare(tied, twin(tied, beam=3, suggestions=16, back=2), map(Keystroke, "ab cd"))
    shares = [[guess.share for guess in one.completions] for one in shown]
    assert all(len(set(some)) < len(some) == 16 for some in shares)


def test_words_that_come_later_are_heard_from_then_on(loop: Loop) -> None:
    assert loop.init(4, 3, 64, 3) == 0
    board = twin(loop)
    for word in ("Anneliese", "\u00c9tienne"):
        board.own.add(word)
        assert loop.add(word.encode()) == 0
        compare(loop, board, plainly_typed("annelise anneleise \u00e9t x").keystrokes())
    board.keep("ANNELISE")
    assert loop.keep(b"ANNELISE") == 0
    compare(loop, board, plainly_typed("annelise etienne annelise ").keystrokes())
    assert loop.keep(b"annelise") == 0  # kept already: needs no room
    assert loop.keep(b"other") == loop.add(b"other") == -1
    board.begin()
    loop.begin()
    compare(loop, board, plainly_typed("anneliese annelise ").keystrokes())


@pytest.mark.parametrize(
    "line",
    ["zq" * 5000, "the cat " * 1250, " " * 10_000, "(((a)))' " * 1000, "\U0001f600\u00e9 " * 3000],
    ids=["a run", "words", "spaces", "signs", "strangers"],
)
@pytest.mark.slow
def test_lines_of_ten_thousand_characters(line: str, loop: Loop) -> None:
    assert loop.init(1, 1, 4, 0) == 0
    keys = [*map(Keystroke, line), *[Keystroke(BACKSPACE)] * 9, *map(Keystroke, "teh cat\n")]
    found = compare(loop, twin(loop, beam=1, suggestions=1, back=4), keys)
    assert max(len(one.typing.encode()) for one in found) <= decode.ROOM


@pytest.mark.emulator
@pytest.mark.parametrize("name", ["aarch64", "cortex-m7", "wasm"])
def test_every_cpu_shows_the_same(name: str, tmp_path: Path) -> None:
    target = find_target(name)
    if missing := find_runner(target.runner).missing():
        pytest.skip(missing)
    loop = built(target, tmp_path)
    assert loop.init(3, 2, 4, len(OWN) + len(KEPT)) == 0
    taught(loop)
    board = twin(loop, beam=3, suggestions=2, back=4, own=own())
    compare(loop, board, keystrokes(2, 1)[:150])


def test_more_is_taken_back_than_is_held(loop: Loop) -> None:
    assert loop.init(2, 3, 5, 0) == 0
    board = twin(loop, beam=2, back=5)
    found = compare(loop, board, map(Keystroke, "teh cta \u732b sat" + BACKSPACE * 30 + "no go "))
    assert [one.text for one in found].count("") >= 10
    for line in ("\n  hel world" + BACKSPACE * 7 + "l ", "\nhel lo" + BACKSPACE * 5 + "l cta "):
        compare(loop, board, map(Keystroke, line))


@pytest.mark.parametrize("back", [3, 64])
def test_a_completion_takes_the_place_of_the_open_word_in_both(back: int, loop: Loop) -> None:
    assert loop.init(4, 3, back, len(OWN) + len(KEPT)) == 0
    taught(loop)
    board = twin(loop, back=back, own=own())
    found = []
    for line in (
        "teh cta",
        '"hel,',
        "",
        "\u00e9ta" + BACKSPACE,
        "x" * 600,
        "e\n he",
        BACKSPACE * 9,
    ):
        compare(loop, board, map(Keystroke, line))
        for word in ("hello", "\u00c9tat", "teh!", "\u732b" * 42):
            found.append(board.accept(word))
            assert loop.accept(word.encode()) == found[-1]
            compare(loop, board, map(Keystroke, "cta" if len(word) > 4 else BACKSPACE * 2))
    assert all(one.text.endswith(" ") and not one.typing for one in found)
    for bad in ("", "a b", "\u3000", "x" * (MOST_LABEL + 1)):
        assert loop.accept(bad.encode()) is None
    assert loop.accept(b"\xff") is None
    compare(loop, board, map(Keystroke, "teh "))


def test_memory_and_options_that_cannot_be_are_refused(loop: Loop) -> None:
    assert loop.init(4, 3, 8, 2, lacking=1) == -1
    assert loop.init(MOST_BEAM, MOST_SUGGESTIONS, 1, 0) == 0
    assert loop.init(MOST_BEAM + 1, 1, 1, 0) == loop.init(1, MOST_SUGGESTIONS + 1, 1, 0) == -1
    assert loop.init(0, 1, 1, 0) == loop.init(1, 0, 1, 0) == loop.init(1, 1, 0, 0) == -1
    assert loop.init(1, 1, 1, MOST_OWN + 1) == -1
    assert loop.module.call("toy_init", loop.state, loop.given, loop.state + 4, 1 << 20) == -1


@pytest.mark.parametrize(
    "word", ["", "a b", "e-mail", "x" * 33, "cat", "\u2014", "\u00e9" * 33, "x\u3000"]
)
def test_own_words_that_cannot_be_are_refused_in_both(word: str, loop: Loop) -> None:
    assert loop.init(1, 1, 1, 9) == 0
    assert loop.add(b"cat") == loop.add(("\U00020000" * 32).encode()) == 0
    assert loop.add(word.encode()) == -1
    with pytest.raises(DataError, match="own word"):
        OwnWords.of(["cat"]).add(word)


@pytest.mark.parametrize(
    "word", [b"\xff", b"a\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"]
)
def test_what_is_no_utf_8_is_refused(word: bytes, loop: Loop) -> None:
    assert loop.init(1, 1, 1, 9) == 0
    assert loop.add(word) == loop.keep(word) == -1


def test_what_is_no_character_is_read_as_its_replacement(loop: Loop) -> None:
    texts = []
    for character in (0, 0xD800, 0x110000, 0xFFFFFFFF):
        assert loop.init(1, 1, 1, 0) == 0
        loop.module.write(loop.given, struct.pack("<Iff", character, 0, 0))
        loop.module.call("toy_step", loop.state, loop.given, loop.place)
        texts.append(loop._shown())
    board = twin(loop, beam=1, suggestions=1)
    assert texts == [board.push(Keystroke("\ufffd"))] * 4


def test_touches_outside_are_at_the_edge_and_at_no_number_in_the_middle(loop: Loop) -> None:
    assert loop.init(1, 3, 9, 0) == 0
    board = twin(loop, beam=1)
    far = [Keystroke("t", 9.5, -inf), Keystroke("h", -1e30, inf), Keystroke("e", nan, nan)]
    edge = [Keystroke("t", 5, -5), Keystroke("h", -5, 5), Keystroke("e")]
    assert [loop.push(key) for key in far] == [board.push(key) for key in edge]


def test_letters_signs_and_spaces_are_python_s(loop: Loop) -> None:
    size = 1 << 14
    place = loop.module.alloc(20 * size)
    for first in (*range(0, 0x20000, size), 0x110000 - size):
        loop.module.call("toy_letters", first, size, place)
        found = np.frombuffer(loop.module.read(place, 20 * size), np.uint32).reshape(-1, 5)
        want = [
            (
                *(char.isspace(), in_words(char), begins_words(char)),
                *(ord(lower(char)), ord(upper(char))),
            )
            for char in map(chr, range(first, first + size))
        ]
        np.testing.assert_array_equal(found, np.array(want, np.uint32))


def test_the_numbers_of_the_header_are_python_s() -> None:
    text = loop_sources("keyboard", LOOP)["keyboard.h"]
    numbers = {
        "LAG": search.LAG,
        "MOST": search.MOST,
        "ROOM": decode.ROOM,
        "LONGEST": own_words.LONGEST,
        "NEAREST": own_words.NEAREST,
        "POOL": search.POOL,
        "LABEL": MOST_LABEL,
        "MOST_BEAM": MOST_BEAM,
        "MOST_SUGGESTIONS": MOST_SUGGESTIONS,
        "MOST_OWN": MOST_OWN,
        "FARTHEST": encoding.FARTHEST,
    }
    found = dict(re.findall(r"#define EDGERNN_KEYBOARD_(\w+) ([\d.]+)[uf]", text))
    assert found == {name: str(number) for name, number in numbers.items()}


def test_the_loop_calls_no_library_and_has_no_variables() -> None:
    outside = outside_of_functions(loop_sources("keyboard", LOOP))
    assert all(line.startswith("static const uint32_t ") for line in outside)
