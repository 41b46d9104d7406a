"""Weight columns that keyword spotters read in speech, noise and quiet, and how well they hear.

    python -m benchmarks.delta_kws --data PATH kws runs/kws-delta
    python -m benchmarks.delta_kws --data PATH --pick 0.01 --block 4 kws

Each is a model's name or the folder of a training. With --pick it gets the thresholds that read the
fewest columns in the words of the validation speakers, while the cross entropy of their answers
rises by no more than that. Counted are the products behind holds, in
torch; a compiled step reads the same columns (`edgernn/compress/columns.py`).

speech: frames within the word of every keyword clip of the test speakers, after 0.4 s of hiss.
noise:  the sound events of the test fold (ESC-10), half a second after each begins.
quiet:  what those speakers' microphones give before a word, where it is below -50 dBFS: to and
        fro for 4 s, half a second after it begins.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.document import table
from edgernn.compress.columns import Read, Stream, columns_read, whole
from edgernn.compress.thresholds import pick_thresholds
from edgernn.errors import EdgernnError
from edgernn.model import find_model
from edgernn.models.kws import LABELS, SAMPLE_RATE_HZ
from edgernn.models.kws.augment import ANSWER_FRAMES
from edgernn.models.kws.data import HOP, Clips, load_clips
from edgernn.models.kws.evaluate import LEAD_SAMPLES, clip_accuracy, clip_stream
from edgernn.spotting.detector import is_keyword
from edgernn.spotting.sound import Wave, rms, to_float
from edgernn.spotting.sources import load_noise
from edgernn.spotting.streams import from_network
from edgernn.streaming import Streaming

QUIET_DBFS, QUIET_SECONDS = -50.0, 4
LEAST_LEAD, MARGIN = 2 * SAMPLE_RATE_HZ // 5, SAMPLE_RATE_HZ // 10  # before a word, samples
SETTLED = SAMPLE_RATE_HZ // 2 // HOP  # frames until a stream without a lead is counted
BATCH = 250


@dataclass(frozen=True, slots=True)
class Row:
    """One model: clip accuracy on validation and test speakers, columns read by condition."""

    model: str
    val_accuracy: float
    test_accuracy: float
    reads: dict[str, list[Read]] = field(default_factory=dict)

    def share(self, condition: str) -> float:
        return whole(self.reads[condition])


def conditions(data: Path, split: str = "test") -> dict[str, list[Stream]]:
    """Streams by condition. Raises: DataError without the keyword clips."""
    clips = load_clips(data, split)
    noises = [to_float(noise) for noise in load_noise(data, split)]
    leads = [lead for clip in _words(clips) for lead in _lead(clips, clip)]
    return {
        "speech": speech(clips),
        "noise": [settled(noises)] if noises else [],
        "quiet": [settled(leads)] if leads else [],
    }


def _words(clips: Clips) -> list[int]:
    return [i for i, label in enumerate(clips.label) if is_keyword(LABELS[label])]


def speech(clips: Clips) -> list[Stream]:
    """Keyword clips, counted from the first to the last frame of the word."""
    words = _words(clips)
    waves = np.stack([clip_stream(clips.audio[i]) for i in words])
    frame = np.arange(waves.shape[1] // HOP)
    first, last = ((LEAD_SAMPLES + at[words]) // HOP for at in (clips.begin, clips.end))
    counted = (frame >= first[:, None]) & (frame < last[:, None])
    return [
        Stream(torch.from_numpy(waves[a : a + BATCH, :, None]), torch.from_numpy(rows))
        for a, rows in ((a, counted[a : a + BATCH]) for a in range(0, len(words), BATCH))
    ]


def _lead(clips: Clips, index: int) -> list[Wave]:
    """What precedes a word, to and fro, if it is long and quiet enough."""
    begin = int(clips.begin[index])
    wave = to_float(clips.audio[index][: begin - MARGIN])
    if begin < LEAST_LEAD or 20 * np.log10(rms(wave)) > QUIET_DBFS:
        return []
    return [np.resize(np.concatenate([wave, wave[::-1]]), QUIET_SECONDS * SAMPLE_RATE_HZ)]


def settled(waves: Sequence[Wave]) -> Stream:
    """Recordings cut to the length of the shortest, all frames counted but the first."""
    samples = min(map(len, waves)) // HOP * HOP
    x = torch.from_numpy(np.stack([wave[:samples] for wave in waves])).unsqueeze(2)
    counted = torch.ones(len(x), samples // HOP, dtype=torch.bool)
    counted[:, :SETTLED] = False
    return Stream(x, counted)


def network_of(name: str) -> Streaming:
    """The one step of a model. Raises: ModelError, UnknownName."""
    return next(iter(find_model(name).steps().values()))


def measured(
    name: str, network: Streaming, data: Path, streams: Mapping[str, Sequence[Stream]]
) -> Row:
    """One network over all of them."""
    run = from_network(network)
    val, test = (clip_accuracy(run, load_clips(data, split)) for split in ("val", "test"))
    reads = {condition: columns_read(network, some) for condition, some in streams.items() if some}
    return Row(name, val, test, reads)


def pick(network: Streaming, data: Path, allowed: float, block: int) -> str:
    """Give the network thresholds, chosen on validation speakers; says which."""
    clips = load_clips(data, "val")
    x = torch.from_numpy(np.stack([clip_stream(clip) for clip in clips.audio])).unsqueeze(2)
    labels = torch.from_numpy(clips.label)

    @torch.no_grad()
    def loss(trial: nn.Module) -> float:
        return float(F.cross_entropy(trial(x)[:, -ANSWER_FRAMES:].mean(1), labels))

    found = pick_thresholds(network, speech(clips), loss, allowed=allowed, block=block)
    found.how.apply(network)
    return ", ".join(
        f"{name} {[round(one, 3) for one in given]}" for name, given in found.how.thresholds.items()
    )


def as_table(rows: Sequence[Row]) -> list[str]:
    """Accuracies in per cent, shares of the weights behind holds; 1 where nothing is held."""
    names = list(rows[0].reads)
    lines = [
        [
            *(row.model, f"{100 * row.val_accuracy:.1f}", f"{100 * row.test_accuracy:.1f}"),
            *(f"{row.share(name):.3f}" for name in names),
        ]
        for row in rows
    ]
    return table(["model", "val %", "test %", *names], lines)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="names or folders of trainings")
    parser.add_argument("--data", type=Path, required=True, help="folder with the archives")
    parser.add_argument("--pick", type=float, metavar="LOSS", help="thresholds within this loss")
    parser.add_argument("--block", type=int, default=1, choices=(1, 4), help="of --pick")
    parser.add_argument("--json", action="store_true", help="figures as JSON, signal by signal")
    return parser.parse_args()


def main() -> None:
    """Measure and tell."""
    options = arguments()
    streams = conditions(options.data)
    rows = []
    for name in options.models:
        network, title = network_of(name), name
        if options.pick is not None:
            title += f", {pick(network, options.data, options.pick, options.block)}"
        rows.append(measured(title, network, options.data, streams))
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        print("\n".join(as_table(rows)))


if __name__ == "__main__":
    try:
        main()
    except EdgernnError as error:
        sys.exit(f"error: {error}")
