"""The C around a keyboard's compiled steps: what is written, what is refused, what is read back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.bundle import Bundle, open_bundle
from edgernn.c_loop import loop_sources
from edgernn.device import find_device
from edgernn.errors import EdgernnError, ToolError
from edgernn.exporting import export
from edgernn.keyboard.c_loop import LOOP, keyboard_files
from edgernn.keyboard.decode import Guess, Keyboard, Revision, Shown
from edgernn.keyboard.encoding import INPUTS
from edgernn.keyboard.layout import BACKSPACE, UNDO
from edgernn.keyboard.own_words import OwnWords
from edgernn.keyboard.program import build, parsed, shown, sources
from edgernn.keyboard.search import LISTED, SLIP, STRANGE
from edgernn.keyboard.typing import Keystroke, Typist
from edgernn.loops import embedded_files
from edgernn.runtime import open_steps
from edgernn.step_code import step_code

from .. import loops

SHAPES = {  # step: input, output
    "keys": ([1, 1, INPUTS], [1, 1, 6]),
    "history": ([1, 1], [1, 1, 5]),
    "words": ([1, 1, 11], [1, 1, 4]),
}
MINE = """
import numpy as np
import torch
from edgernn.model import ModelInfo
from edgernn.models.keyboard import INFO as WHOLE
from edgernn.models.keyboard.network import decoder, examples

INFO = ModelInfo(
    labels=("<typed>", *WHOLE.labels[1:60], "<end>"), further_words=WHOLE.labels[60:900]
)
SIZES = dict(embed=6, channels=8, hidden=10, word=5, past=7, joint=6, left=4, common=40)


def build():
    torch.manual_seed(0)
    made = decoder(**SIZES, labels=len(INFO.labels))
    with torch.no_grad():
        for name, weights in made.words.output.named_parameters():
            weights *= 8 if "weight" in name else 1
    return {"keys": made.keys, "history": made.history, "words": made.words}


def fed(steps, streams):
    given = {"keys": list(streams), "history": [], "words": []}
    rng = np.random.default_rng(0)
    for stream in streams:
        before = torch.from_numpy(rng.integers(0, len(INFO.labels), stream.shape[:2]))
        with torch.no_grad():
            pressed = steps["keys"](torch.from_numpy(stream))
            both = torch.cat([pressed, steps["history"](before)], dim=2)
        given["history"].append(before.numpy())
        given["words"].append(both.numpy())
    return given
"""


def step(name: str) -> dict[str, Any]:
    return loops.step(name, *SHAPES[name], "int64" if name == "history" else "float32")


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A keyboard whose C is a comment."""
    labels = ["<typed>", 'a"?', "\u00e9", "<end>"]
    steps = {name: step(name) for name in SHAPES}
    further = ["be", "\u00c9a", "B", 'A"?', "\u00e9b"]  # one is a label
    return loops.bundle_of(tmp_path, "thumbs", labels, steps, frame_ms=1.0, further_words=further)


def test_a_folder_holds_all_that_is_built(bundle: Bundle) -> None:
    made = embedded_files(bundle, step_code(bundle, "chip"))
    names = {f"{name}.{end}" for name in SHAPES for end in "ch"}
    names |= {*loop_sources("keyboard", LOOP), "keyboard_model.h", "keyboard_model.c"}
    assert made.keys() == names
    model = made["keyboard_model.c"]
    for line in (
        ".pressed = 6u",
        ".past = 5u",
        ".labels = 4u",
        f".slip = {SLIP}f",
        f".strange = {STRANGE}f",
        f".listed = {LISTED}f",
        ".history = {EDGERNN_STEP(HISTORY, history)}",
        r'"a\042\077\000"',
        r'"\303\251\000"',
        "starts[5] = {\n    0, 8, 12, 15, 21,",
        r'"\303\211a\000"',
        "further_firsts[2] = {\n    233, 98,",
        "further_starts[3] = {\n    0, 8, 13,",
        ".further_letters = sizeof further_firsts / sizeof *further_firsts",
    ):
        assert line in model
    header = made["keyboard_model.h"]
    # scratch, a state of words, a row, both vectors, logits; states of keys and words; of history
    once = 48 + 32 + -(-4 * INPUTS // 16) * 16 + 48 + 16
    assert f"beam, suggestions, back, own, {once}u, {32 + 32}u, {32 + 32}u, {32}u)" in header


def test_options_and_words_reach_the_program(bundle: Bundle) -> None:
    own = OwnWords.of({"Zo\u00eb": 2.5})
    own.keep("Teh")
    header = sources(bundle, "chip", beam=2, suggestions=5, back=8, own=own, capitals=False)[
        "type.h"
    ]
    for line in (
        "#define BEAM 2u",
        "#define SUGGESTIONS 5u",
        "#define BACK 8u",
        "#define OWN 2u",
        "#define NO_CAPITALS 1u",
        "#define MARGIN 0x1.8000000000000p+2f",
        r'edgernn_keyboard_add(k, "Zo\303\253", 0x1.4000000000000p+1f)',
        'edgernn_keyboard_keep(k, "teh")',
    ):
        assert line in header


def test_what_is_shown_is_read_back() -> None:
    lines = ["shown 0 .7a .7a 1 0x3f000000 .c3a9 0", "shown 1 . . 0 1 0x3f800000 .61 .62 ."]
    assert list(parsed(lines)) == [
        Shown("z", "z", (Guess("\u00e9", 0.5),)),
        Shown("", "", (), (Guess("a", 1.0),), Revision("b", "")),
    ]
    for line in (
        *(
            "",
            "fault",
            "shown 1 . . 0 0",
            "shown 0 7a . 0 0",
            "shown 0 . . 1 0",
            "shown 0 .f . 0 0",
        ),
        *("shown 0 . . 1 0x1ffffffff .61 0", "shown 0 . . 0 0 .61", "show 0 . . 0 0"),
    ):
        with pytest.raises(ToolError, match="which nothing shows"):
            list(parsed([line]))


def changed(bundle: Bundle, name: str, key: str, value: Any) -> Bundle:
    manifest: Any = copy.deepcopy(bundle.manifest)
    manifest["steps"][name][key][0] |= value
    return Bundle(bundle.path, manifest)


@pytest.mark.parametrize(
    ("name", "key", "value", "line"),
    [
        ("history", "inputs", {"dtype": "int32"}, "history has x int32, y float32; the loop in C"),
        ("words", "inputs", {"shape": [1, 1, 12]}, "keys with history and words do not fit: 11"),
        ("words", "outputs", {"shape": [1, 1, 5]}, "words and the bundle's labels do not fit: 5"),
        ("keys", "inputs", {"shape": [1, 1, 9]}, "the keystroke and keys do not fit: "),
        ("history", "inputs", {"shape": [1, 2]}, "takes one label do not fit: 1 against 2"),
        ("keys", "artifacts", {"target": "host"}, "holds C of keys for host, not for chip;"),
    ],
)
def test_bundles_that_cannot_be_are_named(
    name: str, key: str, value: dict[str, Any], line: str, bundle: Bundle
) -> None:
    wrong = changed(bundle, name, key, value)
    with pytest.raises(EdgernnError) as raised:
        keyboard_files(wrong, step_code(wrong, "chip"))
    assert line in str(raised.value)


@pytest.mark.parametrize("word", ["x" * 129, "a\0b"])
@pytest.mark.parametrize("listed", ["labels", "further_words"])
def test_words_that_cannot_be_are_named(listed: str, word: str, bundle: Bundle) -> None:
    words = {"labels": ["<typed>", "a", "b", "<end>"], listed: ["<typed>", "a", word, "<end>"]}
    manifest: Any = {**bundle.manifest, **words}
    with pytest.raises(EdgernnError, match="bytes; the loop in C takes at most 128"):
        keyboard_files(Bundle(bundle.path, manifest), step_code(bundle, "chip"))


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"beam": 17}, "beam 17; the loop in C takes 1 to 16"),
        ({"suggestions": 0}, "suggestions 0; the loop in C takes 1 to 16"),
        ({"back": 65535}, "back 65535; the loop in C takes 1 to 65534"),
    ],
)
def test_options_that_cannot_be_are_named(
    options: dict[str, Any], line: str, bundle: Bundle
) -> None:
    with pytest.raises(EdgernnError, match=line):
        sources(bundle, "chip", **options)


@pytest.mark.slow
@pytest.mark.cc
def test_the_network_s_steps_show_the_same_in_c_and_in_python(tmp_path: Path) -> None:
    """Of small sizes, untrained, its logits far apart."""
    (tmp_path / "mine.py").write_text(MINE)
    with torch.random.fork_rng():
        export(f"{tmp_path}/mine.py:build", "host", "w8a8", tmp_path / "mine.edgernn")
    own = OwnWords.of(["Anneliese", "the"])
    own.keep("wuld")
    rng, keys = np.random.default_rng(0), list[Keystroke]()
    for text in ("I would have seen Anneliese, if it WAS there. ", "Teh wuld! Annelies 4x4\n") * 3:
        keys += [*Typist().typed(text, rng).keystrokes(), Keystroke(text[-1])]
        keys += [Keystroke(BACKSPACE)] * int(rng.integers(0, 20))
        keys += [Keystroke(UNDO)] * int(rng.integers(0, 3))
    program = build(open_bundle(tmp_path / "mine.edgernn"), "host", own=own, room=100)
    board = Keyboard(open_steps(tmp_path / "mine.edgernn"), own=own)
    taken = {BACKSPACE: board.back, UNDO: board.undo}
    want = [taken[key.char]() if key.char in taken else board.push(key) for key in keys]
    assert list(shown(find_device("local"), program, keys)) == want
    assert max(len(one.readings) for one in want) > 1
