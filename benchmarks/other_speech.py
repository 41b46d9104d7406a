"""The recognisers on other people: Mandarin speakers of English.

    python -m benchmarks.other_speech --data PATH

speechocean762, all of its speakers that are in the two archives; no recogniser was trained on any.
Measured are utterances all of whose words a recogniser has: strings of digits, as it happens, by
children but for one. The margin is half of a 95 % interval by a bootstrap over utterances. Of the
rest only `known` is told, the share of all words that the vocabulary has, for the others cannot be
right. A report; nothing was chosen by it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.document import table
from edgernn.audio import Audio
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.recognition.errors import WordErrors, word_errors
from edgernn.recognition.evaluate import figures, from_network
from edgernn.recognition.vocabulary import Vocabulary
from edgernn.spotting import SAMPLE_RATE_HZ
from edgernn.spotting.archive import open_archive
from edgernn.spotting.sound import Samples, to_float
from edgernn.spotting.sources import SPEECH_TEST, SPEECH_TRAIN

MODELS = ("asr", "digits")


@dataclass(frozen=True, slots=True)
class Utterance:
    """audio: 16 kHz int16."""

    text: str
    audio: Samples


def load_utterances(data: Path) -> list[Utterance]:
    """All of speechocean762 that is there. Raises: DataError."""
    found = []
    for name in (SPEECH_TRAIN, SPEECH_TEST):
        archive = open_archive(data / name)
        for i, row in enumerate(archive.rows):
            found.append(Utterance(row["text"], archive.clip(i)))
    return found


@torch.no_grad()
def measured(name: str, some: Sequence[Utterance]) -> list[str]:
    """A recogniser's row of the table."""
    model = find_model(name)
    steps, vocabulary = model.steps(), Vocabulary(model.info.labels[1:])
    front, block = steps["features"], steps["encoder"].timing.block
    run = from_network(steps, vocabulary)

    def errors(one: Utterance) -> WordErrors:
        audio = Audio(to_float(one.audio), SAMPLE_RATE_HZ)
        sound = torch.from_numpy(audio.blocks(block * front.timing.block)).reshape(1, -1, 1)
        return word_errors(one.text.split(), run(front(sound)[0].numpy()))

    words = [word for one in some for word in one.text.split()]
    known = sum(word in vocabulary.labels for word in words) / len(words)
    row = figures([errors(one) for one in some if not vocabulary.unknown([one.text])])
    rates = [f"{100 * row['wer']:.1f} %", f"±{100 * row['margin']:.1f}", f"{100 * known:.0f} %"]
    return [name, f"{row['utterances']}", f"{row['words']}", *rates]


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    try:
        some = load_utterances(given.data)
        rows = [measured(name, some) for name in MODELS]
    except EdgernnError as cause:
        print(f"error: {cause}", file=sys.stderr)
        return 2
    print("\n".join(table(["", "utterances", "words", "word errors", "margin", "known"], rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
