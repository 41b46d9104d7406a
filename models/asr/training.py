"""What the training loop drives to train the recogniser: batches, loss, validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from edgernn.errors import DataError
from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import SUBSAMPLED, Frames, augmented, framed
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.models.asr.network import transducer
from edgernn.recognition.evaluate import stacked
from edgernn.recognition.network import normalize
from edgernn.recognition.training import TransducerTask
from edgernn.recognition.transducer import Transducer
from edgernn.recognition.vocabulary import Vocabulary
from edgernn.train.near_lengths import NearLengths
from edgernn.train.recipe import Recipe


class Task(TransducerTask):
    """Train on utterances of near lengths; a spliced one is two. The rest is shared."""

    given = "cepstra"

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data
        self.options = dict(recipe.data)
        self.vocabulary = Vocabulary(WORDS)
        self.train, self.validation = load_an4(data, "train"), load_an4(data, "val")
        if not self.train:
            raise DataError(f"{data}: no training utterances")
        every = np.concatenate([one.cepstra for one in self.train])
        self.mean, self.deviation = every.mean(0), every.std(0)
        self.labels = [self.vocabulary.encode(one.text) for one in self.train]
        self.near = NearLengths([len(one.cepstra) for one in self.train])

    def build(self) -> Transducer:
        """A network of the recipe's sizes, its input brought to mean 0 and deviation 1."""
        network = transducer(**self.recipe.network)
        normalize(network, self.mean, 1 / self.deviation)
        return network

    def batch(self, step: int) -> dict[str, Tensor]:
        """Cepstra (B, 8 T, 13), frames (B,) of the encoder, targets (B, U), labels (B,)."""
        rng = np.random.default_rng([self.recipe.seed, step])
        rows = self.near.rows(step, self.recipe.batch_size, self.recipe.seed)
        drawn = [self._drawn(index, rng) for index in rows]
        cepstra, frames = stacked([x for x, _ in drawn], SUBSAMPLED)
        labels = torch.tensor([len(y) for _, y in drawn])
        targets = pad_sequence([torch.tensor(y) for _, y in drawn], batch_first=True)
        return {
            "cepstra": cepstra,
            "frames": frames,
            "targets": targets,
            "labels": labels,
        }

    def _drawn(self, index: int, rng: np.random.Generator) -> tuple[Frames, list[int]]:
        """An utterance, now and then with another behind it; too fast ones lose last words."""
        x, y = self.train[index].cepstra, self.labels[index]
        if rng.random() < self.options["splice"]:
            other = int(rng.integers(len(self.train)))
            x, y = np.concatenate([x, self.train[other].cepstra]), y + self.labels[other]
        x = augmented(x, rng, self.options, self.deviation)
        return x, y[: len(x) // SUBSAMPLED]

    def tested(self) -> list[Utterance]:
        """AN4's."""
        return load_an4(self.data, "test")

    def stream(self, one: Utterance) -> Frames:
        """Its cepstra, framed as a live stream's are."""
        return framed(one.cepstra)
