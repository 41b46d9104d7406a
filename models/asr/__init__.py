"""Streaming recogniser of spelled and spoken names, dates and numbers: a transducer of words."""

from pathlib import Path

from edgernn.model import ModelInfo

if __name__ != "edgernn.models.asr":
    raise ImportError("import edgernn.models.asr: the repository root is on sys.path")

WORDS = tuple(Path(__file__).with_name("words.txt").read_text(encoding="utf-8").split())
SAMPLE_RATE_HZ, FRAME_MS, ENCODED_MS = 16000, 10.0, 80.0
INFO = ModelInfo(
    summary="98 words of AN4 (letters, numbers, dates, commands), transducer; conv + LSTM",
    sample_rate_hz=SAMPLE_RATE_HZ,
    frame_ms=FRAME_MS,
    step_ms=dict.fromkeys(("encoder", "predictor", "joiner"), ENCODED_MS),
    labels=("<blank>", *WORDS),
    variants={
        "small": "64 units in one layer, 48 channels: for a microcontroller",
        "small-w4a8": "as small, trained for the rounding of w4a8",
        "large": "256 units in two layers, 128 channels: for a phone or a board",
    },
)
