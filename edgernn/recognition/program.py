"""A bundle's recogniser as one static program, and the words it hears on a device."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from edgernn.backend import Array
from edgernn.bundle import Bundle
from edgernn.device import Device
from edgernn.errors import DataError, ToolError
from edgernn.recognition.c_loop import MODEL_H, MOST_BEAM, hot_words_table, recognizer_files
from edgernn.recognition.decode import Word, check_steps, end_frames
from edgernn.recognition.hot_words import HotWords
from edgernn.step_code import step_code
from edgernn.target import find_target
from edgernn.toolchain import build_program, stub


def sources(
    bundle: Bundle,
    target: str,
    *,
    beam: int = 1,
    hot_words: Mapping[str, float] | None = None,
    end_ms: float | None = None,
) -> dict[str, str]:
    """C with a `main` that reads float32 samples and prints words; options as `Recognizer` has.

    Raises: DataError for a bundle, a beam, hot words or a time that cannot be.
    """
    files = recognizer_files(bundle, step_code(bundle, target))
    hot = HotWords(hot_words or {}, bundle.manifest["labels"])
    files["transcribe.h"] = _header(beam, hot, end_frames(end_ms, word_ms(bundle)))
    files["transcribe.c"] = stub("recognition/transcribe.c")
    return files


def build(bundle: Bundle, target: str, **options: Any) -> bytes:
    """A static program of the `sources`. Raises: DataError, ToolError."""
    files = sources(bundle, target, **options)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return build_program(
            files, find_target(target), Path(folder), name="transcribe"
        ).read_bytes()


def heard(
    device: Device, program: bytes, bundle: Bundle, blocks: Iterable[Array]
) -> Iterator[Word]:
    """The words of a program that `build` made, as they come. Raises: ToolError."""
    sent = (block.astype("<f4").tobytes() for block in blocks)
    return parsed(device.run(program, sent), bundle)


def parsed(lines: Iterable[str], bundle: Bundle) -> Iterator[Word]:
    """What the program printed as words. Raises: ToolError."""
    labels, ms = bundle.manifest["labels"], word_ms(bundle)
    for line in lines:
        try:
            _, label, frame, utterance, score, _ = line.split(" ", 5)
            (chance,) = struct.unpack("<f", struct.pack("<I", int(score, 16)))
            word = Word(labels[int(label)], (int(frame) + 1) * ms, chance, int(utterance))
        except (ValueError, IndexError, struct.error) as cause:
            raise ToolError(f"the recogniser printed {line!r}, which is no word") from cause
        yield word


def word_ms(bundle: Bundle) -> float:
    """The real time of an encoder's frame. Raises: DataError for what is no recogniser."""
    check_steps(bundle.manifest["steps"])
    hop: int = bundle.manifest["steps"]["encoder"]["timing"]["block"]
    return hop * bundle.frame_ms("features")


def _header(beam: int, hot: HotWords, ending: int) -> str:
    if not 1 <= beam <= MOST_BEAM:
        raise DataError(f"beam {beam}; the loop in C follows 1 to {MOST_BEAM} hypotheses")
    return "\n".join(
        [
            f'#include "{MODEL_H}"',
            f"#define BEAM {beam}u",
            f"#define END_FRAMES {ending}u",
            "#define HOT_WORDS hot_words",
            hot_words_table(hot, "hot_words"),
        ]
    )
