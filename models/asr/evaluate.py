"""Measure the recogniser: words it gets wrong, of the transducer and of its auxiliary head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import SUBSAMPLED, framed
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.recognition import evaluate as measured
from edgernn.recognition.evaluate import Run, errors, from_session, total
from edgernn.recognition.transducer import Transducer
from edgernn.recognition.vocabulary import Vocabulary

__all__ = [
    "errors",
    "evaluate",
    "from_network",
    "from_session",
    "hypotheses",
    "task",
    "total",
    "validate",
]


def stacked(some: Sequence[Utterance]) -> tuple[Tensor, Tensor]:
    """Utterances as one batch of streams (B, 8 T, 13), and the encoder's frames of each (B,)."""
    return measured.stacked([framed(one.cepstra) for one in some], SUBSAMPLED)


def hypotheses(network: Transducer, some: Sequence[Utterance]) -> dict[str, list[list[str]]]:
    """The words of each utterance by greedy decoding: `wer` of the transducer, `ctc_wer`."""
    streams = [framed(one.cepstra) for one in some]
    return measured.hypotheses(network, streams, Vocabulary(WORDS))


def from_network(steps: Mapping[str, Any]) -> Run:
    """The torch steps, an utterance at once."""
    return measured.from_network(steps, Vocabulary(WORDS))


def evaluate(run: Run, data: Path) -> dict[str, Any]:
    """Word errors on the official test. wer and its parts are shares of the words spoken.

    margin: half of the 95 % interval of wer by a bootstrap over utterances.
    """
    return _figures(run, load_an4(data, "test"))


def task(run: Run, data: Path) -> tuple[str, float]:
    """One figure of what it is for: words of validation speakers that are right."""
    return "words right", 1 - float(_figures(run, load_an4(data, "val"))["wer"])


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
    return {**measured.figures(each), "speakers": len({one.speaker for one in some})}
