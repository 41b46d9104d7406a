"""The recogniser of digits in sherpa-onnx itself, beside torch: words wrong in the test strings.

    edgernn export digits -t host --backend sherpa -o digits-sherpa
    python -m benchmarks.sherpa --data PATH digits-sherpa

`other words`: of the strings, those in which it hears something else than torch. torch runs as in
our own loop, whose first block begins one frame earlier and whose frame 0 has zeros before it;
`torch, its frames` begins with frame 0 as sherpa-onnx does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.document import table
from edgernn.audio import Audio
from edgernn.errors import EdgernnError
from edgernn.export.sherpa.client import open_recognizer, transcribed
from edgernn.model import find_model
from edgernn.models.digits import SAMPLE_RATE_HZ
from edgernn.models.digits.data import load_strings
from edgernn.models.digits.evaluate import VOCABULARY, features, from_network
from edgernn.recognition import evaluate as measured
from edgernn.recognition.errors import WordErrors
from edgernn.recognition.evaluate import errors
from edgernn.spotting.sound import Wave

Run = Callable[[Wave], list[str]]


def ways(folder: Path) -> dict[str, Run]:
    """Each way to hear a string, by its name."""
    steps = find_model("digits").steps()
    front, block = steps["features"], steps["encoder"].timing.block
    words = measured.from_network(steps, VOCABULARY)

    def from_frame_0(audio: Wave) -> list[str]:
        made = features(front, audio, block)[front.timing.delay :]
        return words(np.ascontiguousarray(made[: len(made) // block * block]))

    def client(method: str) -> Run:
        recognizer = open_recognizer(folder, decoding_method=method)
        return lambda audio: transcribed(recognizer, Audio(audio, SAMPLE_RATE_HZ))

    return {
        "torch": from_network(steps),
        "torch, its frames": from_frame_0,
        "sherpa-onnx, greedy_search": client("greedy_search"),
        "sherpa-onnx, modified_beam_search": client("modified_beam_search"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        strings = load_strings(given.data, "test")
        runs = ways(given.folder)
    except EdgernnError as cause:
        print(f"error: {cause}", file=sys.stderr)
        return 2
    rows: list[list[str]] = []
    first: list[list[str]] = []
    for name, run in runs.items():
        heard = [run(one.audio) for one in strings]
        first = first or heard
        wrong = sum(errors(strings, heard), WordErrors(0))
        other = sum(a != b for a, b in zip(heard, first, strict=True))
        rows.append([name, f"{100 * wrong.rate:.2f} %", f"{other} of {len(strings)}"])
    print("\n".join(table(["", "word errors", "other words"], rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
