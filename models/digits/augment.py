"""Strings of digits for training, joined anew each time in the features of single recordings.

They are logarithms of power in Kaldi's bands, so speed, level, channel and noise are drawn there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.frontend.fbank import BANDS, DELAY, FLOOR
from edgernn.recognition.augment import at_speed
from edgernn.recognition.evaluate import Frames

SILENCE = float(np.log(FLOOR))  # of zeros, in every band
NATS = np.log(10) / 10  # of power, in a decibel
BLOCK = 8  # frames of one that the encoder gives
TAIL = (20, 40)  # frames of silence behind a string, in which its last digit may still come


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording. features: (T, 80), its frame 0 first."""

    digit: int
    features: Frames


def drawn_string(
    rng: np.random.Generator, some: Sequence[Heard], count: int, options: Mapping[str, Any]
) -> tuple[Frames, list[int]]:
    """A string of `count` recordings of one speaker, in whole blocks, and its digits."""
    chosen = [some[int(k)] for k in rng.integers(len(some), size=count)]
    speed = rng.uniform(1 - options["speed"], 1 + options["speed"])
    parts = [_nothing(DELAY + int(rng.integers(0, options["lead_frames"] + 1)))]
    for one in chosen:
        level = rng.uniform(-1, 1) * options["level_db"] * NATS
        pause = int(rng.integers(0, options["pause_frames"] + 1))
        parts += [at_speed(one.features, speed) + level, _nothing(pause)]
    frames = sum(map(len, parts)) + int(rng.integers(*TAIL))
    x = np.concatenate([*parts, _nothing(-(-frames // BLOCK) * BLOCK - sum(map(len, parts)))])
    x = _noisy(x, rng, options)
    return _blanked(x, rng, options), [one.digit for one in chosen]


def _nothing(frames: int) -> Frames:
    return np.full((frames, BANDS), SILENCE, np.float32)


def _noisy(x: Frames, rng: np.random.Generator, options: Mapping[str, Any]) -> Frames:
    """Through another channel, at another level, over a steady noise of a random slope."""
    slope = np.linspace(-1, 1, BANDS)
    loud = float(np.quantile(x.max(1), 0.9))
    noise = loud - rng.uniform(*options["snr_db"]) * NATS + slope * rng.normal(0, 1)
    noise = noise.astype(np.float32) + 0.6 * rng.standard_normal(x.shape, np.float32)
    x = np.logaddexp(x.astype(np.float32), noise)
    x = x + rng.uniform(-1, 1) * options["gain_db"] * NATS + slope * rng.normal(0, options["tilt"])
    return np.maximum(x, SILENCE).astype(np.float32)


def _blanked(x: Frames, rng: np.random.Generator, options: Mapping[str, Any]) -> Frames:
    """A run of bands and two runs of frames at their means."""
    width = int(rng.integers(0, options["mask_bands"] + 1))
    first = int(rng.integers(0, BANDS - width + 1))
    if width:
        x[:, first : first + width] = x[:, first : first + width].mean()
    for _ in range(2):
        width = int(rng.integers(0, min(options["mask_frames"], len(x) // BLOCK) + 1))
        first = int(rng.integers(0, len(x) - width + 1))
        x[first : first + width] = x.mean(0)
    return x
