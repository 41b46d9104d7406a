"""Streaming recogniser of spoken digits, on the features that sherpa-onnx computes."""

from edgernn.model import ModelInfo

if __name__ != "edgernn.models.digits":
    raise ImportError("import edgernn.models.digits: the repository root is on sys.path")

WORDS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
SAMPLE_RATE_HZ, FRAME_MS, ENCODED_MS = 16000, 10.0, 80.0
INFO = ModelInfo(
    summary="strings of spoken digits, transducer; Kaldi's filter banks, conv + LSTM",
    sample_rate_hz=SAMPLE_RATE_HZ,
    frame_ms=FRAME_MS,
    step_ms=dict.fromkeys(("encoder", "predictor", "joiner"), ENCODED_MS),
    labels=("<blank>", *WORDS),
)
