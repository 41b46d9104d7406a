"""The wake-word detector's data: splits, spans, streams, training; on archives made up here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgernn.card import measure, write_card
from edgernn.errors import DataError
from edgernn.model import find_model
from edgernn.models.wakeword import HOP, LABELS
from edgernn.models.wakeword.augment import (
    ANSWER_FRAMES,
    FRAMES,
    IGNORE,
    OTHER,
    STREAM_SAMPLES,
    Sources,
    StreamMaker,
)
from edgernn.models.wakeword.card import CURVE
from edgernn.models.wakeword.data import (
    LONGEST,
    MARGIN,
    _span,
    has_wake_word,
    load_other,
    load_wake,
    load_words,
    trimmed,
)
from edgernn.models.wakeword.training import Task
from edgernn.spotting.sources import COMMANDS, SPEECH_TRAIN, SPLITS, WAKE, load_noise
from edgernn.train.loop import train
from edgernn.train.recipe import Recipe, read_recipe

from ..archives import RATE, make_archive

WORDS = LABELS[1:]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path / "cache"))
    words = [{"file": f"{word}/{i}.flac", "keyword": word} for i in range(14) for word in WORDS]
    make_archive(tmp_path / WAKE, words)
    make_archive(
        tmp_path / COMMANDS,
        [{"file": f"{i}.flac", "label": "go", "speaker": f"s{i}"} for i in range(20)],
    )
    texts = ["WE CALL IT BEAR", "HOMECOMING", "MY COMPUTERS", "IT IS SNOWING"] * 6
    speech = [{"file": f"{i}.flac", "speaker": f"p{i}", "text": t} for i, t in enumerate(texts)]
    make_archive(tmp_path / SPEECH_TRAIN, speech)
    return tmp_path


def options() -> dict[str, object]:
    return dict(read_recipe("wakeword", Path(str(find_model("wakeword").recipe))).data)


def maker(data: Path, **changes: object) -> StreamMaker:
    words, speech = load_words(data, "train"), load_other(data, "train")
    sources = Sources(load_wake(data, "train"), speech, words, [])
    return StreamMaker(sources, {**options(), **changes})


def test_every_clip_is_in_one_split(data: Path) -> None:
    parts = [load_wake(data, split) for split in SPLITS]
    assert all(parts)
    assert sum(map(len, parts)) == 70
    first = {word.audio.ctypes.data for part in parts for word in part}
    assert len(first) == 70  # each its own place in the archive


def test_the_span_is_the_word(data: Path) -> None:
    for word in load_wake(data, "train"):
        assert (word.begin / RATE, word.end / RATE) == pytest.approx((0.3, 0.7), abs=0.05)
        short = trimmed(word)
        assert len(short.audio) == word.end - word.begin + 2 * MARGIN
        assert np.array_equal(
            short.audio[short.begin : short.end], word.audio[word.begin : word.end]
        )


def test_a_noisy_clip_has_a_span_that_a_word_can_have() -> None:
    noise = np.random.default_rng(0).normal(0, 800, 3 * RATE).astype(np.int16)
    noise[RATE : 2 * RATE] *= 4
    begin, end = _span(noise)
    assert end - begin <= LONGEST
    assert abs((begin + end) / 2 - 1.5 * RATE) < RATE / 4


def test_other_speech_holds_no_word_of_a_wake_word(data: Path) -> None:
    assert has_wake_word("MY COMPUTERS")
    assert has_wake_word("A SMART BOY")
    assert not has_wake_word("ALEX LOOKS INTO IT")
    assert len(load_other(data, "train")) + len(load_other(data, "val")) == 18


def test_absent_side_archives_are_left_out(data: Path) -> None:
    (data / COMMANDS).unlink()
    assert load_words(data, "train") == []
    assert load_noise(data, "train") == []
    assert load_other(data, "test") == []


def test_absent_wake_words_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"wake_words_picovoice\.zip: no such archive"):
        load_wake(tmp_path, "train")


def test_another_wake_word_is_refused(data: Path) -> None:
    make_archive(data / WAKE, [{"file": "a.flac", "keyword": "porcupine"}])
    with pytest.raises(DataError, match=r"a\.flac: keyword 'porcupine' is none of alexa, comp"):
        load_wake(data, "train")


def test_streams_follow_from_the_seed_and_never_clip(data: Path) -> None:
    one = maker(data)
    for index in (None, *range(20)):
        a, b = (one.draw(np.random.default_rng(3), index) for _ in range(2))
        assert np.array_equal(a.audio, b.audio)
        assert a.audio.shape == (STREAM_SAMPLES,)
        assert a.frame_label.shape == (FRAMES,)
        assert np.abs(a.audio).max() < 1.01


def test_a_word_is_labelled_about_its_end(data: Path) -> None:
    changes = {"before_speech": 0.0, "after_speech": 0.0, "echo": 0.0, "clean": 1.0}
    one = maker(data, **changes)
    for index in range(20):
        stream = one.draw(np.random.default_rng(index), index)
        label = LABELS.index(one.wake[index].label)
        frames = np.flatnonzero(stream.frame_label == label)
        assert np.array_equal(frames, frames[0] + np.arange(ANSWER_FRAMES))
        assert stream.frame_label[frames[0] - 1] == IGNORE
        assert set(stream.frame_label) == {OTHER, IGNORE, label}
        power = (stream.audio.reshape(FRAMES, HOP) ** 2).mean(1)
        last = np.flatnonzero(power > power.max() * 0.01)[-1]
        assert abs(int(last) - int(frames[0]) - 1) <= 1


@pytest.mark.parametrize("kind", ["speech", "pieces", "noise"])
def test_streams_without_a_word_are_other_throughout(data: Path, kind: str) -> None:
    one = maker(data, without={kind: 1.0}, echo=0.0)
    for seed in range(5):
        stream = one.draw(np.random.default_rng(seed))
        assert set(stream.frame_label) == {IGNORE, OTHER}
        assert np.abs(stream.audio).max() > 0.01


def test_half_a_word_is_at_most_six_tenths_of_it(data: Path) -> None:
    one = maker(data, speed=0.0)
    word = one.wake[0]
    spoken = word.end - word.begin
    for seed in range(10):
        first = one._half(np.random.default_rng(seed), word, True)
        second = one._half(np.random.default_rng(seed), word, False)
        assert 0.3 * spoken <= len(first) - word.begin + 2 <= 0.6 * spoken + 2
        assert 0.3 * spoken <= len(second) - MARGIN + 2 <= 0.6 * spoken + 2


def test_training_says_what_it_does_without(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Task(read_recipe("wakeword", Path(str(find_model("wakeword").recipe))), data)
    assert "training without esc10_subset.zip" in capsys.readouterr().err


def test_training_runs_on_the_archives(data: Path, tmp_path: Path) -> None:
    sizes = {"channels": [8, 8, 8, 4]}
    recipe = Recipe(
        "wakeword", steps=3, batch_size=8, validate_every=3, network=sizes, data=options()
    )
    trained = train(Task(recipe, data), tmp_path / "c.pt", quiet=True)
    assert trained.steps == 3
    assert 0 <= trained.history[-1]["val_missed"] <= 1


def test_card_is_made_from_what_was_measured(data: Path, tmp_path: Path) -> None:
    metrics = measure("wakeword", data)
    figures = metrics["figures"]["torch fp32"]
    assert figures["words"] == len(load_wake(data, "test"))
    assert set(figures["false_alarms"]) == {"words"}
    card = write_card("wakeword", metrics, tmp_path / "card").read_text()
    assert f"| torch fp32 | {100 * figures['missed']:.1f} % |" in card
    assert (tmp_path / "card" / CURVE).read_text().startswith("<svg ")
