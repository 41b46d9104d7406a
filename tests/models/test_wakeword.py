"""The wake-word detector: its network, its cost, its shipped weights and clips, its card."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from edgernn.audio import read_audio
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import simplify
from edgernn.model import Model, find_model
from edgernn.models.wakeword import HOP, LABELS, SAMPLE_RATE_HZ
from edgernn.models.wakeword.card import CURVE, MACS, PARAMETERS, RECOMPUTED_MACS, pictures, render
from edgernn.models.wakeword.decode import Detector
from edgernn.models.wakeword.evaluate import from_network
from edgernn.models.wakeword.network import build
from edgernn.spotting.streams import Run
from edgernn.testing import check_streaming

WORDS = LABELS[1:]
OTHER = LABELS.index("_other_")


@pytest.fixture(scope="module")
def model() -> Model:
    return find_model("wakeword")


@pytest.fixture(scope="module")
def run(model: Model) -> Run:
    return from_network(model.steps()["wakeword"])


@pytest.fixture(scope="module")
def graph(model: Model) -> Graph:
    step = capture(model.steps()["wakeword"], torch.zeros(1, HOP, 1), "wakeword")
    return simplify(to_graph(step))[0]


def clip(model: Model, name: str) -> np.ndarray:
    """A shipped clip and half a second of silence, in whole hops."""
    path = next(path for path in model.clips() if path.stem == name)
    samples = read_audio(path, SAMPLE_RATE_HZ).samples
    padded = np.zeros(-(-(len(samples) + 8000) // HOP) * HOP, np.float32)
    padded[: len(samples)] = samples
    return padded


def after_features(graph: Graph) -> Graph:
    """The graph without the log-mel front end: all that depends on the normalised features."""
    first = next(i for i, node in enumerate(graph.nodes) if node.op == "conv1d")
    after = graph.copy()
    after.nodes = graph.nodes[first:]
    return after


def test_network_obeys_the_law() -> None:
    torch.manual_seed(0)
    network = build(channels=(8, 8, 8, 4))
    check_streaming(network, torch.randn(2, HOP * 34, 1) * 0.1)


def test_network_takes_one_hop_and_looks_at_no_later_sample() -> None:
    timing = build().timing
    assert (timing.block, timing.delay) == (HOP, 0)
    assert timing.ratio * HOP == 1


def test_a_hop_costs_46_thousand_multiplications_after_the_features(graph: Graph) -> None:
    assert after_features(graph).macs() == MACS == 46_136


def test_recomputing_thirty_frames_would_cost_what_the_reference_costs() -> None:
    """MLPerf Tiny's 826,368 with its three classes: each layer once for each frame it gives."""
    frames, total, width = 30, 0, 40
    for wide, kernel in zip((128, 128, 128, 32), (3, 5, 10, 15), strict=True):
        frames -= kernel - 1
        total += frames * (kernel * width + width * wide)
        width = wide
    assert frames == 1
    assert total + 3 * width == 826_368
    assert total + len(LABELS) * width == RECOMPUTED_MACS


def test_the_size_is_that_of_the_geometry(graph: Graph) -> None:
    """46,883 with three classes; three more classes are 3 * 33."""
    products = [n for n in after_features(graph).nodes if n.op in ("conv1d", "linear")]
    weights = [name for node in products for name in node.inputs[1:]]
    assert sum(graph.values[name].size for name in weights) == PARAMETERS == 46_883 + 3 * 33


def test_depthwise_convolutions_stay_convolutions(graph: Graph) -> None:
    found = [node for node in graph.nodes if node.op == "conv1d"]
    shapes = [graph.values[node.inputs[1]].shape for node in found]
    assert shapes == [(40, 3, 1), (128, 5, 1), (128, 10, 1), (128, 15, 1)]
    assert [node.attrs["groups"] for node in found] == [40, 128, 128, 128]


@pytest.mark.parametrize("label", WORDS)
def test_shipped_weights_hear_the_shipped_clip(model: Model, run: Run, label: str) -> None:
    found = Detector().push(run(clip(model, label.replace(" ", "_"))))
    assert [one.label for one in found] == [label]


def test_other_speech_is_no_wake_word(model: Model, run: Run) -> None:
    assert Detector().push(run(clip(model, "other"))) == []


def test_words_of_the_shipped_stream_are_detected_in_order(model: Model, run: Run) -> None:
    found = Detector().push(run(clip(model, "stream")))
    said = ["jarvis", "smart mirror", "alexa", "computer", "snowboy"]
    assert [one.label for one in found] == said
    starts = [500, 2000, 5000, 6500, 8000]
    assert all(s < one.time_ms < s + 1700 for s, one in zip(starts, found, strict=True))


def test_nothing_is_heard_in_silence_nor_in_noise(run: Run) -> None:
    noise = np.random.default_rng(0).normal(0, 0.02, HOP * 300).astype(np.float32)
    for audio in (np.zeros(HOP * 300, np.float32), noise):
        assert Detector().push(run(audio)) == []


def test_the_detector_has_the_models_labels_and_frames() -> None:
    stream = np.zeros((60, len(LABELS)))
    stream[:, OTHER] = 9.0
    stream[30:45] = np.eye(len(LABELS))[LABELS.index("jarvis")] * 9.0
    (found,) = Detector().push(stream)
    assert found.label == "jarvis"
    assert 31 * 32.0 <= found.time_ms <= 45 * 32.0


def test_card_states_what_was_measured(model: Model) -> None:
    assert model.folder
    metrics = json.loads((model.folder / "metrics.json").read_text())
    assert (model.folder / "CARD.md").read_text() == render(metrics)
    assert (model.folder / CURVE).read_text() == pictures(metrics)[CURVE]
    assert 0.0 < metrics["figures"]["C w8a8"]["missed"] < 0.5
