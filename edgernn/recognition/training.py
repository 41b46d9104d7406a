"""What the training loop drives to train a transducer: logits, loss, validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.recognition.errors import word_errors
from edgernn.recognition.evaluate import Frames, hypotheses, total
from edgernn.recognition.transducer import Transducer, ctc_greedy
from edgernn.recognition.vocabulary import BLANK, Vocabulary
from edgernn.train.losses.transducer import transducer_loss


class TransducerTask:
    """The part of a recogniser's task that its data does not decide.

    A batch holds features (B, block * T, channels) by the name of `given`, frames (B,) of the
    encoder, targets (B, U), labels (B,).

    Loss: the transducer's on the monotonic lattice, and `ctc` times that of an auxiliary head on
    the encoder's vectors, a word. The predictor forgets words now and then, so that it does not
    learn the texts, which are few. The output holds the logits of both: those of the head lie
    behind the lattice's places, (B, T, U + 2, classes).

    options: `dropout` of the predictor's vectors, `forget`, the share of words that it takes for
    none, and `ctc`. validation: utterances, whose features `stream` gives.
    """

    given = "features"
    options: Mapping[str, Any]
    vocabulary: Vocabulary
    validation: Sequence[Any]

    def tested(self) -> Sequence[Any]:
        """The utterances of the official test, by which nothing is chosen."""
        raise NotImplementedError

    def stream(self, one: Any) -> Frames:
        """What the encoder is given of an utterance."""
        raise NotImplementedError

    def output(self, network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of the lattice and of the head, (B, T, U + 2, classes)."""
        assert isinstance(network, Transducer)
        encoded, words = network.encode(batch[self.given]), batch["targets"]
        if network.training:
            known = torch.rand(words.shape, device=words.device) >= self.options["forget"]
            words = torch.where(known, words, BLANK)
        predicted = network.predict(words)
        predicted = F.dropout(predicted, self.options["dropout"], network.training)
        lattice = network.joiner.lattice(encoded, predicted)
        return torch.cat([lattice, network.ctc(encoded)[:, :, None]], dim=2)

    def counted(self, output: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Which logits are not of frames or places beyond an utterance's end, (B, T, U + 2)."""
        time, places = output.shape[1:3]
        frames = torch.arange(time, device=output.device) < batch["frames"][:, None]
        at = torch.arange(places, device=output.device)
        inside = (at <= batch["labels"][:, None]) | (at == places - 1)
        return frames[:, :, None] & inside[:, None]

    def loss(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, float]:
        """Loss a word, and one less the head's share of word errors."""
        targets, frames, labels = batch["targets"], batch["frames"], batch["labels"]
        lattice, head = output[:, :, :-1], output[:, :, -1]
        found = transducer_loss(lattice, targets, frames, labels, monotonic=True).sum()
        classes = head.log_softmax(2).transpose(0, 1)
        aside = F.ctc_loss(classes, targets, frames, labels, reduction="sum", zero_infinity=True)
        loss = (found + self.options["ctc"] * aside) / labels.sum()
        return loss, self._accuracy(head.detach(), batch)

    def _accuracy(self, head: Tensor, batch: Mapping[str, Tensor]) -> float:
        heard = ctc_greedy(head, batch["frames"])
        wrong = 0
        for row, words in enumerate(heard):
            spoken = batch["targets"][row, : batch["labels"][row]].tolist()
            wrong += word_errors(spoken, [one.label for one in words]).errors
        return max(0.0, 1 - wrong / int(batch["labels"].sum()))

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Word error rates on the validation: of the transducer, and of the head."""
        return self._rates(network, self.validation, "val_")

    def test(self, network: nn.Module) -> float:
        """The transducer's on the official test."""
        return self._rates(network, self.tested(), "")["wer"]

    def _rates(self, network: nn.Module, some: Sequence[Any], prefix: str) -> dict[str, float]:
        assert isinstance(network, Transducer)
        found = hypotheses(network, [self.stream(one) for one in some], self.vocabulary)
        return {f"{prefix}{name}": total(some, words).rate for name, words in found.items()}
