"""The streams over which the keyword spotter's columns are counted, and the recipes beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.delta_kws import Row, as_table, conditions, settled, speech
from edgernn.compress.columns import Read
from edgernn.compress.plan import parse_compression
from edgernn.models.kws import LABELS
from edgernn.models.kws.data import Clips
from edgernn.train.recipe import read_recipe

RATE = 16000
RECIPES = sorted((Path(__file__).parent.parent / "benchmarks" / "recipes").glob("kws-*.toml"))


def clips(noise: float) -> Clips:
    """A word and a silence: noise of these least significant bits, the word at 0.5 to 0.8 s."""
    audio = np.random.default_rng(0).normal(0, noise, (2, RATE)).astype(np.int16)
    audio[0, RATE // 2 : 4 * RATE // 5] += 5000
    labels = np.array([LABELS.index("yes"), LABELS.index("_silence_")])
    begin, end = np.array([RATE // 2, 0]), np.array([4 * RATE // 5, RATE])
    return Clips(audio, labels, begin, end, ("a", ""), ("a.wav", "b.wav"))


def test_speech_is_counted_within_the_word_alone() -> None:
    (stream,) = speech(clips(3))
    assert stream.x.shape == (1, 25600, 1)
    assert stream.counted is not None
    assert stream.counted[0].nonzero().flatten().tolist() == list(range(45, 60))


@pytest.mark.parametrize(("noise", "streams"), [(3, 1), (300, 0)])
def test_quiet_is_what_lies_before_a_word_where_it_is_quiet(
    noise: float, streams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.delta_kws.load_clips", lambda data, split: clips(noise))
    found = conditions(Path())
    assert found["noise"] == []
    assert len(found["quiet"]) == streams
    for stream in found["quiet"]:
        assert stream.x.shape == (1, 4 * RATE, 1)
        assert stream.x.abs().max() < 0.001
        assert stream.counted is not None
        assert stream.counted.sum() == 200 - 25


def test_streams_are_cut_to_the_shortest() -> None:
    stream = settled([np.zeros(RATE, np.float32), np.zeros(RATE + 500, np.float32)])
    assert stream.x.shape == (2, RATE, 1)


def test_a_row_tells_shares_of_all_weights_behind_holds() -> None:
    reads = [Read("rnn.x", 100, 0.5), Read("rnn.h", 300, 0.1)]
    lines = as_table([Row("runs/a", 0.93, 0.925, {"speech": reads, "quiet": []})])
    assert lines[-1] == "| runs/a | 93.0 | 92.5 | 0.200 | 1.000 |"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_are_read(path: Path) -> None:
    recipe = read_recipe("kws", path)
    how = parse_compression(recipe.compress, str(path))
    assert how.start == "kws/dense"
    assert len(how.structures) == ("delta" in path.stem)
