"""The data of the recogniser of digits: splits, strings, batches; on recordings made up here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.errors import DataError
from edgernn.frontend.fbank import BANDS
from edgernn.model import find_model
from edgernn.models.digits import WORDS
from edgernn.models.digits.augment import BLOCK
from edgernn.models.digits.data import FSDD, TAIL_SECONDS, joined, load_clips, load_strings
from edgernn.models.digits.network import HEARD, transducer
from edgernn.models.digits.training import Task
from edgernn.train.recipe import Recipe, read_recipe

from ..archives import make_archive

SIZES = {"hidden": 24, "layers": 1, "channels": 16, "joint": 16}
PEOPLE = ("ada", "bob")


def tone(digit: int, seed: int, rate: int = 8000) -> np.ndarray[Any, Any]:
    """A digit is a sound of its own."""
    rng, t = np.random.default_rng(seed), np.arange(rate // 4) / rate
    wave = 0.3 * np.sin(2 * np.pi * (250 + 300 * digit) * t) + 0.01 * rng.standard_normal(len(t))
    return np.asarray(wave * np.hanning(len(t)), np.float32)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGERNN_CACHE", str(tmp_path / "cache"))
    rows = [
        {
            "file": f"{digit}_{who}_{take}.flac",
            "digit": str(digit),
            "speaker": who,
            "take": str(take),
            "split": "test" if take < 2 else "train",
        }
        for who in PEOPLE
        for digit in range(3)
        for take in (0, 1, 5, 10, 11, 12)
    ]
    sounds = [tone(int(row["digit"]), seed) for seed, row in enumerate(rows)]
    make_archive(tmp_path / FSDD, rows, 8000, sounds)
    return tmp_path


def recipe(steps: int = 4, **changed: Any) -> Recipe:
    own = read_recipe("digits", Path(str(find_model("digits").recipe)))
    how = {"batch_size": 4, "network": {**SIZES, "dropout": 0.0}, **changed}
    return Recipe("digits", steps, data=dict(own.data), checkpoint_every=steps, **how)


def test_no_recording_is_in_two_splits(data: Path) -> None:
    files = {
        name: {one.file for one in load_clips(data, name)} for name in ("train", "val", "test")
    }
    assert {name: len(some) for name, some in files.items()} == {"train": 18, "val": 6, "test": 12}
    assert len(set().union(*files.values())) == 36
    assert all("_5." in file for file in files["val"])


def test_strings_are_of_one_speaker_and_always_the_same(data: Path) -> None:
    first, again = load_strings(data, "val"), load_strings(data, "val")
    assert len(first) == 100
    for one, other in zip(first, again, strict=True):
        assert one.text == other.text
        assert np.array_equal(one.audio, other.audio)
        assert 3 <= len(one.text.split()) <= 7
        digits = [WORDS[int(file[0])] for file in one.files]
        assert one.text.split() == digits
        assert {file.split("_")[1] for file in one.files} == {one.speaker}
        assert np.abs(one.audio[-round(TAIL_SECONDS * 16000) :]).max() < 1e-3


def test_pauses_are_as_long_as_asked_for() -> None:
    whole = joined([np.ones(100, np.float32), np.ones(50, np.float32)], [0.01], 0.02, 0.005)
    assert whole.tolist() == [0] * 320 + [1] * 100 + [0] * 160 + [1] * 50 + [0] * 80


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"digit": "ten"}, "digit 'ten', take '0'; need 0 to 9, and a number"),
        ({"speaker": ""}, "no speaker in its row"),
    ],
)
def test_rows_that_do_not_say_what_is_needed_are_named(
    data: Path, change: dict[str, str], line: str
) -> None:
    row = {"file": "a.flac", "digit": "1", "speaker": "ada", "take": "0", "split": "test"}
    make_archive(data / FSDD, [row | change], 8000, [tone(1, 0)])
    with pytest.raises(DataError, match=line):
        load_clips(data, "test")


def test_a_split_without_recordings_is_named(data: Path) -> None:
    row = {"file": "a.flac", "digit": "1", "speaker": "ada", "take": "0", "split": "test"}
    make_archive(data / FSDD, [row], 8000, [tone(1, 0)])
    with pytest.raises(DataError, match="no recordings of the split train"):
        Task(recipe(), data)


def test_a_batch_follows_from_seed_and_step(data: Path) -> None:
    first, again = Task(recipe(), data), Task(recipe(), data)
    for step in (5, 0, 9):
        one, other = first.batch(step), again.batch(step)
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert one["features"].shape == (4, BLOCK * int(one["frames"].max()), BANDS)
    assert torch.isfinite(one["features"]).all()
    assert (one["labels"] <= one["frames"]).all()
    assert one["targets"].shape == (4, int(one["labels"][0]))
    assert set(one["targets"].unique().tolist()) <= {1, 2, 3}


def test_what_the_recordings_do_not_tell_of_is_not_heard(data: Path) -> None:
    torch.manual_seed(0)
    network = Task(recipe(), data).build().eval()
    x = torch.randn(1, 16, BANDS)
    loud = torch.where(torch.from_numpy(HEARD), x, x + 10)
    with torch.no_grad():
        assert torch.equal(network.encoder(x), network.encoder(loud))
        assert not torch.equal(network.encoder(x), network.encoder(x + 1))
    assert 50 < HEARD.sum() < BANDS


def test_sizes_are_those_asked_for() -> None:
    net = transducer(**SIZES)
    assert net.joiner.joint == 16
    assert net.encoder(torch.zeros(1, 8, BANDS)).shape == (1, 1, 16)
