"""The decoding loop in C around a bundle's compiled steps: sources to build or to embed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from edgernn.bundle import Bundle
from edgernn.embed import artifact, step_files
from edgernn.errors import DataError
from edgernn.recognition.decode import STEPS, check_steps
from edgernn.recognition.hot_words import HotWords, Node
from edgernn.toolchain import stub

LOOP = ("recognizer.h", "recognizer.c", "recognizer_search.h", "recognizer_search.c")
MATHS = ("prelude.h", "math_f32.h")
MODEL_H, MODEL_C = "recognizer_model.h", "recognizer_model.c"
MOST_BEAM, MOST_PLACES, MOST_LABELS = 32, 65536, 65536  # 16 bits name a place or a label
INPUTS = {name: "int64" if name == "predictor" else "float32" for name in STEPS}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Floats that go from step to step; see recognizer.h."""

    block: int
    frames: int
    channels: int
    hop: int
    delay: int
    encoded: int
    predicted: int
    labels: int


def recognizer_files(bundle: Bundle, target: str) -> dict[str, str]:
    """File name -> text: the steps' C for a target, the loop, and what ties them.

    Raises: DataError if the steps are no recogniser's, or for a target not in the bundle.
    """
    check_steps(bundle.manifest["steps"])
    sizes = _sizes(bundle)
    facts = {name: artifact(bundle, name, target)["facts"] for name in STEPS}
    return {
        **step_files(bundle, target),
        **{name: stub(f"recognition/{name}") for name in LOOP},
        **{name: stub(f"kernels/portable/{name}") for name in MATHS},
        MODEL_H: _header(bundle, sizes, facts),
        MODEL_C: _source(bundle, sizes, facts),
    }


def hot_words_table(hot: HotWords, symbol: str) -> str:
    """The tree as a constant array of places. Raises: DataError if it has too many."""
    rows: list[str] = []
    todo: list[tuple[Node, int, int]] = [(hot.root, 0, 0)]
    known = 1
    for node, label, following in todo:  # grows meanwhile: breadth first
        first = known if node.after else 0
        for i, (leads, child) in enumerate(node.after.items(), 1):
            todo.append((child, leads, known + i if i < len(node.after) else 0))
        known += len(node.after)
        given, kept = float(node.given).hex(), float(node.kept).hex()
        rows.append(f"    {{{given}f, {kept}f, {label}, {first}, {following}}},")
    if known > MOST_PLACES:
        raise DataError(f"hot words need {known:,} places; the loop in C has {MOST_PLACES:,}")
    return "\n".join([f"static const edgernn_hot_place {symbol}[{known}] = {{", *rows, "};", ""])


def _sizes(bundle: Bundle) -> Sizes:
    rows = {name: bundle.manifest["steps"][name] for name in STEPS}
    for name, row in rows.items():
        ports = [*row["inputs"], *row["outputs"]]
        kinds = [port["dtype"] for port in ports]
        if len(row["inputs"]) != 1 or kinds != [INPUTS[name], "float32"]:
            found = ", ".join(f"{port['name']} {port['dtype']}" for port in ports)
            raise DataError(
                f"{bundle.path}: {name} has {found}; the loop in C needs an input "
                f"{INPUTS[name]} and an output float32"
            )
    shapes = {
        name: (row["inputs"][0]["shape"], row["outputs"][0]["shape"]) for name, row in rows.items()
    }
    frames, taken = shapes["features"][1], shapes["encoder"][0]
    sizes = Sizes(
        block=prod(shapes["features"][0]),
        frames=prod(frames) // frames[-1],
        channels=frames[-1],
        hop=prod(taken) // taken[-1],
        delay=rows["encoder"]["timing"]["delay"],
        encoded=prod(shapes["encoder"][1]),
        predicted=prod(shapes["predictor"][1]),
        labels=prod(shapes["joiner"][1]),
    )
    pairs = {
        "features and encoder": (sizes.channels, taken[-1]),
        "predictor, which takes one label": (1, prod(shapes["predictor"][0])),
        "encoder with predictor and joiner": (
            sizes.encoded + sizes.predicted,
            prod(shapes["joiner"][0]),
        ),
        "joiner and the bundle's labels": (sizes.labels, len(bundle.manifest.get("labels") or ())),
    }
    if sizes.labels > MOST_LABELS:
        raise DataError(
            f"{bundle.path}: {sizes.labels:,} labels; the loop in C takes {MOST_LABELS:,}"
        )
    for where, (gives, takes) in pairs.items():
        if gives != takes:
            raise DataError(f"{bundle.path}: {where} do not fit: {gives} against {takes}")
    return sizes


def _room(nbytes: int) -> int:
    return -(-nbytes // 16) * 16


def _header(bundle: Bundle, sizes: Sizes, facts: Mapping[str, Mapping[str, Any]]) -> str:
    states = ("features", "encoder", "joiner")
    buffers = (
        sizes.frames * sizes.channels,
        sizes.hop * sizes.channels,
        sizes.encoded + sizes.predicted,
        sizes.labels,
    )
    once = sum(_room(facts[name]["state_bytes"]) for name in states)
    once += _room(max(each["scratch_bytes"] for each in facts.values()))
    once += sum(_room(4 * count) for count in buffers)
    if sizes.delay:
        once += _room(facts["encoder"]["state_bytes"]) + _room(4 * sizes.hop * sizes.channels)
    each = _room(facts["predictor"]["state_bytes"]) + _room(4 * sizes.predicted)
    vectors = max(-(-sizes.frames // sizes.hop), sizes.delay)
    return "\n".join(
        [
            "/* The recogniser in this folder: sizes, steps, words. Made by: edgernn embed */",
            "#ifndef RECOGNIZER_MODEL_H",
            "#define RECOGNIZER_MODEL_H",
            '#include "recognizer.h"',
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            f"#define RECOGNIZER_BLOCK {sizes.block}u /* samples, "
            f"{bundle.frame_ms('features'):g} ms */",
            f"#define RECOGNIZER_LABELS {sizes.labels}u",
            "/* Bytes of memory that `beam` hypotheses need. */",
            "#define RECOGNIZER_BYTES(beam) "
            f"EDGERNN_RECOGNIZER_BYTES(beam, {once}u, {each}u, {vectors}u)",
            "extern const edgernn_recognizer_model recognizer_model;",
            "/* The text of each label; 0 is the blank. */",
            "extern const char *const recognizer_labels[RECOGNIZER_LABELS];",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def _source(bundle: Bundle, sizes: Sizes, facts: Mapping[str, Mapping[str, Any]]) -> str:
    symbols = {name: facts[name]["symbol"] for name in STEPS}
    steps = [
        f"    .{name} = {{EDGERNN_STEP({symbol.upper()}, {symbol})}},"
        for name, symbol in symbols.items()
    ]
    word_ms = sizes.hop * bundle.frame_ms("features")
    numbers = [f"    .{name} = {getattr(sizes, name)}u," for name in Sizes.__slots__]
    return "\n".join(
        [
            f'#include "{MODEL_H}"',
            *(f'#include "{symbol}.h"' for symbol in symbols.values()),
            "",
            "const edgernn_recognizer_model recognizer_model = {",
            *numbers,
            f"    .word_ms = {word_ms.hex()}f,",
            *steps,
            "};",
            "",
            "const char *const recognizer_labels[RECOGNIZER_LABELS] = {",
            *(f"    {line}," for line in _literals(bundle.manifest["labels"])),
            "};",
            "",
        ]
    )


def _literals(texts: Sequence[str]) -> list[str]:
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')  # ?? would begin a trigraph
    return [
        '"' + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode()) + '"'
        for text in texts
    ]
