"""False alarms and misses in long streams.

False alarms are counted over audio without keywords; misses over keyword clips set into a
continuous bed of noise. Logits are computed once a stream, and the decode loop then runs over
them at any number of thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgernn.spotting import SAMPLE_RATE_HZ
from edgernn.spotting.detector import Detection
from edgernn.spotting.sound import Samples, Wave, rms, to_float
from edgernn.spotting.streams import Logits, Run

STREAM_SECONDS = 60
GAP_SAMPLES = 16000
LATEST_MS = 500.0  # after the word's end, for a detection to count as that word's

Detect = Callable[[Logits], list[Detection]]  # over one whole stream


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clip of one keyword, heard between samples begin and end."""

    label: str
    audio: Samples
    begin: int
    end: int


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


def joined(pieces: Iterable[Samples], hop: int, seconds: int = STREAM_SECONDS) -> list[Wave]:
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
    return [stream[: len(stream) // hop * hop] for stream in streams]


def word_streams(
    words: Sequence[Spoken],
    noises: Sequence[Samples],
    *,
    snr_db: float,
    hop: int,
    rng: np.random.Generator,
) -> list[tuple[Wave, list[Word]]]:
    """Every word once, in its order, 25 a stream, in noise `snr_db` below each of them."""
    bed = np.concatenate([*noises, np.zeros(1, np.int16)])
    streams = []
    for part in np.array_split(np.arange(len(words)), max(1, len(words) // 25)):
        chosen = [words[i] for i in part]
        samples = GAP_SAMPLES + sum(len(one.audio) + GAP_SAMPLES for one in chosen)
        audio = np.zeros(-(-samples // hop) * hop, np.float32)
        placed, place = [], GAP_SAMPLES
        for one in chosen:
            word = to_float(one.audio)
            level = np.float32(0.05 / rms(word[one.begin : one.end]))
            audio[place : place + len(word)] = word * level
            span = [(place + at) * 1000 / SAMPLE_RATE_HZ for at in (one.begin, one.end)]
            placed.append(Word(one.label, *span))
            place += len(word) + GAP_SAMPLES
        first = int(rng.integers(0, max(1, len(bed) - len(audio))))
        noise = to_float(np.resize(bed[first:], len(audio)))
        noise *= np.float32(0.05 * 10 ** (-snr_db / 20) / max(rms(noise), 1e-5))
        streams.append((audio + noise, placed))
    return streams


def count_alarms(streams: Sequence[Logits], detect: Detect, frame_ms: float) -> Alarms:
    """False alarms over the logits of streams without keywords."""
    count = sum(len(detect(logits)) for logits in streams)
    return Alarms(count, sum(map(len, streams)) * frame_ms / 3_600_000)


def count_hits(streams: Sequence[tuple[Logits, list[Word]]], detect: Detect) -> Hits:
    """Keywords heard, and detections that are none."""
    total = right = wrong = extra = 0
    for logits, words in streams:
        found = detect(logits)
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


def alarm_figures(alarms: Mapping[str, Alarms]) -> dict[str, Any]:
    """False alarms by source and over all of them, as plain values for metrics.json."""
    hours = sum(one.hours for one in alarms.values())
    count = sum(one.count for one in alarms.values())
    return {
        "false_alarms": {
            name: {"count": one.count, "hours": one.hours, "per_hour": one.per_hour}
            for name, one in alarms.items()
        },
        "false_alarms_per_hour": Alarms(count, hours).per_hour,
        "hours": hours,
    }
