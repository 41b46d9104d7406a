"""What the training loop drives to train the recogniser of digits: batches, validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgernn.frontend.fbank import DELAY, HOP, Fbank
from edgernn.models.digits.augment import BLOCK, Heard, drawn_string
from edgernn.models.digits.data import Spoken, by_speaker, load_clips, load_strings
from edgernn.models.digits.evaluate import VOCABULARY, features
from edgernn.models.digits.network import HEARD, transducer
from edgernn.recognition.evaluate import Frames, stacked
from edgernn.recognition.network import normalize
from edgernn.recognition.training import TransducerTask
from edgernn.recognition.transducer import Transducer
from edgernn.spotting.sound import Samples, to_float
from edgernn.train.recipe import Recipe


class Task(TransducerTask):
    """Train on strings of the training recordings, as many digits in each of a batch."""

    vocabulary = VOCABULARY

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data
        self.options = dict(recipe.data)
        self.front = Fbank()
        people = by_speaker(load_clips(data, "train"))
        self.speakers = sorted(people)
        self.heard = {
            name: [Heard(one.digit, self._features(one.audio)) for one in people[name]]
            for name in self.speakers
        }
        self.validation = load_strings(data, "val")
        every = np.concatenate([one.features for some in self.heard.values() for one in some])
        self.mean, self.deviation = every.mean(0), every.std(0)

    def _features(self, audio: Samples) -> Frames:
        """Of one recording, its frame 0 first."""
        made = features(self.front, np.pad(to_float(audio), (0, DELAY * HOP)), 1)
        return made[DELAY:]

    def build(self) -> Transducer:
        """A network of the recipe's sizes, its input brought to mean 0 and deviation 1."""
        network = transducer(**self.recipe.network)
        normalize(network, self.mean, np.where(HEARD, 1 / self.deviation, 0))
        return network

    def batch(self, step: int) -> dict[str, Tensor]:
        """Features (B, 8 T, 80), frames (B,) of the encoder, targets (B, U), labels (B,)."""
        rng = np.random.default_rng([self.recipe.seed, step])
        count = int(rng.integers(1, self.options["digits"] + 1))
        streams, targets = [], []
        for _ in range(self.recipe.batch_size):
            speaker = self.speakers[int(rng.integers(len(self.speakers)))]
            stream, digits = drawn_string(rng, self.heard[speaker], count, self.options)
            streams.append(stream)
            targets.append([digit + 1 for digit in digits])
        given, frames = stacked(streams, BLOCK)
        labels = torch.full((len(targets),), count)
        return {
            "features": given,
            "frames": frames,
            "targets": torch.tensor(targets),
            "labels": labels,
        }

    def tested(self) -> list[Spoken]:
        """Of the Free Spoken Digit Dataset."""
        return load_strings(self.data, "test")

    def stream(self, one: Spoken) -> Frames:
        """The features of its sound."""
        return features(self.front, one.audio, BLOCK)
