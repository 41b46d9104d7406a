"""False alarms and misses in long streams, and the threshold that balances them.

False alarms are counted over audio without keywords; misses over keyword clips of held-out
speakers set into a continuous bed of noise. Logits are computed once a stream, and `Detector`
then runs over them at any number of thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgernn.models.kws import FRAME_MS, LABELS, SAMPLE_RATE_HZ
from edgernn.models.kws.augment import Wave, rms, to_float
from edgernn.models.kws.data import (
    HOP,
    Clips,
    Samples,
    load_noise,
    load_orders,
    load_speech,
    load_wake,
)
from edgernn.models.kws.decode import Detection, Detector
from edgernn.models.kws.streams import Logits, Run

STREAM_SECONDS = 60
GAP_SAMPLES = 16000
WORD_TO_NOISE_DB = 15.0
LATEST_MS = 500.0  # after the word's end, for a detection to count as that word's


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword in a stream: its label and when it is heard, ms."""

    label: str
    begin_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Alarms:
    """Detections where no keyword was spoken."""

    count: int
    hours: float

    @property
    def per_hour(self) -> float | None:
        """False alarms an hour; None where nothing was listened to."""
        return self.count / self.hours if self.hours else None


@dataclass(frozen=True, slots=True)
class Hits:
    """How the keywords of a stream were heard; `extra` detections belong to none of them."""

    words: int
    right: int
    wrong: int
    extra: int

    @property
    def missed(self) -> float | None:
        """Share of words not detected as what they are; None where there were none."""
        return 1 - self.right / self.words if self.words else None


def joined(pieces: Iterable[Samples], seconds: int = STREAM_SECONDS) -> list[Wave]:
    """Recordings one after another, in streams of about a minute, whole hops long."""
    streams: list[Wave] = []
    held: list[Wave] = []
    for piece in pieces:
        held.append(to_float(piece))
        if sum(map(len, held)) >= seconds * SAMPLE_RATE_HZ:
            streams.append(np.concatenate(held))
            held = []
    if held:
        streams.append(np.concatenate(held))
    return [stream[: len(stream) // HOP * HOP] for stream in streams]


def quiet_streams(data: Path, split: str) -> dict[str, list[Wave]]:
    """Streams without keywords by source; archives that are absent are left out.

    The threshold is chosen on `val`; `test` has other speakers and recordings.
    """
    sources = {"speech": load_speech(data, split), "sounds": load_noise(data, split)}
    if split == "val":
        sources["wake words"] = load_wake(data, split)
    if split == "test":
        sources["orders"] = load_orders(data)
    return {name: joined(pieces) for name, pieces in sources.items() if pieces}


def word_streams(
    clips: Clips, noises: Sequence[Samples], *, seed: int = 0
) -> list[tuple[Wave, list[Word]]]:
    """Every keyword clip once, about a minute a stream, in noise 15 dB below each word."""
    rng = np.random.default_rng(seed)
    silence = clips.audio[clips.label == LABELS.index("_silence_")]
    bed = np.concatenate([*noises, *silence, np.zeros(1, np.int16)])
    order = rng.permutation(np.flatnonzero(~np.char.startswith(np.array(LABELS), "_")[clips.label]))
    streams = []
    for part in np.array_split(order, max(1, len(order) // 25)):
        audio = np.zeros(GAP_SAMPLES + len(part) * (16000 + GAP_SAMPLES), np.float32)
        words, place = [], GAP_SAMPLES
        for i in part:
            begin, end = int(clips.begin[i]), int(clips.end[i])
            word = to_float(clips.audio[i])
            audio[place : place + len(word)] = word * np.float32(0.05 / rms(word[begin:end]))
            span = [(place + at) * 1000 / SAMPLE_RATE_HZ for at in (begin, end)]
            words.append(Word(LABELS[clips.label[i]], *span))
            place += len(word) + GAP_SAMPLES
        first = int(rng.integers(0, max(1, len(bed) - len(audio))))
        noise = to_float(np.resize(bed[first:], len(audio)))
        noise *= np.float32(0.05 * 10 ** (-WORD_TO_NOISE_DB / 20) / max(rms(noise), 1e-5))
        streams.append((audio + noise, words))
    return streams


def detections(logits: Logits, threshold: float) -> list[Detection]:
    """What the detector says over one stream."""
    return Detector(LABELS, threshold=threshold).push(logits)


def count_alarms(streams: Sequence[Logits], threshold: float) -> Alarms:
    """False alarms over the logits of streams without keywords."""
    count = sum(len(detections(logits, threshold)) for logits in streams)
    return Alarms(count, sum(map(len, streams)) * FRAME_MS / 3_600_000)


def count_hits(streams: Sequence[tuple[Logits, list[Word]]], threshold: float) -> Hits:
    """Keywords heard, and detections that are none."""
    total = right = wrong = extra = 0
    for logits, words in streams:
        found = detections(logits, threshold)
        total += len(words)
        taken: set[int] = set()
        for word in words:
            near = [
                i
                for i, one in enumerate(found)
                if i not in taken and word.begin_ms <= one.time_ms <= word.end_ms + LATEST_MS
            ]
            hit = next((i for i in near if found[i].label == word.label), None)
            right += hit is not None
            wrong += hit is None and bool(near)
            taken.update(near)
        extra += len(found) - len(taken)
    return Hits(total, right, wrong, extra)


def run_words(
    run: Run, streams: Sequence[tuple[Wave, list[Word]]]
) -> list[tuple[Logits, list[Word]]]:
    """Logits of the streams of `word_streams`."""
    return [(run(audio), words) for audio, words in streams]
