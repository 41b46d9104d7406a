"""The benchmark of polyphonic music: its loader, its figure, and trainings that go on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import music
from benchmarks.music_data import FILES, KEYS, Music, Roll, batches, cut, load
from edgernn.errors import DataError
from edgernn.layers.linear import Linear

scipy_io = pytest.importorskip("scipy.io")


def pieces(*lengths: int, seed: int = 0) -> list[Roll]:
    rng = np.random.default_rng(seed)
    return [(rng.random((n, KEYS)) < 0.05).astype(np.float32) for n in lengths]


def stored(folder: Path, name: str, **parts: list[Roll]) -> None:
    arrays = {}
    for key, some in parts.items():
        arrays[key] = np.empty(len(some), object)
        arrays[key][:] = some
    scipy_io.savemat(folder / FILES[name], arrays)


def test_pieces_are_read_and_other_files_refused(tmp_path: Path) -> None:
    parts = {"traindata": pieces(3, 5), "validdata": pieces(4), "testdata": pieces(2)}
    stored(tmp_path, "JSB", **parts)
    found = load(tmp_path, "JSB")
    assert [len(piece) for piece in found.train] == [3, 5]
    assert np.array_equal(found.valid[0], parts["validdata"][0])
    with pytest.raises(DataError, match=r"MuseData\.mat: no such file; --data takes"):
        load(tmp_path, "MuseData")
    (tmp_path / FILES["MuseData"]).write_bytes(b"no")
    with pytest.raises(DataError, match=r"is no \.mat file"):
        load(tmp_path, "MuseData")
    stored(tmp_path, "Nottingham", **{**parts, "testdata": [parts["testdata"][0][:, :80]]})
    with pytest.raises(DataError, match=r"testdata 0 is \(2, 80\); need \(steps, 88\)"):
        load(tmp_path, "Nottingham")
    stored(tmp_path, "Piano-midi", traindata=pieces(3))
    with pytest.raises(DataError, match="holds no validdata"):
        load(tmp_path, "Piano-midi")


def test_each_step_is_told_from_those_before_it() -> None:
    some = pieces(7, 3, 5)
    ((x, y, counted),) = batches(some, 3)
    assert counted.sum(1).tolist() == [3, 5, 7]
    assert torch.equal(x[:, 1:], y[:, :-1])
    assert not x[:, 0].any()
    assert not y[~counted].any()
    assert [len(part) for part in cut(pieces(450))] == [200, 200, 50]


def test_the_figure_is_nats_a_step_over_all_keys() -> None:
    fair = Linear(KEYS, KEYS)
    for parameter in fair.parameters():
        torch.nn.init.zeros_(parameter)
    assert music.likelihood(fair, pieces(9, 30, 4)) == pytest.approx(KEYS * math.log(2), rel=1e-5)


def test_a_training_that_was_stopped_gives_what_one_at_once_gives(tmp_path: Path) -> None:
    found = Music(pieces(30, 20, 25), pieces(15, seed=1), pieces(15, seed=2))

    def training() -> music.Training:
        torch.manual_seed(0)
        network = music.build("GRU")
        return music.Training(network, torch.optim.RMSprop(network.parameters(), music.RATE))

    whole, begun, resumed = training(), training(), training()
    whole.run(found, tmp_path / "whole.pt", 3, math.inf)
    begun.run(found, tmp_path / "parts.pt", 1, math.inf)
    resumed.run(found, tmp_path / "parts.pt", 3, math.inf)
    assert (resumed.epoch, resumed.best) == (3, whole.best)
    own = whole.network.state_dict()
    assert all(torch.equal(own[k], v) for k, v in resumed.network.state_dict().items())
    assert whole.best < KEYS * math.log(2)  # better than a fair coin for each key


def test_what_was_published_stands_for_every_set_and_unit() -> None:
    assert music.PUBLISHED.keys() == FILES.keys()
    assert all(row.keys() == music.UNITS.keys() for row in music.PUBLISHED.values())
