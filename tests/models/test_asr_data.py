"""The recogniser's data: splits, streams around utterances, batches; on cepstra made up here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.errors import DataError
from edgernn.frontend.sphinx import SphinxMFCC
from edgernn.model import find_model
from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import (
    SILENCE,
    SUBSAMPLED,
    TAIL,
    TO_BANDS,
    TO_CEPSTRA,
    augmented,
    framed,
)
from edgernn.models.asr.data import AN4, VALIDATION, load_an4
from edgernn.models.asr.evaluate import errors, hypotheses
from edgernn.models.asr.training import Task
from edgernn.train.loop import train
from edgernn.train.recipe import Recipe, read_recipe

SPEAKERS = ("a", "b", "c", VALIDATION[0])
SIZES = {"hidden": 24, "layers": 1, "channels": 16, "joint": 16}


def arrays(count: int = 40) -> dict[str, Any]:
    """Utterances of words, each of which is a sound of its own."""
    rng = np.random.default_rng(0)
    sounds = rng.normal(0, 2, (len(WORDS) + 1, 13))
    texts, feats = [], []
    for i in range(count):
        labels = rng.integers(1, 4, 1 + i % 3)
        texts.append(" ".join(WORDS[label - 1] for label in labels))
        parts = [np.repeat(sounds[[0, label]], (8, 20), axis=0) for label in labels]
        feats.append(np.concatenate(parts) + rng.normal(0, 0.1, (28 * len(labels), 13)))
    return {
        "feats": np.concatenate(feats).astype(np.float16),
        "offsets": np.cumsum([0, *(len(one) for one in feats)]),
        "text": np.array(texts),
        "utt": np.array([f"u{i}" for i in range(count)]),
        "speaker": np.array([SPEAKERS[i % 4] for i in range(count)]),
        "split": np.array(["test" if i % 10 == 9 else "train" for i in range(count)]),
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.savez(tmp_path / AN4, **arrays())
    return tmp_path


def recipe(steps: int = 4, **changed: Any) -> Recipe:
    own = read_recipe("asr", Path(str(find_model("asr").recipe)))
    how = {"batch_size": 8, "network": {**SIZES, "dropout": 0.0}, **changed}
    return Recipe("asr", steps, data=dict(own.data), checkpoint_every=steps, **how)


def test_nobody_is_heard_in_two_splits(data: Path) -> None:
    splits = {name: load_an4(data, name) for name in ("train", "val", "test")}
    assert {one.speaker for one in splits["val"]} == {VALIDATION[0]}
    assert VALIDATION[0] not in {one.speaker for one in splits["train"]}
    assert sum(map(len, splits.values())) == 40
    assert splits["train"][0].cepstra.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"feats": np.zeros((3, 12))}, r"feats \(3, 12\); need \(frames, 13\)"),
        ({"offsets": np.arange(41)}, "offsets end at"),
        ({"text": np.array(["A"])}, "need 40 of each of text, utt, speaker, split"),
        ({"feats": np.full_like(arrays()["feats"], np.nan)}, "feats holds NaN or infinity"),
    ],
)
def test_arrays_that_do_not_belong_together_are_named(
    tmp_path: Path, change: dict[str, Any], line: str
) -> None:
    np.savez(tmp_path / AN4, **{**arrays(), **change})
    with pytest.raises(DataError, match=line):
        load_an4(tmp_path, "train")


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"an4_mfcc13\.npz: no such file"):
        load_an4(tmp_path, "train")
    (tmp_path / AN4).write_bytes(b"text")
    with pytest.raises(DataError, match="not AN4's cepstra"):
        load_an4(tmp_path, "train")


def test_a_word_that_is_not_in_the_vocabulary_is_named(tmp_path: Path) -> None:
    strange = arrays()
    strange["text"] = np.array(["A ZYZZYVA"] * 40)
    np.savez(tmp_path / AN4, **strange)
    with pytest.raises(DataError, match="ZYZZYVA not in the vocabulary of 98 words"):
        Task(recipe(), tmp_path)


def test_silence_is_what_the_front_end_makes_of_zeros() -> None:
    with torch.no_grad():
        made = SphinxMFCC()(torch.zeros(1, 480, 1))[0, -1].numpy()
    np.testing.assert_allclose(made, SILENCE, atol=1e-4)
    np.testing.assert_allclose(TO_BANDS @ TO_CEPSTRA, np.eye(13), atol=1e-9)


def test_an_utterance_is_framed_as_a_stream_has_it() -> None:
    x = np.ones((50, 13), np.float32)
    stream = framed(x)
    assert len(stream) % SUBSAMPLED == 0
    assert len(stream) - 52 in range(TAIL, TAIL + SUBSAMPLED)
    assert np.array_equal(stream[:2], [SILENCE] * 2)
    assert np.array_equal(stream[2:52], x)
    assert (framed(x, 5, quiet=False) == 1).all()


def test_what_is_drawn_is_finite_and_in_whole_blocks(data: Path) -> None:
    task = Task(recipe(), data)
    for seed in range(20):
        x = load_an4(data, "train")[seed % 5].cepstra
        drawn = augmented(x, np.random.default_rng(seed), task.options, task.deviation)
        assert drawn.dtype == np.float32
        assert len(drawn) % SUBSAMPLED == 0
        assert np.isfinite(drawn).all()


def test_a_batch_follows_from_seed_and_step(data: Path) -> None:
    first, again = Task(recipe(), data), Task(recipe(), data)
    for step in (5, 0, 9):
        one, other = first.batch(step), again.batch(step)
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert one["cepstra"].shape[1] == SUBSAMPLED * int(one["frames"].max())
    assert (one["labels"] <= one["frames"]).all()
    assert not torch.equal(
        first.batch(0)["cepstra"], Task(recipe(seed=2), data).batch(0)["cepstra"]
    )


def test_padding_counts_in_no_loss_and_for_no_teacher(data: Path) -> None:
    task = Task(recipe(), data)
    torch.manual_seed(0)
    network, batch = task.build().eval(), task.batch(1)
    output = task.output(network, batch)
    mask = task.counted(output, batch)
    assert mask.shape == output.shape[:3]
    assert not mask.all()
    loss, _ = task.loss(output, batch)
    moved = torch.where(mask[..., None], output, output + torch.randn_like(output))
    assert torch.equal(task.loss(moved, batch)[0], loss)


@pytest.mark.slow
def test_it_learns_words_that_are_sounds_of_their_own(data: Path, tmp_path: Path) -> None:
    how = recipe(250, learning_rate=1e-2, warmup_steps=10, weight_decay=0.0, ema_decay=0.9)
    plain = {"noise": 0.0, "splice": 0.0, "dropout": 0.0, "mask_frames": 0, "mask_bands": 0}
    task = Task(replace(how, data={**how.data, **plain}), data)
    whole = train(task, tmp_path / "a.pt", quiet=True)
    assert whole.history[-1]["val_wer"] < 0.2
    assert whole.history[-1]["val_ctc_wer"] < 0.2
    assert task.test(whole.network) < 0.2
    some = load_an4(data, "val")
    heard = hypotheses(whole.network, some)["wer"]  # type: ignore[arg-type]
    assert sum(one.errors for one in errors(some, heard)) / sum(
        one.words for one in errors(some, heard)
    ) == pytest.approx(whole.history[-1]["val_wer"])
