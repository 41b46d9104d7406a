"""Streaming keyword spotter: ten command words, `_unknown_` and `_silence_`, 20 ms a step."""

from edgernn.model import ModelInfo

if __name__ != "edgernn.models.kws":
    raise ImportError("import edgernn.models.kws: the repository root is on sys.path")

LABELS = (
    *("_silence_", "_unknown_", "down", "go", "left", "no"),
    *("off", "on", "right", "stop", "up", "yes"),
)
SAMPLE_RATE_HZ, FRAME_MS = 16000, 20.0
INFO = ModelInfo(
    summary="ten English command words in a stream, log-mel + conv + GRU; 4-bit delta network",
    sample_rate_hz=SAMPLE_RATE_HZ,
    frame_ms=FRAME_MS,
    labels=LABELS,
    # chosen on the validation split (see evaluate.validate)
    spotting={"threshold": 0.6, "window_ms": 300.0, "refractory_ms": 600.0},
    variants={
        "dense": "the same before it was compressed",
        "half": "in half of its bytes: recurrent weights of 2 bits, others of 4",
        "tiny": "for 32 KB of flash: weights of 4 bits, a smaller network and front end",
    },
)
