"""What the training loop drives to train the keyword spotter: batches, loss, validation."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.models.kws import FRAME_MS, LABELS
from edgernn.models.kws.augment import ANSWER_FRAMES, IGNORE, Sources, StreamMaker
from edgernn.models.kws.data import load_clips, load_speech, load_wake
from edgernn.models.kws.decode import WINDOW_MS
from edgernn.models.kws.evaluate import clip_accuracy
from edgernn.models.kws.network import build
from edgernn.spotting.detector import is_keyword
from edgernn.spotting.features import alarm_loss, logits
from edgernn.spotting.sources import COMMANDS, NOISE, SPEECH_TRAIN, WAKE, load_noise
from edgernn.spotting.streams import from_network
from edgernn.train.recipe import Recipe

SETTLED_FRAMES = 10  # of a stream that begins in the middle of a word, not judged
WINDOW = round(WINDOW_MS / FRAME_MS)
KEYWORDS = [i for i, label in enumerate(LABELS) if is_keyword(label)]


class Task:
    """Train on streams drawn from the training speakers; see `augment` for what a stream is.

    Loss: cross entropy of a clip's answer (mean logits of its answer window), that of the
    frames' own labels, and in streams of other speech that of the worst moment: where the
    keywords' posterior, averaged as the detector averages it, is largest.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self.data = recipe, data
        sources = Sources(
            load_clips(data, "train"),
            load_speech(data, "train"),
            load_noise(data, "train"),
            load_wake(data, "train"),
        )
        absent = [name for name in (SPEECH_TRAIN, WAKE, NOISE) if not (data / name).is_file()]
        if absent:
            print(f"{data / COMMANDS}: training without {', '.join(absent)}", file=sys.stderr)
        self.options = dict(recipe.data)
        self.maker = StreamMaker(sources, self.options)
        self.clips = len(sources.clips)
        self.validation = load_clips(data, "val")

    @property
    def of_speech(self) -> int:
        """How many streams of a batch have no keyword."""
        share = self.options["speech_share"] if self.maker.has_speech else 0.0
        return round(self.recipe.batch_size * share)

    def build(self) -> nn.Module:
        """A network of the recipe's sizes, fresh or with the recipe's first weights."""
        network = build(**self.recipe.network)
        start = self.options.get("start")
        if start:
            network.load_state_dict(load_file(Path(__file__).parent / start))
        return network

    def batch(self, step: int) -> dict[str, Tensor]:
        """Streams: audio (B, T, 1), frames (B, T / 320), label (B,), answer (B,) of this step."""
        rng = np.random.default_rng([self.recipe.seed, step])
        count = self.recipe.batch_size - self.of_speech
        first = step * count
        chosen = [self._place(first + i) for i in range(count)]
        streams = [self.maker.draw(rng, index) for index in chosen]
        streams += [self.maker.draw(rng) for _ in range(self.of_speech)]
        return {
            "audio": torch.from_numpy(np.stack([s.audio for s in streams])).unsqueeze(2),
            "frames": torch.from_numpy(np.stack([s.frame_label for s in streams])),
            "label": torch.tensor([s.label for s in streams]),
            "answer": torch.tensor([s.answer for s in streams]),
        }

    def _place(self, position: int) -> int:
        """The clip at this place of the endless shuffled sequence of epochs."""
        epoch, within = divmod(position, self.clips)
        if getattr(self, "_epoch", None) != epoch:
            order = np.random.default_rng([self.recipe.seed, epoch, 1]).permutation(self.clips)
            self._epoch, self._order = epoch, order
        return int(self._order[within])

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits (B, T, labels); in training mode with masked features and dropout."""
        return logits(network, batch["audio"], self.options)

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        """Loss and share of streams answered rightly."""
        labels = batch["label"]
        frames = torch.arange(ANSWER_FRAMES, device=output.device) + batch["answer"][:, None]
        index = frames[:, :, None].expand(-1, -1, output.shape[2])
        answer = output.gather(1, index).mean(1)
        whole = F.cross_entropy(answer, labels, label_smoothing=self.options["smoothing"])
        each = F.cross_entropy(output.flatten(0, 1), batch["frames"].flatten(), ignore_index=IGNORE)
        right = (answer.argmax(1) == labels).float().mean()
        loss = whole + self.options["frame_weight"] * each
        if self.of_speech:
            loss = loss + self.options["peak_weight"] * alarm_loss(
                output[-self.of_speech :], KEYWORDS, settled=SETTLED_FRAMES, window=WINDOW
            )
        return loss, float(right)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Clip accuracy on the validation speakers."""
        return {"val_accuracy": clip_accuracy(from_network(network), self.validation)}

    def test(self, network: nn.Module) -> float:
        """The same on the test speakers, by whom nothing is chosen."""
        return clip_accuracy(from_network(network), load_clips(self.data, "test"))
