"""What the training loop drives to train the recogniser: batches, loss, validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from edgernn.errors import DataError
from edgernn.layers.normalize import Normalize
from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import SUBSAMPLED, Frames, augmented
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.models.asr.evaluate import hypotheses, total
from edgernn.models.asr.network import transducer
from edgernn.recognition.training import TransducerTask
from edgernn.recognition.transducer import Transducer
from edgernn.recognition.vocabulary import Vocabulary
from edgernn.train.recipe import Recipe


class Task(TransducerTask):
    """Train on utterances of near lengths; a spliced one is two. Output and loss are shared."""

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

    def build(self) -> Transducer:
        """A network of the recipe's sizes, its input brought to mean 0 and deviation 1."""
        network = transducer(**self.recipe.network)
        norm = network.encoder.get_submodule("norm")
        assert isinstance(norm, Normalize)
        norm.mean.copy_(torch.from_numpy(self.mean))
        norm.scale.copy_(torch.from_numpy(1 / self.deviation))
        return network

    def batch(self, step: int) -> dict[str, Tensor]:
        """Cepstra (B, 8 T, 13), frames (B,) of the encoder, targets (B, U), labels (B,)."""
        rng = np.random.default_rng([self.recipe.seed, step])
        drawn = [self._drawn(index, rng) for index in self._chosen(step)]
        frames = torch.tensor([len(x) // SUBSAMPLED for x, _ in drawn])
        labels = torch.tensor([len(y) for _, y in drawn])
        cepstra = np.zeros((len(drawn), int(frames.max()) * SUBSAMPLED, len(self.mean)), np.float32)
        for row, (x, _) in enumerate(drawn):
            cepstra[row, : len(x)] = x
            cepstra[row, len(x) :] = x[-1]
        targets = pad_sequence([torch.tensor(y) for _, y in drawn], batch_first=True)
        return {
            "cepstra": torch.from_numpy(cepstra),
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

    def _chosen(self, step: int) -> list[int]:
        """The utterances of a step: epochs in batches of near lengths, in random order."""
        size = min(self.recipe.batch_size, len(self.train))
        each = len(self.train) // size
        epoch, within = divmod(step, each)
        if getattr(self, "_drawn_for", None) != (epoch, size):
            rng = np.random.default_rng([self.recipe.seed, epoch, 1])
            lengths = np.array([len(one.cepstra) for one in self.train])
            order = np.argsort(lengths * rng.uniform(0.85, 1.15, len(lengths)))
            start = int(rng.integers(len(order) - each * size + 1))
            rows = order[start : start + each * size].reshape(each, size)
            self._drawn_for, self._order = (epoch, size), rows[rng.permutation(each)]
        return [int(one) for one in self._order[within]]

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Word error rates on the validation speakers: of the transducer, and of the head."""
        assert isinstance(network, Transducer)
        return self._rates(network, self.validation, "val_")

    def test(self, network: nn.Module) -> float:
        """The transducer's on the official test, by which nothing is chosen."""
        assert isinstance(network, Transducer)
        return self._rates(network, load_an4(self.data, "test"), "")["wer"]

    def _rates(self, network: Transducer, some: list[Utterance], prefix: str) -> dict[str, float]:
        found = hypotheses(network, some)
        return {f"{prefix}{name}": total(some, words).rate for name, words in found.items()}
