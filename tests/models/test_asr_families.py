"""Encoders of every family: streamed, cut out of a supernet, compiled, to their last words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from edgernn.cli import group
from edgernn.errors import ShapeError, UnknownName
from edgernn.exporting import export
from edgernn.frontend.sphinx import SphinxMFCC
from edgernn.layers.dropout import Dropout
from edgernn.model import find_model
from edgernn.models.asr import WORDS
from edgernn.models.asr.augment import SUBSAMPLED, framed
from edgernn.models.asr.data import AN4, Utterance
from edgernn.models.asr.evaluate import from_network, from_session, hypotheses
from edgernn.models.asr.network import acoustic_encoder, transducer
from edgernn.models.asr.training import Task
from edgernn.recognition.transducer import Transducer
from edgernn.runtime import open_steps
from edgernn.supernet.sandwich import sandwich
from edgernn.supernet.slices import cuts, extract, lent, sliced
from edgernn.supernet.space import Space
from edgernn.testing import check_streaming
from edgernn.train.loop import train
from edgernn.train.recipe import Recipe, read_recipe, recipe_text
from edgernn.train.run import save_weights
from edgernn.verify import verify

from ..torch_session import TorchSession
from .test_asr_data import arrays

SMALL = {"hidden": 24, "layers": 2, "channels": 16, "joint": 16}
FAMILIES: dict[str, dict[str, Any]] = {
    "lstm": {},
    "recurrent": {"predictor": "recurrent", "memory": 10},
    "mhssm": {"encoder": "mhssm", "heads": 4, "width": 6, "states": 3, "feed": 30},
    "transformer": {"encoder": "transformer", "heads": 3, "width": 6, "feed": 30, "left": 4},
    "ahead": {"encoder": "transformer", "heads": 3, "width": 6, "feed": 30, "left": 3, "ahead": 2},
}
SPACES: dict[str, dict[str, list[int]]] = {
    "lstm": {},
    "recurrent": {"memory": [6, 10]},
    "mhssm": {"heads": [2, 4], "states": [2, 3], "feed": [20, 30]},
    "transformer": {"heads": [1, 3], "feed": [20, 30]},
    "ahead": {"heads": [2, 3]},
}
EVERYWHERE = {"hidden": [16, 24], "layers": [1, 2], "channels": [8, 16], "joint": [12, 16]}
each = pytest.mark.parametrize("family", FAMILIES)


@cache
def shipped_norm() -> dict[str, torch.Tensor]:
    return find_model("asr").steps()["encoder"].get_submodule("norm").state_dict()


def network(family: str, **sizes: int) -> Transducer:
    """One with random weights that hears words in noise, its input scaled as the shipped one's."""
    torch.manual_seed(1)
    made = transducer(**{**SMALL, **FAMILIES[family], **sizes}).eval()
    made.encoder.get_submodule("norm").load_state_dict(shipped_norm())
    with torch.no_grad():
        made.joiner.output.linear.weight.mul_(8)
    return made


def steps(net: Transducer) -> dict[str, Any]:
    parts = {name: part for name, part in net.named_children() if name != "ctc"}
    return {"features": SphinxMFCC(), **parts}


def utterances(*frames: int) -> list[Utterance]:
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 9, (count, 13)).astype(np.float32) for count in frames]
    return [Utterance(f"u{i}", "a", "A", x) for i, x in enumerate(noise)]


@each
def test_every_encoder_obeys_the_law(family: str) -> None:
    check_streaming(network(family).encoder, torch.randn(2, SUBSAMPLED * 11, 13))


def test_delays_of_blocks_add_up() -> None:
    assert network("ahead").encoder.timing.delay == 4
    assert network("ahead", layers=3, ahead=1).encoder.timing.delay == 3
    assert network("transformer").encoder.timing.delay == 0


def test_narrower_encoders_have_less_dropout_unless_it_is_the_same_for_all() -> None:
    def dropouts(**how: Any) -> set[float]:
        net = acoustic_encoder(hidden=64, channels=8, dropout=0.2, **how)
        return {m.p for m in net.modules() if isinstance(m, Dropout)}

    assert dropouts() == dropouts(encoder="mhssm") == {0.05}
    assert dropouts(adaptive=False) == {0.2}


def test_unknown_parts_are_named() -> None:
    with pytest.raises(UnknownName, match=r"unknown encoder .mhsm.; did you mean mhssm"):
        transducer(encoder="mhsm")
    with pytest.raises(UnknownName, match="unknown predictor 'gru'"):
        transducer(predictor="gru")
    with pytest.raises(ShapeError, match=r"internal_lm 0\.3 of a recurrent predictor; it takes 1"):
        transducer(predictor="recurrent", internal_lm=0.3)


@each
def test_a_stream_gives_the_words_of_the_whole_and_of_a_batch(family: str) -> None:
    net = network(family)
    some = utterances(150, 40, 93)
    batch = hypotheses(net, some)["wer"]
    sessions = {n: TorchSession(step, ("", *WORDS), 10.0) for n, step in steps(net).items()}
    live, whole = from_session(sessions), from_network(steps(net))
    for one, words in zip(some, batch, strict=True):
        stream = framed(one.cepstra)
        assert live(stream) == whole(stream) == words
        assert len(words) > 2
    if delay := net.encoder.timing.delay:
        short = framed(utterances(8 * delay - 26)[0].cepstra)
        assert len(short) <= 8 * delay, "all of it is waited for"
        assert live(short) == whole(short) != []


@each
def test_what_is_cut_out_computes_the_slice_s_bits(family: str) -> None:
    space = Space.of_table({**EVERYWHERE, **SPACES[family]})
    large = network(family)
    cepstra, targets = torch.randn(2, SUBSAMPLED * 9, 13), torch.randint(1, 99, (2, 4))

    def heard(net: Transducer) -> list[torch.Tensor]:
        encoded = net.encode(cepstra)
        return [net.joiner.lattice(encoded, net.predict(targets)), net.ctc(encoded)]

    every = list(space)
    for choice in every[:: max(1, len(every) // 12)]:
        small, alone = network(family, **choice), network(family, **choice)
        with lent(small, sliced(large, cuts(large, small))):
            want = heard(small)
        extract(large, alone)
        got = heard(alone)
        assert all(torch.equal(*pair) for pair in zip(got, want, strict=True))
        assert got[0].shape == (2, 9, 5, 99), "frames are aligned, whatever the delay"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    np.savez(tmp_path / AN4, **arrays())
    return tmp_path


def recipe(family: str, steps: int, **changed: Any) -> Recipe:
    own = read_recipe("asr", Path(str(find_model("asr").recipe)))
    sizes = {**SMALL, "dropout": 0.0, **FAMILIES[family]}
    how: Mapping[str, Any] = {"batch_size": 8, "network": sizes, "data": dict(own.data), **changed}
    return Recipe("asr", steps, **how)


@each
def test_a_supernet_trains_subnetworks_of_other_delays(
    family: str, data: Path, tmp_path: Path
) -> None:
    space = {**EVERYWHERE, **SPACES[family]}
    fixed = {name: value for name, value in SMALL.items() if name not in space}
    fixed |= {name: value for name, value in FAMILIES[family].items() if name not in space}
    many = recipe(family, 3, network=fixed, supernet={"space": space, "random": 1})
    task, methods = sandwich(Task(many, data))
    trained = train(task, tmp_path / "a.pt", methods=methods, quiet=True)
    assert np.isfinite(trained.history[-1]["loss"])


@pytest.mark.slow
@each
def test_every_family_learns_words_that_are_sounds_of_their_own(
    family: str, data: Path, tmp_path: Path
) -> None:
    how = recipe(family, 400, learning_rate=5e-3, warmup_steps=20, weight_decay=0.0, ema_decay=0.9)
    plain = {"noise": 0.0, "splice": 0.0, "dropout": 0.0, "mask_frames": 0, "mask_bands": 0}
    task = Task(replace(how, data={**how.data, **plain}), data)
    whole = train(task, tmp_path / "a.pt", quiet=True)
    assert whole.history[-1]["val_wer"] < 0.6  # before it is 1; how far it comes is the seed's luck
    assert whole.history[-1]["val_ctc_wer"] < 0.6


@pytest.fixture
def folder(family: str, tmp_path: Path) -> Path:
    """What a training would leave."""
    folder = tmp_path / "run"
    net = network(family)
    save_weights(folder / "weights.safetensors", net.state_dict())
    (folder / "recipe.toml").write_text(recipe_text(recipe(family, 1)))
    return folder


@pytest.mark.cc
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "number_type"),
    [("ahead", "fp32"), *((family, "w8a8") for family in FAMILIES if family != "lstm")],
)
def test_it_is_compiled_and_transcribes(
    family: str, number_type: str, folder: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "asr.edgernn"
    export(str(folder), "host", number_type, bundle)
    assert any(check.frames for check in verify(bundle).checks)
    clip = find_model("asr").clips()[0]
    found = {}
    for how in (("--on", "host"), ("--on", "any"), ("--device", "local")):
        done = CliRunner().invoke(group, ["transcribe", str(bundle), str(clip), *how, "--json"])
        assert done.exit_code == 0, done.output
        found[how[1]] = [word["label"] for word in json.loads(done.stdout)["words"]]
    sessions = open_steps(bundle, on="host")
    assert sessions["encoder"].timing.delay == (4 if family == "ahead" else 0)
    if number_type == "fp32":
        assert found["host"] == found["any"] == offline(family, clip)
    assert found["local"] == found["host"] != []


def offline(family: str, clip: Path) -> list[str]:
    """The words that torch hears in a clip at once."""
    net = network(family)
    sound = np.append(soundfile.read(clip, dtype="float32")[0], np.zeros(8000, np.float32))
    sound = np.pad(sound, (0, -len(sound) % 160))
    with torch.no_grad():
        cepstra = steps(net)["features"](torch.from_numpy(sound)[None, :, None])[0].numpy()
    return from_network(steps(net))(cepstra[: len(cepstra) // SUBSAMPLED * SUBSAMPLED])
