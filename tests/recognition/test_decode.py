"""Beam search against all alignments, greedy decoding against torch's, and the live recogniser."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.errors import DataError
from edgernn.frontend.sphinx import SphinxMFCC
from edgernn.layers.attention import WindowAttention
from edgernn.layers.conv import Conv1d
from edgernn.recognition.decode import Recognizer
from edgernn.recognition.hot_words import HotWords
from edgernn.recognition.search import LAG, BeamSearch
from edgernn.recognition.transducer import (
    Joiner,
    Transducer,
    greedy,
    recurrent_predictor,
    stateless_predictor,
)
from edgernn.streaming import Sequential, Streaming

from ..torch_session import TorchSession

WORDS = ("", "A", "B", "C")
NO_HOT = HotWords({}, WORDS)
PREDICTED = np.random.default_rng(3).normal(0, 1, (len(WORDS), len(WORDS)))


def predict(label: int, state: Any) -> tuple[np.ndarray, Any]:
    """A predictor that knows all labels so far."""
    before = (0,) if state is None else state
    now = (*before, label) if state is not None else before
    return PREDICTED[label] + 0.3 * len(now), now


def join(encoded: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return np.asarray(encoded + predicted)


def brute_force(frames: np.ndarray, hot: HotWords = NO_HOT) -> dict[tuple[int, ...], float]:
    """The log-likelihood of every label sequence, over all alignments."""
    found: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for path in itertools.product(range(len(WORDS)), repeat=len(frames)):
        total, node, predicted, state = 0.0, hot.root, *predict(0, None)
        for frame, label in zip(frames, path, strict=True):
            logits = join(frame, predicted)
            total += logits[label] - np.logaddexp.reduce(logits)
            if label:
                node, change = hot.step(node, label)
                total += change
                predicted, state = predict(label, state)
        found[tuple(one for one in path if one)].append(total + hot.left(node))
    return {labels: float(np.logaddexp.reduce(each)) for labels, each in found.items()}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("phrases", [{}, {"A B": 1.0, "B": 0.5, "A B C A": 0.7}])
def test_a_wide_beam_finds_the_likeliest_of_all_label_sequences(
    seed: int, phrases: dict[str, float]
) -> None:
    frames = np.random.default_rng(seed).normal(0, 1.5, (5, len(WORDS)))
    hot = HotWords(phrases, WORDS)
    search, certain = BeamSearch(predict, join, 2000, hot), []
    for at, frame in enumerate(frames):
        certain += search.push(frame, at)
    ranked, want = search.ranked(), brute_force(frames, hot)
    said = tuple(word.label for word in certain)
    got = {said + one.labels: one.score for one in ranked}
    total = float(np.logaddexp.reduce(list(want.values())))
    assert got.keys() == want.keys()
    for labels, score in got.items():
        assert score == pytest.approx(want[labels] - total, abs=1e-4)  # float32
    assert said + ranked[0].labels == max(want, key=lambda labels: want[labels])


def test_a_beam_beats_greedy_where_alignments_share_the_likelihood() -> None:
    """A is less likely than the blank at each frame, but at one of them it surely comes."""
    flat = np.zeros((4, 4))
    frame = np.log(np.array([0.6, 0.4, 1e-9, 1e-9]))
    found = {}
    for beam in (1, 4):
        search = BeamSearch(lambda label, state: (flat[label], ()), join, beam, NO_HOT)
        certain = [w for at in range(2) for w in search.push(frame, at)]
        found[beam] = [w.label for w in certain + search.end()]
    assert found == {1: [], 4: [1]}  # 0.36 of nothing, 0.48 of A once, 0.16 of A twice


def test_what_all_agree_on_is_certain_and_old_doubts_are_settled() -> None:
    sure = np.array([0.0, 9.0, 0.0, 0.0])
    doubt = np.array([0.0, 0.0, 5.0, 5.01])
    blank = np.array([30.0, 0.0, 0.0, 0.0])
    search = BeamSearch(lambda label, state: (np.zeros(4), ()), join, 2, NO_HOT)
    assert search.push(sure, 0) == search.push(blank, 1) == []  # perhaps nothing was said
    assert [w.label for w in search.push(doubt, 2)] == [1]  # now all that are followed say so
    said = [(at, w) for at in range(3, 80) for w in search.push(blank, at)]
    assert [(at, w.label, w.frame) for at, w in said] == [(2 + LAG, 3, 2)]
    assert search.last == 2
    assert search.end() == []
    assert search.last is None


def test_an_old_word_that_the_best_hypothesis_lacks_is_forgotten() -> None:
    """Else a reading that is never the best could gather words for ever."""
    blank, doubt = np.array([30.0, 0.0, 0.0, 0.0]), np.array([5.0, 0.0, 4.9, 0.0])
    search = BeamSearch(lambda label, state: (np.zeros(4), ()), join, 2, NO_HOT)
    search.push(doubt, 0)
    for at in range(1, LAG):
        search.push(blank, at)
    assert [one.labels for one in search.ranked()] == [(), (2,)]
    assert search.push(blank, LAG) == []
    assert [one.labels for one in search.ranked()] == [()]


def test_hot_words_are_given_back_where_a_phrase_breaks_off() -> None:
    hot = HotWords({"A B": 1.0, "A B C A": 2.0}, WORDS)

    def worth(*labels: int) -> float:
        node, total = hot.root, 0.0
        for label in labels:
            node, change = hot.step(node, label)
            total += change
        return total + hot.left(node)

    assert worth(1) == worth(1, 3) == worth(2) == 0
    assert worth(1, 2) == worth(1, 2, 3) == worth(3, 1, 2, 2) == 2
    assert worth(1, 2, 3, 1) == 6
    assert worth(1, 2, 3, 1, 2) == 6
    assert worth(1, 1, 2) == 2


@pytest.mark.parametrize(
    ("phrases", "line"),
    [
        ({"A D": 1.0}, "hot words 'A D': D is not in the vocabulary"),
        ({"": 1.0}, "need words, worth above 0"),
        ({"A": 0.0}, "worth 0: need words, worth above 0"),
    ],
)
def test_hot_words_that_cannot_be_are_refused(phrases: dict[str, float], line: str) -> None:
    with pytest.raises(DataError, match=line):
        HotWords(phrases, WORDS)


def steps(recurrent: bool = False, ahead: int = 0) -> dict[str, Streaming]:
    torch.manual_seed(5)
    predictor = recurrent_predictor(4, 6, 5) if recurrent else stateless_predictor(4, 6)
    joiner = Joiner(6, 4)
    with torch.no_grad():
        joiner.output.linear.weight.mul_(6)
    encoder: Streaming = Conv1d(13, 6, 4, stride=2)
    if ahead:
        encoder = Sequential(conv=encoder, mix=WindowAttention(6, 2, 3, ahead))
    return {
        "features": SphinxMFCC(),
        "encoder": encoder,
        "predictor": predictor,
        "joiner": joiner,
    }


def live(built: dict[str, Streaming], **options: Any) -> Recognizer:
    sessions = {name: TorchSession(step, WORDS, 10.0) for name, step in built.items()}
    return Recognizer(sessions, **options)


@pytest.mark.parametrize("recurrent", [False, True])
def test_a_stream_is_recognised_as_torch_recognises_the_whole(recurrent: bool) -> None:
    built = steps(recurrent)
    sound = (torch.rand(1, 160 * 60, 1) - 0.5) * torch.linspace(0, 1, 160 * 60)[:, None]
    with torch.no_grad():
        encoded = built["encoder"](built["features"](sound))
    net = Transducer(built["encoder"], built["predictor"], built["joiner"])  # type: ignore[arg-type]
    (want,) = greedy(net, encoded, torch.tensor([30]))
    recognizer = live(built)
    for _ in range(2):
        recognizer.reset()
        got = [w for block in sound.reshape(60, 160).numpy() for w in recognizer.push(block)]
        got += recognizer.finish()
        assert [(w.label, w.time_ms) for w in got] == [
            (WORDS[one.label], (one.frame + 1) * 20.0) for one in want
        ]
    assert len(want) > 3
    assert all(0 < w.score <= 1 for w in got)
    wide = live(built, beam=4)
    again = wide.push_features(built["features"](sound)[0].detach().numpy())
    assert [w.label for w in again + wide.finish()]


@pytest.mark.parametrize("frames", [2, 5, 60])
def test_the_last_words_of_an_encoder_that_looks_ahead_come_out(frames: int) -> None:
    built = steps(ahead=4)
    net = Transducer(built["encoder"], built["predictor"], built["joiner"])  # type: ignore[arg-type]
    features = 9 * torch.randn(1, frames // 2 * 2, 13)
    with torch.no_grad():
        encoded = net.encode(features)
    assert encoded.shape[1] == frames // 2
    (want,) = greedy(net, encoded, torch.tensor([frames // 2]))
    assert want[-1].frame >= frames // 2 - 4, "words that it must wait for"
    recognizer = live(built)
    heard = recognizer.push_features(features[0].numpy())
    got = heard + recognizer.finish()
    assert len(heard) < len(got)
    assert [(w.label, w.time_ms) for w in got] == [
        (WORDS[one.label], (one.frame + 1) * 20.0) for one in want
    ]


def test_a_stream_goes_on_behind_the_end_of_an_utterance() -> None:
    built = steps(ahead=2)
    features = 9 * np.random.default_rng(4).normal(0, 1, (40, 13)).astype(np.float32)
    whole, parted = live(built), live(built)
    want = whole.push_features(features) + whole.finish()
    first = parted.push_features(features[:21]) + parted.finish()
    assert parted.finish() == [], "nothing is heard twice"
    got = first + parted.push_features(features[21:]) + parted.finish()
    frames = [word.time_ms for word in got]
    assert frames == sorted(set(frames))
    split = max(word.time_ms for word in first)
    assert [w.time_ms for w in want if w.time_ms <= split - 40.0] == [
        t for t in frames if t <= split - 40.0
    ]


def test_sessions_that_were_used_before_begin_anew() -> None:
    built = steps(recurrent=True)
    sessions = {name: TorchSession(step, WORDS, 10.0) for name, step in built.items()}
    sessions["predictor"].step(np.array([2]))
    used, fresh = Recognizer(sessions), live(built)
    features = np.random.default_rng(1).normal(0, 3, (60, 13)).astype(np.float32)
    got, want = (one.push_features(features) + one.finish() for one in (used, fresh))
    assert got == want
    assert len(want) > 2


def test_an_utterance_ends_after_a_silence_and_readings_are_ranked() -> None:
    recognizer = live(steps(), beam=3, end_ms=100.0)
    sound = np.random.default_rng(0).uniform(-1, 1, (30, 160)).astype(np.float32)
    heard = [w for block in sound for w in recognizer.push(block)]
    ranked = recognizer.readings()
    assert sum(one.score for one in ranked) == pytest.approx(1)
    assert [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    heard += recognizer.finish()
    assert {w.utterance for w in heard} == set(range(heard[-1].utterance + 1))
    assert recognizer.utterance == heard[-1].utterance + 1


def test_what_is_no_recogniser_is_refused() -> None:
    sessions = {"kws": TorchSession(SphinxMFCC(), WORDS, 10.0)}
    with pytest.raises(DataError, match="kws: no recogniser; it lacks the step features, enc"):
        Recognizer(sessions)
    with pytest.raises(DataError, match="beam 0; need at least 1"):
        live(steps(), beam=0)
    with pytest.raises(DataError, match="end_ms 0; need a time above 0"):
        live(steps(), end_ms=0)


def test_scores_are_probabilities() -> None:
    search = BeamSearch(lambda label, state: (np.zeros(4), ()), join, 1, NO_HOT)
    (word,) = search.push(np.log(np.array([0.1, 0.2, 0.7, 1e-9])), 0)
    assert (word.label, word.frame) == (2, 0)
    assert math.isclose(word.score, 0.7, rel_tol=1e-6)
