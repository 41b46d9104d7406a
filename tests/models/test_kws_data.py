"""The keyword spotter's data: splits, streams, alarms; on archives made up here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgernn.card import measure, write_card
from edgernn.errors import DataError
from edgernn.model import find_model
from edgernn.models.kws import LABELS
from edgernn.models.kws.alarms import Word, count_alarms, count_hits, word_streams
from edgernn.models.kws.augment import IGNORE, STREAM_SAMPLES, Sources, StreamMaker
from edgernn.models.kws.data import (
    COMMANDS,
    WAKE,
    WAKE_HELD_OUT,
    Clips,
    has_keyword,
    load_clips,
    load_speech,
    load_wake,
)
from edgernn.models.kws.training import Task
from edgernn.spotting.sources import SPEECH_TRAIN, SPLITS, load_noise
from edgernn.train.loop import train
from edgernn.train.recipe import Recipe, read_recipe

from ..archives import RATE, make_archive


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path / "cache"))
    clips = [
        {
            "file": f"{label}/{i}.flac",
            "label": label,
            "speaker": "" if i % 12 == 0 else f"s{i % 30}",
        }
        for i, label in enumerate(LABELS * 8)
    ]
    make_archive(tmp_path / COMMANDS, clips)
    speech = [
        {"file": f"u{i}.flac", "speaker": f"p{i}", "text": text}
        for i, text in enumerate(["WE CALL IT BEAR", "GO HOME", "I KNOW"] * 8)
    ]
    make_archive(tmp_path / SPEECH_TRAIN, speech)
    return tmp_path


def test_nobody_is_in_two_splits(data: Path) -> None:
    loaded = {split: load_clips(data, split) for split in SPLITS}
    speakers = [set(clips.speaker) - {""} for clips in loaded.values()]
    files = [set(clips.file) for clips in loaded.values()]
    for kind in (speakers, files):
        assert all(kind)
        assert sum(map(len, kind)) == len(set().union(*kind))
    assert sum(map(len, loaded.values())) == 96


def test_other_speech_has_no_keyword_nor_homophone(data: Path) -> None:
    assert len(load_speech(data, "train")) + len(load_speech(data, "val")) == 8
    assert has_keyword("LET US GO")
    assert has_keyword("I KNOW")
    assert not has_keyword("GOING DOWNTOWN YESTERDAY")


def make_wake(data: Path) -> None:
    words = [f"jarvis/{i}.flac" for i in range(4)] + [f"{WAKE_HELD_OUT}/{i}.flac" for i in range(3)]
    rows = [{"file": word, "keyword": word.split("/")[0], "seconds": "3.0"} for word in words]
    make_archive(data / WAKE, rows)


def test_a_wake_word_is_held_out_whole(data: Path) -> None:
    make_wake(data)
    train, val = load_wake(data, "train"), load_wake(data, "val")
    assert [len(clip) for clip in val] == [3 * RATE] * 3
    assert len(train) == 4
    assert all(0.3 * RATE < len(clip) < 0.9 * RATE for clip in train)
    assert load_wake(data, "test") == []


def test_absent_side_archives_are_left_out(data: Path) -> None:
    assert load_noise(data, "train") == []
    assert load_wake(data, "train") == []
    assert load_speech(data, "test") == []


def test_absent_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"speech_commands_v2_testset\.zip: no such archive"):
        load_clips(tmp_path, "train")


def test_broken_archive_is_refused(data: Path) -> None:
    (data / COMMANDS).write_bytes(b"PK not a zip")
    with pytest.raises(DataError, match=r"not an archive with an index\.tsv"):
        load_clips(data, "train")


def test_another_sample_rate_is_refused(data: Path) -> None:
    make_archive(data / COMMANDS, [{"file": "a.flac", "label": "go", "speaker": "s"}], rate=8000)
    with pytest.raises(DataError, match=r"a.flac: 8000 Hz, 1 channels; need 16000 Hz mono"):
        load_clips(data, "train")


def test_unknown_label_is_refused(data: Path) -> None:
    make_archive(data / COMMANDS, [{"file": "a.flac", "label": "gone", "speaker": "s"}])
    with pytest.raises(DataError, match=r"a\.flac: needs .* label is 'gone'"):
        load_clips(data, "train")


def test_audio_is_decoded_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_clips(data, "train").audio
    monkeypatch.setattr(soundfile, "read", None)
    assert np.array_equal(load_clips(data, "train").audio, first)


def maker(data: Path) -> StreamMaker:
    options = dict(read_recipe("kws", Path(str(find_model("kws").recipe))).data)
    sources = Sources(load_clips(data, "train"), load_speech(data, "train"), [])
    return StreamMaker(sources, options)


def test_streams_follow_from_the_seed_and_never_clip(data: Path) -> None:
    one = maker(data)
    for index in (None, *range(20)):
        a, b = (one.draw(np.random.default_rng(3), index) for _ in range(2))
        assert np.array_equal(a.audio, b.audio)
        assert a.audio.shape == (STREAM_SAMPLES,)
        assert np.abs(a.audio).max() < 1.01
        assert 0 <= a.answer <= len(a.frame_label) - 25


def test_a_word_is_labelled_from_its_end_on(data: Path) -> None:
    one = maker(data)
    label = LABELS.index("go")
    index = int(np.flatnonzero(one.sources.clips.label == label)[0])
    stream = one.draw(np.random.default_rng(0), index)
    frames = np.flatnonzero(stream.frame_label == label)
    assert 15 <= len(frames) <= 20
    assert np.array_equal(frames, np.arange(frames[0], frames[-1] + 1))
    assert stream.frame_label[frames[0] - 1] == IGNORE
    assert stream.label == label


def test_hits_misses_and_extras_are_told_apart() -> None:
    def spikes(*at: tuple[int, str]) -> np.ndarray:
        out = np.zeros((400, len(LABELS)))
        out[:, 0] = 9.0
        for frame, label in at:
            out[frame : frame + 15] = np.eye(len(LABELS))[LABELS.index(label)] * 9
        return out

    words = [Word("go", 1000, 1400), Word("up", 3000, 3400), Word("no", 5000, 5400)]
    logits = spikes((60, "go"), (160, "on"), (350, "yes"))
    hits = count_hits([(logits, words)], 0.8)
    assert (hits.words, hits.right, hits.wrong, hits.extra) == (3, 1, 1, 1)
    alarms = count_alarms([logits], 0.8)
    assert alarms.count == 3
    assert alarms.per_hour == pytest.approx(3 / (8 / 3600))


def test_every_keyword_is_placed_once(data: Path) -> None:
    clips: Clips = load_clips(data, "train")
    streams = word_streams(clips, [])
    words = [word for _, words in streams for word in words]
    keywords = [LABELS[i] for i in clips.label if not LABELS[i].startswith("_")]
    assert sorted(word.label for word in words) == sorted(keywords)
    assert all(len(audio) % 320 == 0 for audio, _ in streams)


def test_wake_words_alone_make_streams_of_other_speech(data: Path) -> None:
    make_wake(data)
    options = dict(read_recipe("kws", Path(str(find_model("kws").recipe))).data)
    made = StreamMaker(
        Sources(load_clips(data, "train"), [], [], load_wake(data, "train")), options
    )
    stream = made.draw(np.random.default_rng(0))
    assert stream.label == LABELS.index("_unknown_")
    assert stream.audio.shape == (STREAM_SAMPLES,)
    assert np.abs(stream.audio).max() > 0.01


def test_a_noise_makes_a_stream_of_silence(data: Path) -> None:
    options = dict(read_recipe("kws", Path(str(find_model("kws").recipe))).data)
    options["noise_share"] = 1.0
    noise = np.random.default_rng(0).normal(0, 3000, RATE).astype(np.int16)
    made = StreamMaker(Sources(load_clips(data, "train"), [], [noise]), options)
    stream = made.draw(np.random.default_rng(0))
    assert stream.label == LABELS.index("_silence_")
    assert set(stream.frame_label) == {LABELS.index("_silence_")}
    assert np.abs(stream.audio).max() > 0.01


def test_training_says_what_it_does_without(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Task(read_recipe("kws", Path(str(find_model("kws").recipe))), data)
    said = capsys.readouterr().err
    assert "training without wake_words_picovoice.zip, esc10_subset.zip" in said


def test_training_runs_on_the_archives(data: Path, tmp_path: Path) -> None:
    options = dict(read_recipe("kws", Path(str(find_model("kws").recipe))).data)
    sizes = {"channels": 8, "hidden": 8}
    recipe = Recipe("kws", steps=3, batch_size=8, validate_every=3, network=sizes, data=options)
    trained = train(Task(recipe, data), tmp_path / "c.pt", quiet=True)
    assert trained.steps == 3
    assert 0 <= trained.history[-1]["val_accuracy"] <= 1


def test_card_is_made_from_what_was_measured(data: Path, tmp_path: Path) -> None:
    said: list[str] = []
    metrics = measure("kws", data, say=said.append)
    assert said == ["kws: measuring torch fp32"]
    figures = metrics["figures"]["torch fp32"]
    assert figures["clips"] == len(load_clips(data, "test"))
    assert figures["false_alarms"] == {}
    card = write_card("kws", metrics, tmp_path / "card").read_text()
    assert f"| torch fp32 | {100 * figures['accuracy']:.1f} % |" in card
    assert json.loads((tmp_path / "card" / "metrics.json").read_text()) == metrics
