"""The benchmark of state drift: growth is told from noise, its stream and picture are whole."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks.state_drift import NUMBER_TYPES, WINDOWS, Drift, _drift, lines, picture, stream

NOISE = 0.01 * (1 + 0.02 * np.random.default_rng(0).standard_normal(WINDOWS))


def found(windows: np.ndarray) -> Drift:
    return _drift("w8a8", 1000, windows, 0.1, 990)


def test_growth_is_told_from_noise() -> None:
    still, rising = found(NOISE), found(NOISE + np.linspace(0, 0.001, WINDOWS))
    assert abs(still.trend) < 3 * still.trend_error
    assert rising.trend == pytest.approx(0.095, abs=3 * rising.trend_error)
    assert rising.trend > 5 * rising.trend_error
    assert (still.agree, still.frames) == (0.99, 1000)


def test_the_stream_is_as_long_as_asked_and_the_same_every_time() -> None:
    clips = [np.zeros((70, 4), np.float32), np.ones((50, 4), np.float32)]
    one, two = (np.concatenate(list(stream(clips, 333))) for _ in range(2))
    assert one.shape == (333, 4)
    assert one.dtype == np.float32
    assert np.array_equal(one, two)
    assert len(np.unique(one.round(3), axis=0)) == 333  # no frame twice


def test_the_table_and_the_picture_show_every_number_type() -> None:
    rows = [Drift(name, 10, tuple(NOISE), 0.1, 0.0, 0.1, 1.0) for name in NUMBER_TYPES]
    assert all(any(f"`{name}`" in line for line in lines(rows)) for name in NUMBER_TYPES)
    drawn = ElementTree.fromstring(picture(rows))
    assert sum(child.tag.endswith("polyline") for child in drawn) == len(NUMBER_TYPES)
    assert {child.text for child in drawn} >= set(NUMBER_TYPES)
