"""Weight columns that the recogniser reads in speech, pauses and quiet, and words it gets wrong.

    python -m benchmarks.delta_asr --data PATH asr runs/asr-delta
    python -m benchmarks.delta_asr --data PATH --pick 0.02 --block 4 asr

Each is a model's name or the folder of a training. With --pick its cells get the thresholds that
read the fewest columns in the validation utterances, while the transducer's loss a word rises by no
more than that. Counted are the products behind holds, in torch; a compiled step reads the same
columns (`edgernn/compress/columns.py`).

speech: frames of the test utterances whose level is above the middle of the utterance's own range.
pauses: their other frames, the silence before and behind among them.
quiet:  the quietest tenth of each test utterance's frames, to and fro for 4 s, after the first half
        second.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmarks.document import table
from edgernn.compress.columns import Stream, columns_read, whole
from edgernn.compress.thresholds import pick_thresholds
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import SUBSAMPLED, framed
from edgernn.models.asr.data import Utterance, load_an4
from edgernn.models.asr.evaluate import from_network, stacked, total
from edgernn.recognition.transducer import Transducer
from edgernn.recognition.vocabulary import Vocabulary
from edgernn.train.losses.transducer import transducer_loss

QUIET_FRAMES, SETTLED = 400, 50  # of cepstra


@dataclass(frozen=True, slots=True)
class Row:
    """Word error rates, and the share of columns that is read by condition."""

    form: str
    val_wer: float
    test_wer: float
    speech: float
    pauses: float
    quiet: float


def conditions(some: Sequence[Utterance]) -> dict[str, list[Stream]]:
    """Streams of cepstra by condition; utterances one by one, since their lengths differ."""
    found: dict[str, list[Stream]] = {"speech": [], "pauses": [], "quiet": []}
    for one in some:
        x = framed(one.cepstra)
        level = x[:, 0].reshape(-1, SUBSAMPLED).mean(1)
        low, high = np.quantile(one.cepstra[:, 0], [0.1, 0.9])
        loud = torch.from_numpy(level > (low + high) / 2)[None]
        stream = torch.from_numpy(x)[None]
        found["speech"].append(Stream(stream, loud))
        found["pauses"].append(Stream(stream, ~loud))
        quiet = one.cepstra[one.cepstra[:, 0] <= low]
        tone = np.resize(np.concatenate([quiet, quiet[::-1]]), (QUIET_FRAMES, quiet.shape[1]))
        settled = torch.arange(QUIET_FRAMES // SUBSAMPLED) * SUBSAMPLED >= SETTLED
        found["quiet"].append(Stream(torch.from_numpy(tone)[None], settled[None]))
    return found


class Validation:
    """The validation utterances as one batch."""

    def __init__(self, some: Sequence[Utterance]) -> None:
        vocabulary = Vocabulary(WORDS)
        labels = [torch.tensor(vocabulary.encode(one.text, leave_out=True)) for one in some]
        self.cepstra, self.frames = stacked(some)
        self.labels = torch.tensor([len(one) for one in labels])
        self.targets = pad_sequence(labels, batch_first=True)

    @torch.no_grad()
    def loss(self, network: Transducer, encoder: nn.Module) -> float:
        """The transducer's, a word."""
        predicted = network.predict(self.targets)
        lattice: Tensor = network.joiner.lattice(encoder(self.cepstra), predicted)
        ends = (self.targets, self.frames, self.labels)
        return float(transducer_loss(lattice, *ends, monotonic=True).sum() / self.labels.sum())


def network_of(name: str) -> Transducer:
    """The trained steps. Raises: ModelError, UnknownName."""
    steps = find_model(name).steps()
    parts: Any = (steps[part] for part in ("encoder", "predictor", "joiner"))
    return Transducer(*parts).eval()


def measured(form: str, network: Transducer, splits: Mapping[str, Sequence[Utterance]]) -> Row:
    """One network over all utterances."""
    run = from_network(dict(network.named_children()))
    wer = [total(some, [run(framed(one.cepstra)) for one in some]).rate for some in splits.values()]
    kinds = conditions(splits["test"])
    shares = [whole(columns_read(network.encoder, some)) for some in kinds.values()]
    return Row(form, *wer, *shares)


def pick(network: Transducer, some: Sequence[Utterance], allowed: float, block: int) -> str:
    """Give the encoder thresholds, chosen on these utterances; says which."""
    validation = Validation(some)
    streams = [Stream(torch.from_numpy(framed(one.cepstra))[None]) for one in some]
    found = pick_thresholds(
        network.encoder,
        streams,
        lambda trial: validation.loss(network, trial),
        allowed=allowed,
        block=block,
    )
    found.how.apply(network.encoder)
    told = (f"{name} {[round(one, 3) for one in t]}" for name, t in found.how.thresholds.items())
    return f"{', '.join(told)}; loss {found.open_loss:.4f}, then {found.loss:.4f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Gives the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.delta_asr",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", help="names or folders of trainings")
    parser.add_argument("--data", type=Path, required=True, help="folder with an4_mfcc13.npz")
    parser.add_argument("--pick", type=float, metavar="LOSS", help="thresholds within this loss")
    parser.add_argument("--block", type=int, choices=[1, 4], default=1, help="of --pick")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    rows = []
    try:
        splits = {split: load_an4(options.data, split) for split in ("val", "test")}
        for name in options.models:
            network, form = network_of(name), name
            if options.pick is not None:
                form += f", --pick {options.pick:g} --block {options.block}"
                told = pick(network, splits["val"], options.pick, options.block)
                print(f"{form}: {told}", file=sys.stderr)
            rows.append(measured(form, network, splits))
    except EdgernnError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    head = ["", "validation", "test", "speech", "pauses", "quiet"]
    cells = [
        [row.form, f"{row.val_wer:.1%}", f"{row.test_wer:.1%}"]
        + [f"{share:.3f}" for share in (row.speech, row.pauses, row.quiet)]
        for row in rows
    ]
    print("\n".join(table(head, cells)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
