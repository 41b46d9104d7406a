"""Streaming wake-word detector: five wake words or none, one 32 ms hop a step."""

from edgernn.model import ModelInfo

if __name__ != "edgernn.models.wakeword":
    raise ImportError("import edgernn.models.wakeword: the repository root is on sys.path")

LABELS = ("_other_", "alexa", "computer", "jarvis", "smart mirror", "snowboy")
SAMPLE_RATE_HZ, FRAME_MS = 16000, 32.0
HOP, WINDOW, MELS = 512, 1024, 40  # samples of a frame, samples of its window, bands
INFO = ModelInfo(
    summary="five wake words in a stream, log-mel + separable convolutions",
    sample_rate_hz=SAMPLE_RATE_HZ,
    frame_ms=FRAME_MS,
    labels=LABELS,
    # chosen on the validation split (see evaluate.validate)
    spotting={"threshold": 0.8, "window_ms": 160.0, "refractory_ms": 640.0},
)
