"""The streams that false alarms and misses of the keyword spotter are counted over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgernn.models.kws import FRAME_MS, LABELS
from edgernn.models.kws.data import HOP, Clips, load_orders, load_speech, load_wake
from edgernn.models.kws.decode import Detection, Detector
from edgernn.spotting import alarms
from edgernn.spotting.alarms import Alarms, Hits, Spoken, Word, joined
from edgernn.spotting.detector import is_keyword
from edgernn.spotting.sound import Samples, Wave
from edgernn.spotting.sources import load_noise
from edgernn.spotting.streams import Logits

WORD_TO_NOISE_DB = 15.0


def quiet_streams(data: Path, split: str) -> dict[str, list[Wave]]:
    """Streams without keywords by source; archives that are absent are left out.

    The threshold is chosen on `val`; `test` has other speakers and recordings.
    """
    sources = {"speech": load_speech(data, split), "sounds": load_noise(data, split)}
    if split == "val":
        sources["wake words"] = load_wake(data, split)
    if split == "test":
        sources["orders"] = load_orders(data)
    return {name: joined(pieces, HOP) for name, pieces in sources.items() if pieces}


def word_streams(
    clips: Clips, noises: Sequence[Samples], *, seed: int = 0
) -> list[tuple[Wave, list[Word]]]:
    """Every keyword clip once, about a minute a stream, in noise 15 dB below each word."""
    rng = np.random.default_rng(seed)
    words = [i for i, label in enumerate(clips.label) if is_keyword(LABELS[label])]
    spoken = [
        Spoken(LABELS[clips.label[i]], clips.audio[i], int(clips.begin[i]), int(clips.end[i]))
        for i in rng.permutation(words)
    ]
    silence = clips.audio[clips.label == LABELS.index("_silence_")]
    return alarms.word_streams(
        spoken, [*noises, *silence], snr_db=WORD_TO_NOISE_DB, hop=HOP, rng=rng
    )


def detections(logits: Logits, threshold: float) -> list[Detection]:
    """What the detector says over one stream."""
    return Detector(threshold=threshold).push(logits)


def count_alarms(streams: Sequence[Logits], threshold: float) -> Alarms:
    """False alarms over the logits of streams without keywords."""
    return alarms.count_alarms(streams, lambda logits: detections(logits, threshold), FRAME_MS)


def count_hits(streams: Sequence[tuple[Logits, list[Word]]], threshold: float) -> Hits:
    """Keywords heard, and detections that are none."""
    return alarms.count_hits(streams, lambda logits: detections(logits, threshold))
