"""The keyword spotter: its network, its shipped weights and clips, its decode loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from edgernn.model import find_model
from edgernn.models.kws import LABELS
from edgernn.models.kws.decode import Detector
from edgernn.models.kws.evaluate import clip_answer, from_network
from edgernn.models.kws.network import build
from edgernn.spotting.streams import Run
from edgernn.testing import check_streaming

GO, STOP = LABELS.index("go"), LABELS.index("stop")


@pytest.fixture(scope="module", params=["kws", "kws/dense", "kws/half"])
def run(request: pytest.FixtureRequest) -> Run:
    return from_network(find_model(request.param).steps()["kws"])


def logits(*spans: tuple[int, int], strength: float = 9.0) -> np.ndarray:
    """Frames of logits: each span is a label and how many frames it is the clear winner."""
    rows = [np.eye(len(LABELS))[label] * strength for label, n in spans for _ in range(n)]
    return np.array(rows)


def test_network_obeys_the_law() -> None:
    torch.manual_seed(0)
    network = build(channels=8, hidden=8)
    check_streaming(network, torch.randn(3, 320 * 12, 1) * 0.1)


def test_network_takes_20_ms_and_looks_at_no_later_sample() -> None:
    timing = build().timing
    assert (timing.block, timing.delay) == (320, 0)
    assert timing.ratio * 320 == 1


def test_size_is_what_was_asked_for() -> None:
    network = find_model("kws").steps()["kws"]
    assert 100_000 <= sum(p.numel() for p in network.parameters()) <= 200_000


def answer(run: Run, label: str) -> str:
    folder = find_model("kws").folder
    assert folder
    clip, rate = soundfile.read(folder / "clips" / f"{label.strip('_')}.wav", dtype="int16")
    assert rate == 16000
    return LABELS[clip_answer(run, clip)]


@pytest.mark.parametrize("label", LABELS)
def test_shipped_weights_recognise_the_shipped_clip(run: Run, label: str) -> None:
    assert answer(run, label) == label


def test_the_smallest_form_recognises_most_of_them() -> None:
    tiny = from_network(find_model("kws/tiny").steps()["kws"])
    assert sum(answer(tiny, label) == label for label in LABELS) >= 9


def test_words_of_the_shipped_stream_are_detected_in_order(run: Run) -> None:
    folder = find_model("kws").folder
    assert folder
    audio, _ = soundfile.read(folder / "clips" / "stream.wav", dtype="float32")
    found = Detector().push(run(audio))
    assert [one.label for one in found] == ["go", "stop", "left", "yes", "up"]
    starts = [500, 2000, 3500, 5000, 8000]
    assert all(s < one.time_ms < s + 1300 for s, one in zip(starts, found, strict=True))


@pytest.mark.parametrize("label", ["_silence_", "_unknown_"])
def test_labels_in_underscores_are_never_detected(label: str) -> None:
    assert Detector(threshold=0.1).push(logits((LABELS.index(label), 50))) == []


def test_card_states_what_was_measured() -> None:
    import json

    from edgernn.models.kws.card import render

    folder = find_model("kws").folder
    assert folder
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (folder / "CARD.md").read_text() == render(metrics)
    assert 0.5 < metrics["figures"]["torch fp32"]["accuracy"] < 1.0


def test_labels_are_sorted_as_the_weights_were_trained() -> None:
    assert list(LABELS) == sorted(LABELS)
    assert Path(str(find_model("kws").source)).name == "network.py"
