"""Measure a recogniser: words it gets wrong, of the transducer and of its auxiliary head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from edgernn.recognition.decode import Recognizer
from edgernn.recognition.errors import WordErrors, paired_bootstrap, word_errors
from edgernn.recognition.transducer import Transducer, ctc_greedy, greedy
from edgernn.recognition.vocabulary import Vocabulary

BATCH = 32
Frames = NDArray[np.float32]  # features of one stream, (block * n, channels)
Run = Callable[[Frames], list[str]]


def stacked(streams: Sequence[Frames], block: int) -> tuple[Tensor, Tensor]:
    """Streams as one batch (B, T, channels), their ends gone on; the blocks of each (B,)."""
    longest = max(len(one) for one in streams)
    padded = np.stack([np.pad(s, ((0, longest - len(s)), (0, 0)), "edge") for s in streams])
    return torch.from_numpy(padded), torch.tensor([len(one) // block for one in streams])


@torch.no_grad()
def hypotheses(
    network: Transducer, streams: Sequence[Frames], vocabulary: Vocabulary
) -> dict[str, list[list[str]]]:
    """The words of each stream by greedy decoding: `wer` of the transducer, `ctc_wer`."""
    found: dict[str, dict[int, list[str]]] = {"wer": {}, "ctc_wer": {}}
    order = sorted(range(len(streams)), key=lambda i: len(streams[i]))
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        features, frames = stacked([streams[i] for i in rows], network.encoder.timing.block)
        encoded = network.encode(features)
        heard = {
            "wer": greedy(network, encoded, frames),
            "ctc_wer": ctc_greedy(network.ctc(encoded), frames),
        }
        for name, emitted in heard.items():
            for i, words in zip(rows, emitted, strict=True):
                found[name][i] = vocabulary.decode([one.label for one in words])
    return {name: [one[i] for i in range(len(streams))] for name, one in found.items()}


def from_network(steps: Mapping[str, Any], vocabulary: Vocabulary) -> Run:
    """The torch steps, a stream of features at once."""
    network = Transducer(steps["encoder"], steps["predictor"], steps["joiner"]).eval()

    @torch.no_grad()
    def run(features: Frames) -> list[str]:
        encoded = network.encode(torch.from_numpy(features)[None])
        (words,) = greedy(network, encoded, torch.tensor([encoded.shape[1]]))
        return vocabulary.decode([one.label for one in words])

    return run


def from_session(sessions: Mapping[str, Any]) -> Run:
    """A bundle's steps, frame by frame, from the features on; greedy."""
    recognizer = Recognizer(sessions)

    def run(features: Frames) -> list[str]:
        recognizer.reset()
        words = recognizer.push_features(features) + recognizer.finish()
        return [word.label for word in words]

    return run


class Said(Protocol):
    """An utterance of which the words are known."""

    @property
    def text(self) -> str: ...


def errors(some: Sequence[Said], heard: Sequence[Sequence[str]]) -> list[WordErrors]:
    """Of each utterance."""
    return [word_errors(one.text.split(), words) for one, words in zip(some, heard, strict=True)]


def total(some: Sequence[Said], heard: Sequence[Sequence[str]]) -> WordErrors:
    """Of all together."""
    return sum(errors(some, heard), WordErrors(0))


def figures(each: Sequence[WordErrors]) -> dict[str, Any]:
    """Word errors of some utterances. wer and its parts are shares of the words spoken.

    margin: half of the 95 % interval of wer by a bootstrap over utterances.
    """
    found = sum(each, WordErrors(0))
    chance = paired_bootstrap(each, [WordErrors(one.words) for one in each])
    return {
        "wer": found.rate,
        "margin": (chance.high - chance.low) / 2,
        "substituted": found.substituted / found.words,
        "deleted": found.deleted / found.words,
        "inserted": found.inserted / found.words,
        "words": found.words,
        "utterances": len(each),
    }
