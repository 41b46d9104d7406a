"""The decoding loop in C around a bundle's compiled steps: sources to build or to embed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

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
from edgernn.recognition.decode import STEPS, check_steps
from edgernn.recognition.hot_words import HotWords, Node
from edgernn.step_code import StepCode, all_files

LOOP = ("recognizer.h", "recognizer.c", "recognizer_search.h", "recognizer_search.c")
SAVED = ("recognizer_saved.h", "recognizer_saved.c")
MODEL_H, MODEL_C = "recognizer_model.h", "recognizer_model.c"
MOST_BEAM, MOST_PLACES = 32, 65536  # 16 bits name a place
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


def recognizer_files(bundle: Bundle, code: Mapping[str, StepCode]) -> dict[str, str]:
    """File name -> text: the steps' C, the loop, and what ties them.

    Raises: DataError if the steps are no recogniser's, or for a target not in the bundle.
    """
    check_steps(bundle.manifest["steps"])
    sizes = _sizes(bundle)
    facts = {name: code[name].facts for name in STEPS}
    return {
        **all_files(code),
        **loop_sources("recognition", LOOP),
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
    rows, shapes = bundle.manifest["steps"], shapes_of(bundle, INPUTS)
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
    check_fit(bundle, sizes.labels, pairs)
    return sizes


def _header(bundle: Bundle, sizes: Sizes, facts: Facts) -> str:
    states = ("features", "encoder", "joiner")
    buffers = (
        sizes.frames * sizes.channels,
        sizes.hop * sizes.channels,
        sizes.encoded + sizes.predicted,
        sizes.labels,
    )
    once = sum(room(facts[name]["state_bytes"]) for name in states)
    once += room(max(each["scratch_bytes"] for each in facts.values()))
    once += sum(room(4 * count) for count in buffers)
    if sizes.delay:
        once += room(facts["encoder"]["state_bytes"]) + room(4 * sizes.hop * sizes.channels)
    each = room(facts["predictor"]["state_bytes"]) + room(4 * sizes.predicted)
    saved = sum(facts[name]["state_bytes"] for name in states) + 4 * sizes.hop * sizes.channels
    saved_each = facts["predictor"]["state_bytes"] + 4 * sizes.predicted
    vectors = max(-(-sizes.frames // sizes.hop), sizes.delay)
    return model_header(
        "recognizer",
        [
            f"#define RECOGNIZER_BLOCK {sizes.block}u /* samples, "
            f"{bundle.frame_ms('features'):g} ms */",
            f"#define RECOGNIZER_LABELS {sizes.labels}u",
            "/* Bytes of memory that `beam` hypotheses need. */",
            "#define RECOGNIZER_BYTES(beam) "
            f"EDGERNN_RECOGNIZER_BYTES(beam, {once}u, {each}u, {vectors}u)",
            "/* Bytes that a saved state takes at most; see recognizer_saved.h. */",
            "#define RECOGNIZER_SAVED_BYTES(beam) "
            f"EDGERNN_RECOGNIZER_SAVED(beam, {sizes.block}u, {saved}u, {saved_each}u)",
            "/* The text of each label; 0 is the blank. */",
            "extern const char *const recognizer_labels[RECOGNIZER_LABELS];",
        ],
    )


def _source(bundle: Bundle, sizes: Sizes, facts: Facts) -> str:
    word_ms = sizes.hop * bundle.frame_ms("features")
    numbers = [f".{name} = {getattr(sizes, name)}u" for name in Sizes.__slots__]
    labels = [
        "const char *const recognizer_labels[RECOGNIZER_LABELS] = {",
        *(f"    {line}," for line in literals(bundle.manifest["labels"])),
        "};",
        "",
    ]
    return model_source("recognizer", facts, [*numbers, f".word_ms = {word_ms.hex()}f"], labels)
