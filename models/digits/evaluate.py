"""Measure the recogniser: digits it gets wrong in strings of them, from the sound on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgernn.audio import Audio
from edgernn.listening import transcribed
from edgernn.models.digits import SAMPLE_RATE_HZ, WORDS
from edgernn.models.digits.data import Spoken, load_clips, load_strings
from edgernn.recognition import evaluate as measured
from edgernn.recognition.decode import Recognizer
from edgernn.recognition.evaluate import Frames, errors
from edgernn.recognition.vocabulary import Vocabulary
from edgernn.spotting.sound import Wave
from edgernn.streaming import Streaming

VOCABULARY = Vocabulary(WORDS)
Run = Callable[[Wave], list[str]]  # samples of a recording to words


@torch.no_grad()
def features(front: Streaming, audio: Wave, block: int) -> Frames:
    """What the front end makes of a recording, in whole blocks of the encoder, as a stream has it.

    The last block is filled up with zeros.
    """
    samples = block * front.timing.block
    padded = np.pad(audio, (0, -len(audio) % samples))
    made: Frames = front(torch.from_numpy(padded)[None, :, None])[0].numpy()
    return made


def from_network(steps: Mapping[str, Any]) -> Run:
    """The torch steps, a recording at once."""
    run = measured.from_network(steps, VOCABULARY)
    front, block = steps["features"], steps["encoder"].timing.block
    return lambda audio: run(features(front, audio, block))


def from_session(sessions: Mapping[str, Any]) -> Run:
    """A bundle's steps, 10 ms at a time; greedy."""
    recognizer = Recognizer(sessions)

    def run(audio: Wave) -> list[str]:
        return [word.label for word in transcribed(recognizer, Audio(audio, SAMPLE_RATE_HZ))]

    return run


def evaluate(run: Run, data: Path) -> dict[str, Any]:
    """Word errors in the strings of the official test recordings, and strings without any.

    wer and its parts are shares of the digits spoken. margin: half of the 95 % interval of wer by
    a bootstrap over strings.
    """
    return _figures(run, load_strings(data, "test"))


def task(run: Run, data: Path) -> tuple[str, float]:
    """One figure of what it is for: words of validation speakers that are right."""
    return "words right", 1 - float(_figures(run, load_strings(data, "val"))["wer"])


def validate(run: Run, data: Path) -> dict[str, Any]:
    """The same on the validation recordings, by which the recipe was chosen."""
    clips = {split: len(load_clips(data, split)) for split in ("train", "val", "test")}
    return {**_figures(run, load_strings(data, "val")), "clips": clips}


def _figures(run: Run, some: Sequence[Spoken]) -> dict[str, Any]:
    each = errors(some, [run(one.audio) for one in some])
    right = sum(not one.errors for one in each) / len(each)
    speakers = len({one.speaker for one in some})
    return {**measured.figures(each), "strings_right": right, "speakers": speakers}
