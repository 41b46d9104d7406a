"""Run sound through a bundle as a live stream: frame by frame, state carried."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from edgernn.audio import read_audio
from edgernn.backend import Array
from edgernn.errors import DataError
from edgernn.microphone import Microphone
from edgernn.model import model_names
from edgernn.recognition.decode import Recognizer, Word
from edgernn.runtime import Session


class Sound(Protocol):
    """What is listened to: a recording or a microphone. notes: what was done to it."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def seconds(self) -> float:
        """How long it is; of a microphone, how much was heard."""

    def blocks(self, block: int) -> Iterable[Array]:
        """Mono samples in [-1, 1), (block,) float32 each."""


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


def open_sound(session: Session, recording: Path | str | None) -> Sound:
    """A recording, or else the microphone, at the rate of the session's model.

    Raises: DataError; MissingExtra or ToolError if there is nothing to reach a microphone by.
    """
    rate = session.bundle.manifest.get("sample_rate_hz")
    one = session.inputs[0].shape
    if rate is None or len(session.inputs) != 1 or int(np.prod(one)) != session.timing.block:
        raise DataError(f"{session.name}: takes {session.inputs[0]}, not audio samples")
    return Microphone(int(rate)) if recording is None else read_audio(recording, int(rate))


def listen(session: Session, sound: Sound) -> Iterator[Detected]:
    """Detections from a fresh state, each as soon as the stream has it."""
    decoder = find_decoder(session.bundle.manifest)
    session.reset()
    for frame in sound.blocks(session.timing.block):
        yield from decoder.push(session.step(frame))


def transcribed(recognizer: Recognizer, sound: Sound) -> Iterator[Word]:
    """Words from a fresh state, each as soon as the stream has it."""
    recognizer.reset()
    for frame in sound.blocks(recognizer.block):
        yield from recognizer.push(frame)
    yield from recognizer.finish()
