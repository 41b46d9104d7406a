"""Measure the wake-word detector: misses on held-out clips, false alarms in long audio."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.models.wakeword import FRAME_MS, HOP, LABELS
from edgernn.models.wakeword.data import load_other, load_wake, load_words, wanted
from edgernn.models.wakeword.decode import THRESHOLD, Detection, Detector
from edgernn.spotting.alarms import (
    Alarms,
    Word,
    alarm_figures,
    count_alarms,
    count_hits,
    joined,
    run_words,
    word_streams,
)
from edgernn.spotting.detector import is_keyword
from edgernn.spotting.sound import SECOND, Samples, Wave, hiss
from edgernn.spotting.sources import load_native, load_noise, load_orders
from edgernn.spotting.streams import Logits, Run, from_network, from_session

__all__ = ["evaluate", "from_network", "from_session", "task", "validate"]

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94, 0.96)
QUIET_DB, NOISY_DB = 40.0, 10.0
Spoken = list[tuple[Logits, list[Word]]]


def detecting(threshold: float) -> Callable[[Logits], list[Detection]]:
    """What the detector says over one stream, at this threshold."""
    return lambda logits: Detector(threshold=threshold).push(logits)


def quiet_streams(data: Path, split: str) -> dict[str, list[Wave]]:
    """Streams without wake words by source; archives that are absent are left out."""
    sources = {
        "speech": load_other(data, split),
        "words": load_words(data, split),
        "sounds": load_noise(data, split),
    }
    if split == "test":
        sources |= {"orders": load_orders(data, wanted), "native": load_native(data)}
    return {name: joined(pieces, HOP) for name, pieces in sources.items() if pieces}


def _spoken(run: Run, data: Path, split: str, snr_db: float) -> Spoken:
    """Logits of every wake word of a split, set into hiss or, below 40 dB, into sounds."""
    words = load_wake(data, split)
    order = np.random.default_rng(0).permutation(len(words))
    faint: Sequence[Samples] = [np.asarray(hiss(60 * SECOND) * 32768, np.int16)]
    noises = load_noise(data, split) if snr_db < QUIET_DB else faint
    rng = np.random.default_rng(1)
    chosen = [words[i] for i in order]
    return run_words(run, word_streams(chosen, noises or faint, snr_db=snr_db, hop=HOP, rng=rng))


def _curve(spoken: dict[str, Spoken], quiet: Sequence[Logits]) -> list[dict[str, Any]]:
    rows = []
    for threshold in THRESHOLDS:
        detect = detecting(threshold)
        row = {key: count_hits(streams, detect).missed for key, streams in spoken.items()}
        alarms = count_alarms(quiet, detect, FRAME_MS)
        rows.append({"threshold": threshold, "per_hour": alarms.per_hour, **row})
    return rows


def _by_word(streams: Spoken, threshold: float) -> dict[str, float | None]:
    """Misses of each wake word on its own."""
    found = {}
    for label in filter(is_keyword, LABELS):
        own = [(x, [one for one in words if one.label == label]) for x, words in streams]
        found[label] = count_hits(own, detecting(threshold)).missed
    return found


def evaluate(run: Run, data: Path, *, threshold: float = THRESHOLD) -> dict[str, Any]:
    """Every figure of the test split.

    missed: share of wake words in quiet not detected as what they are; missed_noisy: in sounds
    10 dB below them; wrong: detected as another. false_alarms: by source, with the hours
    listened to; left out without the archive. curve: the same by threshold.
    """
    spoken = {
        "missed": _spoken(run, data, "test", QUIET_DB),
        "missed_noisy": _spoken(run, data, "test", NOISY_DB),
    }
    quiet = {
        name: [run(stream) for stream in streams]
        for name, streams in quiet_streams(data, "test").items()
    }
    detect = detecting(threshold)
    hits = {key: count_hits(streams, detect) for key, streams in spoken.items()}
    alarms: dict[str, Alarms] = {
        name: count_alarms(logits, detect, FRAME_MS) for name, logits in quiet.items()
    }
    return {
        "threshold": threshold,
        "words": hits["missed"].words,
        **{key: one.missed for key, one in hits.items()},
        "wrong": hits["missed"].wrong / max(1, hits["missed"].words),
        "missed_by_word": _by_word(spoken["missed"], threshold),
        **alarm_figures(alarms),
        "curve": _curve(spoken, [logits for streams in quiet.values() for logits in streams]),
    }


def task(run: Run, data: Path) -> tuple[str, float]:
    """One figure of what it is for: wake words of validation speakers that are found in quiet."""
    found = count_hits(_spoken(run, data, "val", QUIET_DB), detecting(THRESHOLD))
    return "words found", 1 - (found.missed or 0.0)


def validate(run: Run, data: Path) -> dict[str, Any]:
    """Misses and false alarms by threshold on the validation clips and speakers.

    `decode.THRESHOLD` is chosen from this table and from nothing else.
    """
    spoken = {
        "missed": _spoken(run, data, "val", QUIET_DB),
        "missed_noisy": _spoken(run, data, "val", NOISY_DB),
    }
    quiet = [run(s) for streams in quiet_streams(data, "val").values() for s in streams]
    return {
        "words": sum(len(words) for _, words in spoken["missed"]),
        "hours": sum(map(len, quiet)) * FRAME_MS / 3_600_000,
        "thresholds": _curve(spoken, quiet),
        "train_words": len(load_wake(data, "train")),
    }
