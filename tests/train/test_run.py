"""Training a model by name: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from edgernn.errors import CheckpointError, DataError, UnknownName
from edgernn.model import ModelError
from edgernn.train.run import CHECKPOINT, save_weights, train_model


def test_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean kws"):
        train_model("kwz", tmp_path, tmp_path)


def test_a_users_file_has_no_training(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def build():\n    return None\n")
    with pytest.raises(ModelError, match=r"mine\.py: no Task, so nothing says how to train it"):
        train_model(f"{tmp_path}/mine.py:build", tmp_path, tmp_path)


def test_absent_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such directory"):
        train_model("kws", tmp_path / "absent", tmp_path)
    with pytest.raises(DataError, match="no such archive"):
        train_model("kws", tmp_path, tmp_path / "out")


def test_a_checkpoint_is_not_written_over_unasked(tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"weeks of work")
    with pytest.raises(CheckpointError, match="add --resume to continue it"):
        train_model("kws", tmp_path, tmp_path)
    assert (tmp_path / CHECKPOINT).read_bytes() == b"weeks of work"


def test_weights_are_written_and_read_back(tmp_path: Path) -> None:
    weights = {"a": torch.arange(6.0).reshape(2, 3).T, "b": torch.ones(1)}
    save_weights(tmp_path / "w.safetensors", weights)
    back = load_file(tmp_path / "w.safetensors")
    assert back.keys() == weights.keys()
    assert all(torch.equal(back[name], weights[name]) for name in back)
