"""Misses and false alarms: how they are counted, what they cost in training, how they are drawn."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

from edgernn.frontend.logmel import LogMel
from edgernn.spotting.alarms import Alarms, Spoken, Word, alarm_figures, joined, word_streams
from edgernn.spotting.curve import curve_svg
from edgernn.spotting.features import alarm_loss, fast_features
from edgernn.spotting.sound import rms

from ..archives import RATE

KEYWORDS = [2, 3]


def test_joined_streams_keep_nearly_every_sample() -> None:
    pieces = [np.ones(RATE * 7, np.int16)] * 20
    assert [len(s) / RATE for s in joined(pieces, 320)] == [63, 63, 14]
    assert [len(s) % 512 for s in joined(pieces, 512)] == [0, 0, 0]


def test_words_are_placed_whole_and_the_noise_below_them() -> None:
    audio = np.zeros(RATE, np.int16)
    audio[4000:8000] = 5000
    words = [Spoken("go", audio, 4000, 8000)] * 30
    noise = np.random.default_rng(0).normal(0, 900, RATE).astype(np.int16)
    rng = np.random.default_rng(0)
    streams = word_streams(words, [noise], snr_db=20.0, hop=512, rng=rng)
    assert sum(len(placed) for _, placed in streams) == 30
    for stream, placed in streams:
        assert len(stream) % 512 == 0
        for word in placed:
            begin, end = (round(ms * RATE / 1000) for ms in (word.begin_ms, word.end_ms))
            assert rms(stream[begin:end]) == pytest.approx(0.05, rel=0.02)
            assert rms(stream[end : end + 4000]) == pytest.approx(0.005, rel=0.1)


def test_figures_add_up_over_sources() -> None:
    figures = alarm_figures({"a": Alarms(2, 1.0), "b": Alarms(4, 2.0)})
    assert figures["false_alarms"]["b"] == {"count": 4, "hours": 2.0, "per_hour": 2.0}
    assert (figures["false_alarms_per_hour"], figures["hours"]) == (2.0, 3.0)
    assert alarm_figures({})["false_alarms_per_hour"] is None


def test_the_worst_moment_is_what_an_alarm_costs() -> None:
    def cost(logits: torch.Tensor) -> float:
        return float(alarm_loss(logits, KEYWORDS, settled=10, window=15))

    calm = torch.zeros(1, 60, 4)
    calm[..., 1] = 20.0
    alarm = calm.clone()
    alarm[:, 30:45, 2] = 20.0 + np.log(3.0)
    assert cost(calm) == pytest.approx(0.0, abs=1e-5)
    assert cost(alarm) == pytest.approx(np.log(4.0), abs=1e-3)
    assert cost(torch.cat([calm, alarm])) == pytest.approx(np.log(4.0) / 2, abs=1e-3)
    early = calm.clone()
    early[:, :10, 2] = 40.0
    assert cost(early) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize(("window", "hop"), [(512, 320), (1024, 512), (400, 160)])
def test_training_features_are_those_of_the_layer(window: int, hop: int) -> None:
    torch.manual_seed(0)
    layer = LogMel(RATE, window, hop, 24)
    audio = torch.randn(2, hop * 10, 1) * 0.1
    torch.testing.assert_close(fast_features(layer, audio), layer(audio), atol=1e-4, rtol=1e-4)


def test_the_curve_is_drawn_where_its_points_are() -> None:
    points = [(10.0, 0.0), (1.0, 0.1), (0.0, 0.25)]
    text = curve_svg({"C w8a8": points}, {"C w8a8": (1.0, 0.1)})
    assert text == curve_svg({"C w8a8": points}, {"C w8a8": (1.0, 0.1)})
    svg = ElementTree.fromstring(text)
    (line,) = svg.iter("{http://www.w3.org/2000/svg}polyline")
    (mark,) = svg.iter("{http://www.w3.org/2000/svg}circle")
    drawn = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert drawn[0][0] > drawn[1][0] > drawn[2][0] == 64.0  # fewer alarms to the left,
    assert drawn[0][1] > drawn[1][1] > drawn[2][1] == 20.0  # more misses above
    assert (float(mark.attrib["cx"]), float(mark.attrib["cy"])) == drawn[1]


def test_word_times_are_milliseconds() -> None:
    audio = np.full(RATE, 1000, np.int16)
    rng = np.random.default_rng(0)
    ((_, (word,)),) = word_streams([Spoken("go", audio, 0, RATE)], [], snr_db=9, hop=320, rng=rng)
    assert word == Word("go", 1000.0, 2000.0)
