"""Measure the keyword spotter: clip accuracy on held-out speakers, false alarms, misses."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgernn.models.kws import LABELS
from edgernn.models.kws.alarms import count_alarms, count_hits, quiet_streams, word_streams
from edgernn.models.kws.augment import ANSWER_FRAMES, TAIL_SAMPLES
from edgernn.models.kws.data import HOP, Clips, load_clips
from edgernn.models.kws.decode import THRESHOLD
from edgernn.spotting.alarms import alarm_figures, run_words
from edgernn.spotting.sound import Samples, Wave, hiss, to_float
from edgernn.spotting.sources import load_noise
from edgernn.spotting.streams import Run, from_network, from_session

__all__ = ["clip_accuracy", "evaluate", "from_network", "from_session", "task", "validate"]

LEAD_SAMPLES = 6400  # of hiss before a clip, which a stream has and a clip lacks
THRESHOLDS = tuple(round(0.5 + 0.02 * i, 2) for i in range(25))


def clip_stream(clip: Samples) -> Wave:
    """The stream that a clip is judged in: 0.4 s of hiss, the clip, 0.2 s of hiss."""
    stream = hiss(LEAD_SAMPLES + len(clip) + TAIL_SAMPLES)
    stream[LEAD_SAMPLES : LEAD_SAMPLES + len(clip)] += to_float(clip)
    return stream[: len(stream) // HOP * HOP]


def clip_answer(run: Run, clip: Samples) -> int:
    """THE definition of the answer to a clip: argmax of the mean logits of the last 25 frames."""
    return int(run(clip_stream(clip))[-ANSWER_FRAMES:].mean(0).argmax())


def right_answers(run: Run, clips: Clips) -> NDArray[np.bool_]:
    """Whether each clip is answered rightly, (N,)."""
    answers = [clip_answer(run, clip) for clip in clips.audio]
    return np.asarray(np.array(answers, np.int64) == clips.label)


def clip_accuracy(run: Run, clips: Clips) -> float:
    """Share of clips answered rightly, in [0, 1]."""
    return float(right_answers(run, clips).mean())


def evaluate(run: Run, data: Path, *, threshold: float = THRESHOLD) -> dict[str, Any]:
    """Every figure of the test split. Keys end in their unit where they have one.

    accuracy: of clips, in [0, 1]; margin: half its 95 % interval were clips independent;
    spoken_accuracy: without the `_silence_` clips. missed: share of keyword clips in noise not
    detected as what they are. false_alarms: by source, with the hours listened to; left out
    without the archive.
    """
    clips = load_clips(data, "test")
    words = run_words(run, word_streams(clips, load_noise(data, "test")))
    hits = count_hits(words, threshold)
    alarms = {
        name: count_alarms([run(stream) for stream in streams], threshold)
        for name, streams in quiet_streams(data, "test").items()
    }
    right = right_answers(run, clips)
    accuracy = float(right.mean())
    return {
        "accuracy": accuracy,
        "margin": 1.96 * math.sqrt(accuracy * (1 - accuracy) / len(clips)),
        "spoken_accuracy": float(right[clips.label != LABELS.index("_silence_")].mean()),
        "clips": len(clips),
        "speakers": len(set(clips.speaker) - {""}),
        "threshold": threshold,
        "words": hits.words,
        "missed": hits.missed,
        "wrong": hits.wrong / max(1, hits.words),
        **alarm_figures(alarms),
    }


def task(run: Run, data: Path) -> tuple[str, float]:
    """One figure of what it is for, on validation speakers."""
    return "accuracy", clip_accuracy(run, load_clips(data, "val"))


def validate(run: Run, data: Path) -> dict[str, Any]:
    """Clip accuracy, and false alarms and misses by threshold, on validation speakers only.

    `decode.THRESHOLD` is chosen from this table and from nothing else.
    """
    clips = load_clips(data, "val")
    quiet = [run(s) for streams in quiet_streams(data, "val").values() for s in streams]
    words = run_words(run, word_streams(clips, load_noise(data, "val")))
    rows = []
    for threshold in THRESHOLDS:
        alarms, hits = count_alarms(quiet, threshold), count_hits(words, threshold)
        rows.append({"threshold": threshold, "per_hour": alarms.per_hour, "missed": hits.missed})
    train = load_clips(data, "train")
    return {
        "accuracy": clip_accuracy(run, clips),
        "clips": len(clips),
        "speakers": len(set(clips.speaker) - {""}),
        "thresholds": rows,
        "train_clips": len(train),
        "train_speakers": len(set(train.speaker) - {""}),
    }
