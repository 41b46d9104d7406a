"""The spotter's loop in C around a bundle's compiled step: sources to build or to embed."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from edgernn.bundle import Bundle
from edgernn.c_loop import (
    check_fit,
    literals,
    loop_sources,
    model_header,
    room,
    shapes_of,
)
from edgernn.spotting.detector import WordDetector, is_keyword
from edgernn.step_code import StepCode, all_files

LOOP = ("spotter.h", "spotter.c")
SAVED = ("spotter_saved.h", "spotter_saved.c")
MODEL_H, MODEL_C = "spotter_model.h", "spotter_model.c"


def is_spotter(bundle: Bundle) -> bool:
    """Whether the bundle says how its labels become words."""
    return bool(bundle.manifest.get("spotting")) and len(bundle.manifest["steps"]) == 1


def spotter_files(bundle: Bundle, code: Mapping[str, StepCode]) -> dict[str, str]:
    """File name -> text: the step's C, the loop, and what ties them.

    Raises: DataError if the step takes no block of samples or gives no logits of the labels.
    """
    ((step, one),) = code.items()
    taken, given = shapes_of(bundle, {step: "float32"})[step]
    labels = bundle.manifest.get("labels") or ()
    check_fit(bundle, len(labels), {"the step and the bundle's labels": (given[-1], len(labels))})
    detector = WordDetector(labels, frame_ms=_frame_ms(bundle, given), **_settings(bundle))
    frames = prod(given) // given[-1]
    return {
        **all_files(code),
        **loop_sources("spotting", LOOP),
        MODEL_H: _header(one, prod(taken), frames, detector, bundle.frame_ms(step)),
        MODEL_C: _source(one, prod(taken), frames, detector),
    }


def _settings(bundle: Bundle) -> dict[str, float]:
    return {name: float(value) for name, value in bundle.manifest["spotting"].items()}


def _frame_ms(bundle: Bundle, given: list[int]) -> float:
    """Of one row of logits."""
    return float(bundle.manifest["frame_ms"]) * given[-1] / prod(given)


def _header(code: StepCode, block: int, frames: int, detector: WordDetector, step_ms: float) -> str:
    labels = len(detector.labels)
    once = room(code.facts["state_bytes"]) + room(code.facts["scratch_bytes"])
    return model_header(
        "spotter",
        [
            f"#define SPOTTER_BLOCK {block}u /* samples, {step_ms:g} ms */",
            f"#define SPOTTER_LABELS {labels}u",
            "/* Bytes of memory that a stream needs. */",
            "#define SPOTTER_BYTES "
            f"EDGERNN_SPOTTER_BYTES({once}u, {frames}u, {detector.window}u, {labels}u)",
            "/* Bytes that a saved state takes; see spotter_saved.h. */",
            "#define SPOTTER_SAVED_BYTES EDGERNN_SPOTTER_SAVED("
            f"{code.facts['state_bytes']}u, {block}u, {detector.window}u, {labels}u)",
            "/* The text of each label; those in underscores are never detected. */",
            "extern const char *const spotter_labels[SPOTTER_LABELS];",
        ],
    )


def _source(code: StepCode, block: int, frames: int, detector: WordDetector) -> str:
    numbers = {
        "block": f"{block}u",
        "frames": f"{frames}u",
        "labels": f"{len(detector.labels)}u",
        "window": f"{detector.window}u",
        "refractory": f"{detector.refractory}u",
        "threshold": f"{float(detector.threshold).hex()}f",
        "frame_ms": f"{float(detector.frame_ms).hex()}f",
        "keywords": "keywords",
        "texts": "spotter_labels",
        "spot": f"{{EDGERNN_STEP({code.symbol.upper()}, {code.symbol})}}",
    }
    flags = ", ".join(str(int(is_keyword(label))) for label in detector.labels)
    return "\n".join(
        [
            f'#include "{MODEL_H}"',
            f'#include "{code.symbol}.h"',
            "",
            "const char *const spotter_labels[SPOTTER_LABELS] = {",
            *(f"    {line}," for line in literals(detector.labels)),
            "};",
            "",
            f"static const unsigned char keywords[SPOTTER_LABELS] = {{{flags}}};",
            "",
            "const edgernn_spotter_model spotter_model = {",
            *(f"    .{name} = {value}," for name, value in numbers.items()),
            "};",
            "",
        ]
    )
