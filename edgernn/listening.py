"""Run a recording through a bundle as a live stream: frame by frame, state carried."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from edgernn.audio import Audio, read_audio
from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.model import model_names
from edgernn.recognition.decode import Recognizer, Word
from edgernn.runtime import Session

TAIL_SECONDS = 0.5  # of silence after a recording: a live stream does not end with the word


class Detected(Protocol):
    """What a decode loop found."""

    label: str
    time_ms: float
    score: float


class Decoder(Protocol):
    """The decode loop of a model: outputs in, detections out."""

    def push(self, logits: Array) -> list[Any]:
        """Take the output of one step; give the detections it completes."""


def find_decoder(manifest: Mapping[str, Any]) -> Decoder:
    """The decode loop in models/NAME/decode.py of a bundle's model. Raises: DataError if none."""
    name = manifest["model"]
    if name not in model_names():
        raise DataError(
            f"{name}: is not a model that comes with edgernn, so there is no decode loop for it; "
            "step it with edgernn.Session"
        )
    module = importlib.import_module(f"edgernn.models.{name}.decode")
    detector = module.Detector(manifest["labels"], frame_ms=manifest["frame_ms"])
    return cast(Decoder, detector)


def open_recording(session: Session, path: Path | str) -> Audio:
    """A recording at the rate of the session's model. Raises: DataError."""
    rate = session.bundle.manifest.get("sample_rate_hz")
    one = session.inputs[0].shape
    if rate is None or len(session.inputs) != 1 or int(np.prod(one)) != session.timing.block:
        raise DataError(f"{session.name}: takes {session.inputs[0]}, not audio samples")
    return read_audio(path, int(rate))


def listen(session: Session, audio: Audio) -> Iterator[Detected]:
    """Detections in a recording from a fresh state, each as soon as the stream has it."""
    decoder = find_decoder(session.bundle.manifest)
    session.reset()
    for frame in frames(audio, session.timing.block):
        yield from decoder.push(session.step(frame))


def transcribed(recognizer: Recognizer, audio: Audio) -> Iterator[Word]:
    """Words in a recording from a fresh state, each as soon as the stream has it."""
    recognizer.reset()
    for frame in frames(audio, recognizer.block):
        yield from recognizer.push(frame)
    yield from recognizer.finish()


def frames(audio: Audio, block: int) -> Array:
    """The recording and the silence after it, in whole blocks (N, block); zeros fill the last."""
    needed = len(audio.samples) + round(TAIL_SECONDS * audio.rate_hz)
    padded = np.zeros(-(-needed // block) * block, np.float32)
    padded[: len(audio.samples)] = audio.samples
    return padded.reshape(-1, block)
