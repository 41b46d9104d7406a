"""Measure the recogniser: words it gets wrong, of the transducer and of its auxiliary head."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import SUBSAMPLED, Frames, framed
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.recognition.decode import Recognizer
from edgernn.recognition.errors import WordErrors, paired_bootstrap, word_errors
from edgernn.recognition.transducer import Transducer, ctc_greedy, greedy
from edgernn.recognition.vocabulary import Vocabulary

BATCH = 32
Run = Callable[[Frames], list[str]]  # cepstra of a stream, (8 n, 13), to words


def stacked(some: Sequence[Utterance]) -> tuple[Tensor, Tensor]:
    """Utterances as one batch of streams (B, 8 T, 13), and the encoder's frames of each (B,)."""
    streams = [framed(one.cepstra) for one in some]
    longest = max(len(one) for one in streams)
    padded = np.stack([np.pad(s, ((0, longest - len(s)), (0, 0)), "edge") for s in streams])
    return torch.from_numpy(padded), torch.tensor([len(one) // SUBSAMPLED for one in streams])


@torch.no_grad()
def hypotheses(network: Transducer, some: Sequence[Utterance]) -> dict[str, list[list[str]]]:
    """The words of each utterance by greedy decoding: `wer` of the transducer, `ctc_wer`."""
    vocabulary = Vocabulary(WORDS)
    found: dict[str, dict[int, list[str]]] = {"wer": {}, "ctc_wer": {}}
    order = sorted(range(len(some)), key=lambda i: len(some[i].cepstra))
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        cepstra, frames = stacked([some[i] for i in rows])
        encoded = network.encode(cepstra)
        heard = {
            "wer": greedy(network, encoded, frames),
            "ctc_wer": ctc_greedy(network.ctc(encoded), frames),
        }
        for name, emitted in heard.items():
            for i, words in zip(rows, emitted, strict=True):
                found[name][i] = vocabulary.decode([one.label for one in words])
    return {name: [one[i] for i in range(len(some))] for name, one in found.items()}


def errors(some: Sequence[Utterance], heard: Sequence[Sequence[str]]) -> list[WordErrors]:
    """Of each utterance."""
    return [word_errors(one.text.split(), words) for one, words in zip(some, heard, strict=True)]


def total(some: Sequence[Utterance], heard: Sequence[Sequence[str]]) -> WordErrors:
    """Of all together."""
    return sum(errors(some, heard), WordErrors(0))


def from_network(steps: Mapping[str, Any]) -> Run:
    """The torch steps, an utterance at once."""
    vocabulary = Vocabulary(WORDS)
    network = Transducer(steps["encoder"], steps["predictor"], steps["joiner"]).eval()

    @torch.no_grad()
    def run(cepstra: Frames) -> list[str]:
        encoded = network.encode(torch.from_numpy(cepstra)[None])
        (words,) = greedy(network, encoded, torch.tensor([encoded.shape[1]]))
        return vocabulary.decode([one.label for one in words])

    return run


def from_session(sessions: Mapping[str, Any]) -> Run:
    """A bundle's steps, frame by frame, from the cepstra on; greedy."""
    recognizer = Recognizer(sessions)

    def run(cepstra: Frames) -> list[str]:
        recognizer.reset()
        words = recognizer.push_features(cepstra) + recognizer.finish()
        return [word.label for word in words]

    return run


def evaluate(run: Run, data: Path) -> dict[str, Any]:
    """Word errors on the official test. wer and its parts are shares of the words spoken.

    margin: half of the 95 % interval of wer by a bootstrap over utterances.
    """
    return _figures(run, load_an4(data, "test"))


def validate(run: Run, data: Path) -> dict[str, Any]:
    """The same on the validation speakers, by which the recipe was chosen.

    repeated: test utterances whose text is spoken in training. unknown: words that only the test
    has.
    """
    train = load_an4(data, "train")
    tested = [one.text for one in load_an4(data, "test")]
    return {
        **_figures(run, load_an4(data, "val")),
        "repeated": len([text for text in tested if text in {one.text for one in train}]),
        "unknown": Vocabulary(WORDS).unknown(tested),
        "train_utterances": len(train),
        "train_speakers": len({one.speaker for one in train}),
    }


def _figures(run: Run, some: Sequence[Utterance]) -> dict[str, Any]:
    each = errors(some, [run(framed(one.cepstra)) for one in some])
    found = sum(each, WordErrors(0))
    chance = paired_bootstrap(each, [WordErrors(one.words) for one in each])
    return {
        "wer": found.rate,
        "margin": (chance.high - chance.low) / 2,
        "substituted": found.substituted / found.words,
        "deleted": found.deleted / found.words,
        "inserted": found.inserted / found.words,
        "words": found.words,
        "utterances": len(some),
        "speakers": len({one.speaker for one in some}),
    }
