"""What the training loop drives to train the wake-word detector: batches, loss, validation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.models.wakeword import FRAME_MS, HOP, LABELS
from edgernn.models.wakeword.augment import (
    OTHER,
    SETTLED_FRAMES,
    Sources,
    StreamMaker,
)
from edgernn.models.wakeword.data import load_other, load_wake, load_words
from edgernn.models.wakeword.decode import WINDOW_MS, Detection, Detector
from edgernn.models.wakeword.network import build
from edgernn.spotting.alarms import count_alarms, count_hits, joined, run_words, word_streams
from edgernn.spotting.detector import is_keyword
from edgernn.spotting.features import alarm_loss, logits
from edgernn.spotting.sound import Wave
from edgernn.spotting.sources import COMMANDS, NOISE, SPEECH_TRAIN, load_noise
from edgernn.spotting.streams import Logits
from edgernn.train.recipe import Recipe

KEYWORDS = [i for i, label in enumerate(LABELS) if is_keyword(label)]


class Task:
    """Train on streams of the training clips; see `augment` for what a stream is.

    Loss: cross entropy of the frames' labels, words and the rest weighed apart, and in streams
    without a wake word that of the worst moment: where the wake words' posterior, averaged as
    the detector averages it, is largest.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe = recipe
        self.sources = Sources(
            load_wake(data, "train"),
            load_other(data, "train"),
            load_words(data, "train"),
            load_noise(data, "train"),
        )
        absent = [name for name in (SPEECH_TRAIN, COMMANDS, NOISE) if not (data / name).is_file()]
        if absent:
            print(f"{data}: training without {', '.join(absent)}", file=sys.stderr)
        self.options = dict(recipe.data)
        self.maker = StreamMaker(self.sources, self.options)
        words = load_wake(data, "val")
        noises = load_noise(data, "val")
        rng = np.random.default_rng(0)
        self.spoken = word_streams(words, noises, snr_db=10.0, hop=HOP, rng=rng)
        self.quiet = joined([*load_other(data, "val"), *load_words(data, "val"), *noises], HOP)

    @property
    def without(self) -> int:
        """How many streams of a batch have no wake word."""
        return round(self.recipe.batch_size * float(self.options["without_share"]))

    def build(self) -> nn.Module:
        """A fresh network of the recipe's sizes."""
        return build(**self.recipe.network)

    def batch(self, step: int) -> dict[str, Tensor]:
        """Streams: audio (B, T, 1), frames (B, T / 512); the last ones have no wake word."""
        rng = np.random.default_rng([self.recipe.seed, step])
        count = self.recipe.batch_size - self.without
        chosen = [self._place(step * count + i) for i in range(count)]
        streams = [self.maker.draw(rng, index) for index in chosen]
        streams += [self.maker.draw(rng) for _ in range(self.without)]
        return {
            "audio": torch.from_numpy(np.stack([s.audio for s in streams])).unsqueeze(2),
            "frames": torch.from_numpy(np.stack([s.frame_label for s in streams])),
        }

    def _place(self, position: int) -> int:
        """The word at this place of the endless shuffled sequence of epochs."""
        words = len(self.sources.wake)
        epoch, within = divmod(position, words)
        if getattr(self, "_epoch", None) != epoch:
            order = np.random.default_rng([self.recipe.seed, epoch, 1]).permutation(words)
            self._epoch, self._order = epoch, order
        return int(self._order[within])

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (B, T, labels); in training mode with masked features and dropout."""
        return logits(network, batch["audio"], self.options)

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        """Loss, and the share of frames of wake words answered rightly."""
        frames = batch["frames"]
        spoken = frames > OTHER
        word = F.cross_entropy(
            output[spoken], frames[spoken], label_smoothing=self.options["smoothing"]
        )
        rest = F.cross_entropy(output[frames == OTHER], frames[frames == OTHER])
        window = round(WINDOW_MS / FRAME_MS)
        worst = alarm_loss(output[-self.without :], KEYWORDS, settled=SETTLED_FRAMES, window=window)
        loss = word + self.options["rest_weight"] * rest + self.options["peak_weight"] * worst
        right = (output[spoken].argmax(1) == frames[spoken]).float().mean()
        return loss, float(right)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Misses and false alarms on the validation clips, at the detector's own threshold."""

        def run(audio: Wave) -> Logits:
            out = self.output(network, {"audio": torch.from_numpy(audio).view(1, -1, 1)})
            return np.asarray(out[0].numpy())

        def detect(logits: Logits) -> list[Detection]:
            return Detector().push(logits)

        hits = count_hits(run_words(run, self.spoken), detect)
        alarms = count_alarms([run(audio) for audio in self.quiet], detect, FRAME_MS)
        return {"val_missed": hits.missed or 0.0, "val_alarms_per_hour": alarms.per_hour or 0.0}
