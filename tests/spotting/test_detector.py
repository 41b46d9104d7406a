"""The decode loop that the spotters share: smoothing, threshold, refractory time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgernn.spotting.detector import WordDetector

LABELS = ("_silence_", "_unknown_", "go", "stop")
GO, STOP = LABELS.index("go"), LABELS.index("stop")


def detector(**options: Any) -> WordDetector:
    settings = {"threshold": 0.6, "window_ms": 300.0, "refractory_ms": 600.0, "frame_ms": 20.0}
    return WordDetector(LABELS, **{**settings, **options})


def logits(*spans: tuple[int, int], strength: float = 9.0) -> np.ndarray:
    """Frames of logits: each span is a label and how many frames it is the clear winner."""
    rows = [np.eye(len(LABELS))[label] * strength for label, n in spans for _ in range(n)]
    return np.array(rows)


def test_one_word_is_detected_once_and_timed() -> None:
    found = detector(threshold=0.8).push(logits((0, 20), (GO, 40), (0, 20)))
    assert [one.label for one in found] == ["go"]
    assert 620 <= found[0].time_ms <= 700
    assert 0.8 <= found[0].score <= 1.0


def test_time_is_counted_in_the_frames_of_the_model() -> None:
    stream = logits((0, 20), (GO, 40))
    (short,) = detector(window_ms=20.0).push(stream)
    (long,) = detector(window_ms=32.0, frame_ms=32.0).push(stream)
    assert (short.time_ms, long.time_ms) == (21 * 20.0, 21 * 32.0)


def test_frame_by_frame_is_what_a_whole_stream_is() -> None:
    stream = logits((0, 20), (GO, 15), (0, 40), (STOP, 15), (0, 20))
    one, other = detector(), detector()
    assert [d for row in stream for d in one.push(row)] == other.push(stream)


def test_two_words_are_two_detections() -> None:
    found = detector().push(logits((GO, 15), (0, 40), (STOP, 15), (0, 10)))
    assert [one.label for one in found] == ["go", "stop"]


def test_same_word_again_is_detected_again() -> None:
    found = detector().push(logits((GO, 15), (0, 40), (GO, 15)))
    assert [one.label for one in found] == ["go", "go"]


def test_a_word_within_the_refractory_time_is_not_detected() -> None:
    one = detector(refractory_ms=1000)
    assert len(one.push(logits((GO, 15), (STOP, 15), (0, 30)))) == 1


@pytest.mark.parametrize("label", ["_silence_", "_unknown_"])
def test_labels_in_underscores_are_never_detected(label: str) -> None:
    assert detector(threshold=0.1).push(logits((LABELS.index(label), 50))) == []


def test_a_short_spike_is_smoothed_away() -> None:
    assert detector().push(logits((0, 20), (GO, 4), (0, 20))) == []


def test_reset_forgets_the_stream() -> None:
    one = detector()
    stream = logits((0, 5), (GO, 15))
    first = one.push(stream)
    one.reset()
    assert one.push(stream) == first
