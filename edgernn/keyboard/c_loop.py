"""The keyboard's loop in C around a bundle's compiled steps: sources to build or to embed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from math import prod
from typing import Any

from edgernn.bundle import Bundle
from edgernn.c_loop import (
    Facts,
    check_fit,
    literals,
    loop_sources,
    model_header,
    model_source,
    room,
    shapes_of,
)
from edgernn.errors import DataError
from edgernn.keyboard.decode import STEPS, check_steps
from edgernn.keyboard.encoding import INPUTS, KEYS
from edgernn.keyboard.search import LISTED, SLIP, STRANGE
from edgernn.keyboard.spellings import Spellings
from edgernn.step_code import StepCode, all_files

LOOP = (
    "keyboard.h",
    "keyboard.c",
    "keyboard_inner.h",
    "keyboard_letters.c",
    "keyboard_search.c",
    "keyboard_show.c",
    "keyboard_undo.c",
    "keyboard_words.c",
    "keyboard_write.c",
)
SAVED = ("keyboard_saved.h", "keyboard_saved.c")
TABLES = (
    *("key_characters", "texts", "starts", "further", "further_firsts", "further_starts"),
    *("first_labels", "first_shares"),
)
MODEL_H, MODEL_C = "keyboard_model.h", "keyboard_model.c"
MOST_BEAM, MOST_SUGGESTIONS, MOST_OWN = 16, 16, 65534
MOST_LABEL = 128  # bytes of a label or a further word
TAKEN = {"keys": "float32", "history": "int64", "words": "float32"}
FEW = 12  # numbers in a line


@dataclass(frozen=True, slots=True)
class Sizes:
    """Floats that go from step to step; see keyboard.h."""

    inputs: int
    pressed: int
    past: int
    labels: int


def keyboard_files(bundle: Bundle, code: Mapping[str, StepCode]) -> dict[str, str]:
    """File name -> text: the steps' C, the loop, and what ties them.

    Raises: DataError if the steps are no keyboard decoder's, or for a target not in the bundle.
    """
    check_steps(bundle.manifest["steps"])
    sizes = _sizes(bundle)
    facts = {name: code[name].facts for name in STEPS}
    return {
        **all_files(code),
        **loop_sources("keyboard", LOOP),
        MODEL_H: _header(sizes, facts),
        MODEL_C: _source(bundle.manifest, sizes, facts),
    }


def _sizes(bundle: Bundle) -> Sizes:
    labels = bundle.manifest.get("labels") or ()
    shapes = {
        name: (prod(taken), prod(given))
        for name, (taken, given) in shapes_of(bundle, TAKEN).items()
    }
    sizes = Sizes(shapes["keys"][0], shapes["keys"][1], shapes["history"][1], shapes["words"][1])
    pairs = {
        "the keystroke and keys": (INPUTS, sizes.inputs),
        "history, which takes one label": (1, shapes["history"][0]),
        "keys with history and words": (sizes.pressed + sizes.past, shapes["words"][0]),
        "words and the bundle's labels": (sizes.labels, len(labels)),
    }
    check_fit(bundle, sizes.labels, pairs)
    for word in (*labels, *_further(bundle.manifest)):
        if len(word.encode()) > MOST_LABEL or "\0" in word:
            raise DataError(
                f"{bundle.path}: word {word[:40]!r} has {len(word.encode())} bytes; the loop in "
                f"C takes at most {MOST_LABEL}, without zeros"
            )
    if strange := [word for word in _first(bundle.manifest) if word not in labels[1:-1]]:
        raise DataError(f"{bundle.path}: first words: {strange[0]!r} is no label of words")
    return sizes


def _header(sizes: Sizes, facts: Facts) -> str:
    buffers = (sizes.inputs, sizes.pressed + sizes.past, sizes.labels)
    words, vector = room(facts["words"]["state_bytes"]), room(4 * sizes.past)
    once = room(max(each["scratch_bytes"] for each in facts.values())) + words
    once += sum(room(4 * count) for count in buffers)
    keys = room(facts["keys"]["state_bytes"]) + words
    history = vector + room(facts["history"]["state_bytes"])
    return model_header(
        "keyboard",
        [
            "/* Bytes of memory that these options need; see edgernn_keyboard_options. */",
            "#define KEYBOARD_BYTES(beam, suggestions, back, own) EDGERNN_KEYBOARD_BYTES( \\",
            f"    beam, suggestions, back, own, {once}u, {keys}u, {history}u, {vector}u)",
        ],
    )


def _source(manifest: Mapping[str, Any], sizes: Sizes, facts: Facts) -> str:
    numbers = [
        *(f".{name} = {getattr(sizes, name)}u" for name in Sizes.__slots__),
        f".key_count = {len(KEYS)}u",
        ".further_letters = sizeof further_firsts / sizeof *further_firsts",
        f".first_count = {len(_first(manifest))}u",
        f".slip = {SLIP}f",
        f".strange = {STRANGE}f",
        f".listed = {LISTED}f",
        *(f".{name} = {name}" for name in TABLES),
    ]
    tables = word_tables(manifest["labels"], _further(manifest), _first(manifest))
    return model_source("keyboard", facts, numbers, tables)


def _further(manifest: Mapping[str, Any]) -> Sequence[str]:
    """Words beyond the labels, if the bundle has some."""
    return manifest.get("further_words") or ()


def _first(manifest: Mapping[str, Any]) -> Mapping[str, float]:
    """Labels that lines begin with, if the bundle has some."""
    return manifest.get("first_words") or {}


def word_tables(
    labels: Sequence[str], further: Sequence[str], first: Mapping[str, float]
) -> list[str]:
    """C of TABLES: characters of keys, labels, further words letter by letter, first ones.

    A further word that is a label, or there before, whatever its case, is left out.
    """
    listed, known = Spellings([*labels[1:-1], *further]).words, set(labels)
    left = {first: [w for w in words.values() if w not in known] for first, words in listed.items()}
    by_letter = {first: words for first, words in left.items() if words} or {"": [""]}
    order = sorted(first, key=lambda word: -first[word])
    shares = ", ".join(f"{float(first[word]).hex()}f" for word in order)
    blocks = [sum(map(_bytes, words)) for words in by_letter.values()]
    return [
        *_numbers("key_characters", [ord(char) for char in KEYS]),
        *_texts("texts", labels),
        *_numbers("starts", accumulate(map(_bytes, labels), initial=0)),
        *_texts("further", list(chain(*by_letter.values()))),
        *_numbers("further_firsts", [sum(map(ord, letter)) for letter in by_letter]),
        *_numbers("further_starts", accumulate(blocks, initial=0)),
        *_numbers("first_labels", map(labels.index, order) if order else (0,)),
        f"static const float first_shares[] = {{{shares or '0.0f'}}};",
        "",
    ]


def _bytes(word: str) -> int:
    return len(word.encode()) + 1  # a zero ends it


def _texts(name: str, texts: Sequence[str]) -> list[str]:
    lines = (f"    {line}" for line in literals([f"{text}\0" for text in texts]))
    return [f"static const char {name}[] =", *lines, "    ;", ""]


def _numbers(name: str, given: Iterable[int]) -> list[str]:
    numbers = list(given)
    rows = [numbers[at : at + FEW] for at in range(0, len(numbers), FEW)]
    lines = [f"    {', '.join(map(str, row))}," for row in rows]
    return [f"static const uint32_t {name}[{len(numbers)}] = {{", *lines, "};", ""]
