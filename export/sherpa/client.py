"""sherpa-onnx itself: what it hears in recordings with the models of a folder.

It ends its process when it does not like a model, so it runs in one of its own:

    python -m edgernn.export.sherpa.client FOLDER clip.wav ...
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgernn.audio import Audio, read_audio
from edgernn.errors import MissingExtra, ToolError

RATE_HZ, BLOCK = 16000, 160
TIMEOUT_S = 600


def open_recognizer(folder: Path, **options: Any) -> Any:
    """sherpa-onnx's `OnlineRecognizer` on a folder's models; options: of its `from_transducer`.

    Raises: MissingExtra.
    """
    check_installed()
    import sherpa_onnx

    names = ("tokens.txt", "encoder.onnx", "decoder.onnx", "joiner.onnx")
    files = {Path(name).stem: str(folder / name) for name in names}
    return sherpa_onnx.OnlineRecognizer.from_transducer(**files, num_threads=1, **options)


def check_installed() -> None:
    """Raises: MissingExtra."""
    if importlib.util.find_spec("sherpa_onnx") is None:
        raise MissingExtra("sherpa-onnx", "sherpa")


def transcribed(recognizer: Any, audio: Audio) -> list[str]:
    """The words of one recording, with silence behind it as everywhere."""
    stream = recognizer.create_stream()
    stream.accept_waveform(audio.rate_hz, audio.blocks(BLOCK).ravel())
    stream.input_finished()
    while recognizer.is_ready(stream):
        recognizer.decode_stream(stream)
    return str(recognizer.get_result(stream)).split()


def heard(folder: Path, recordings: Sequence[Path]) -> list[list[str]]:
    """The words of each recording, greedily, in a process of its own.

    Raises: MissingExtra, ToolError with sherpa-onnx's last line.
    """
    check_installed()
    command = [sys.executable, "-m", __name__, str(folder), *map(str, recordings)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as cause:
        raise ToolError(f"sherpa-onnx: no answer within {TIMEOUT_S} s") from cause
    if done.returncode:
        line = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ToolError(f"sherpa-onnx ended with {done.returncode}: {line}")
    words: list[list[str]] = json.loads(done.stdout.strip().splitlines()[-1])
    return words


if __name__ == "__main__":
    recognizer = open_recognizer(Path(sys.argv[1]))
    clips = (read_audio(path, RATE_HZ) for path in sys.argv[2:])
    print(json.dumps([transcribed(recognizer, clip) for clip in clips]))
