"""A keyword spotter of any unit, for the zoo: `edgernn train benchmarks/zoo_words.py:build`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.zoo_nets import framed
from edgernn.frontend.logmel import LogMel
from edgernn.layers.linear import Linear
from edgernn.layers.normalize import Normalize
from edgernn.model import find_model
from edgernn.models.kws import INFO, LABELS, SAMPLE_RATE_HZ
from edgernn.models.kws import training as kws
from edgernn.models.kws.augment import ANSWER_FRAMES
from edgernn.models.kws.data import HOP, Clips, load_clips
from edgernn.models.kws.evaluate import clip_stream
from edgernn.models.kws.network import MEAN, MELS, SCALE, WINDOW
from edgernn.streaming import Sequential
from edgernn.train.recipe import Recipe, read_recipe

__all__ = ["INFO", "Task", "build", "examples"]

BUDGET = 50_000  # parameters
TOGETHER = 250  # clips heard at once
WITHOUT = ("wake_share", "speech_share", "before_speech", "before_word", "splice", "echo", "tilt")
PLAIN = {"clean": 1.0, "noise_share": 0.08, "mask_frames": 0, "mask_mels": 0, "dropout": 0.0}


def build(unit: str = "GRU", width: int = 64) -> Sequential:
    """Shapes: samples (B, T, 1), T a multiple of 320 -> logits (B, T / 320, 12)."""
    return framed(
        unit,
        width,
        len(LABELS),
        features=LogMel(SAMPLE_RATE_HZ, WINDOW, HOP, MELS, n_fft=WINDOW),
        norm=Normalize(MELS, [MEAN] * MELS, [SCALE] * MELS),
        into=Linear(MELS, width),
    )


def examples() -> Iterator[NDArray[np.float32]]:
    """The clips that come with the spotter."""
    yield from islice(find_model("kws/dense").calibration(16), 16)


def recipe(unit: str, width: int) -> Recipe:
    """About a minute of one core, from fresh weights, on the clips as they were recorded."""
    dense = find_model("kws/dense").recipe
    assert dense is not None
    data = {**read_recipe("kws", dense).data, **dict.fromkeys(WITHOUT, 0.0), **PLAIN}
    del data["start"]
    return Recipe(
        "benchmarks/zoo_words.py:build",
        steps=300,
        batch_size=32,
        learning_rate=1e-2,
        warmup_steps=30,
        ema_decay=0.99,
        validate_every=300,
        checkpoint_every=50,
        network={"unit": unit, "width": width},
        data=data,
    )


class Task(kws.Task):
    """The same streams and figure; clips are judged many at once."""

    def build(self) -> nn.Module:
        return build(**self.recipe.network)

    def validate(self, network: nn.Module) -> dict[str, float]:
        return {"val_accuracy": accuracy(network, self.validation)}

    def test(self, network: nn.Module) -> float:
        return accuracy(network, load_clips(self.data, "test"))


@torch.no_grad()
def accuracy(network: nn.Module, clips: Clips) -> float:
    """Share of clips answered rightly: by the mean logits behind the word."""
    right = 0
    for at in range(0, len(clips), TOGETHER):
        streams = np.stack([clip_stream(clip) for clip in clips.audio[at : at + TOGETHER]])
        answer = network(torch.from_numpy(streams).unsqueeze(2))[:, -ANSWER_FRAMES:].mean(1)
        right += int((answer.argmax(1).numpy() == clips.label[at : at + TOGETHER]).sum())
    return right / len(clips)
