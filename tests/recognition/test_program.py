"""The C around a bundle's steps: what is written, what is refused, what is read back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from edgernn.bundle import Bundle
from edgernn.c_loop import loop_sources
from edgernn.errors import EdgernnError, ToolError
from edgernn.loops import embedded_files
from edgernn.recognition.c_loop import LOOP, recognizer_files
from edgernn.recognition.decode import Word, end_frames
from edgernn.recognition.program import parsed, sources
from edgernn.step_code import step_code

from .. import loops

SHAPES = {  # step: input, output, block
    "features": ([1, 160, 1], [1, 2, 13], 160),
    "encoder": ([1, 8, 13], [1, 1, 6], 8),
    "predictor": ([1, 1], [1, 1, 5], 1),
    "joiner": ([1, 1, 11], [1, 1, 3], 1),
}


def step(name: str) -> dict[str, Any]:
    taken, given, block = SHAPES[name]
    return loops.step(name, taken, given, "int64" if name == "predictor" else "float32", block)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A recogniser whose C is a comment."""
    labels = ["<blank>", 'SAY "A??"', "Ä"]
    steps = {name: step(name) for name in SHAPES}
    more = {"frame_ms": 10.0, "sample_rate_hz": 16000}
    return loops.bundle_of(tmp_path, "ears", labels, steps, **more)


def test_a_folder_holds_all_that_is_built(bundle: Bundle) -> None:
    made = embedded_files(bundle, step_code(bundle, "chip"))
    names = {f"{name}.{end}" for name in SHAPES for end in "ch"}
    names |= {*loop_sources("recognition", LOOP), "recognizer_model.h", "recognizer_model.c"}
    assert made.keys() == names
    assert made["encoder.c"] == "/* encoder */"
    model = made["recognizer_model.c"]
    for line in (
        ".frames = 2u",
        ".hop = 8u",
        ".encoded = 6u",
        ".predicted = 5u",
        ".predictor = {EDGERNN_STEP(PREDICTOR, predictor)}",
        r'"SAY \042A\077\077\042"',
        r'"\303\204"',
    ):
        assert line in model
    header = made["recognizer_model.h"]
    # states of 3 steps, scratch, frames given and waiting, both vectors, logits; a predictor; 1
    once = 3 * 32 + 48 + 112 + 416 + 48 + 16
    assert f"EDGERNN_RECOGNIZER_BYTES(beam, {once}u, {32 + 32}u, 1u)" in header


def test_options_reach_the_program(bundle: Bundle) -> None:
    header = sources(bundle, "chip", beam=4, end_ms=150.0)["transcribe.h"]
    assert "#define BEAM 4u" in header
    assert "#define END_FRAMES 2u" in header
    assert end_frames(None, 80.0) == 0
    assert end_frames(float("inf"), 80.0) == end_frames(1e30, 80.0) == 2**32 - 1


def test_words_are_read_back(bundle: Bundle) -> None:
    lines = ["word 2 4 1 0x3f000000 Ä", 'word 1 4294967295 0 0x3f800000 SAY "A??"']
    want = [Word("Ä", 400.0, 0.5, 1), Word('SAY "A??"', 80.0 * 2**32, 1.0)]
    assert list(parsed(lines, bundle)) == want
    for line in ("", "word 9 4 1 0x3f000000 B", "word 1 4 1 0x1ffffffff A", "fault"):
        with pytest.raises(ToolError, match="which is no word"):
            list(parsed([line], bundle))


def changed(bundle: Bundle, name: str, key: str, value: Any) -> Bundle:
    manifest: Any = copy.deepcopy(bundle.manifest)
    manifest["steps"][name][key][0] |= value
    return Bundle(bundle.path, manifest)


@pytest.mark.parametrize(
    ("name", "key", "value", "line"),
    [
        ("predictor", "inputs", {"dtype": "int32"}, "predictor has x int32, y float32; the loop"),
        (
            "joiner",
            "inputs",
            {"shape": [1, 1, 12]},
            "predictor and joiner do not fit: 11 against 12",
        ),
        (
            "encoder",
            "inputs",
            {"shape": [1, 8, 40]},
            "features and encoder do not fit: 13 against 40",
        ),
        ("joiner", "outputs", {"shape": [1, 1, 4]}, "joiner and the bundle's labels do not fit: 4"),
        ("encoder", "artifacts", {"target": "host"}, "holds C of encoder for host, not for chip;"),
        (
            "encoder",
            "artifacts",
            {"backend": "onnx"},
            "for no target, not for chip; export it with",
        ),
    ],
)
def test_bundles_that_cannot_be_are_named(
    name: str, key: str, value: dict[str, Any], line: str, bundle: Bundle
) -> None:
    wrong = changed(bundle, name, key, value)
    with pytest.raises(EdgernnError) as raised:
        recognizer_files(wrong, step_code(wrong, "chip"))
    assert line in str(raised.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"beam": 33}, "beam 33; the loop in C follows 1 to 32"),
        ({"beam": 0}, "beam 0; the loop in C follows 1 to 32"),
        ({"hot_words": {"B": 1.0}}, "hot words 'B': B is not in the vocabulary"),
        ({"end_ms": 0.0}, "end_ms 0; need a time above 0"),
    ],
)
def test_options_that_cannot_be_are_named(
    options: dict[str, Any], line: str, bundle: Bundle
) -> None:
    with pytest.raises(EdgernnError, match=line):
        sources(bundle, "chip", **options)
