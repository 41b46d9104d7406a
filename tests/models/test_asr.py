"""The shipped recogniser on its clips: torch, the bundle's steps, and the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result

from edgernn.cli import group
from edgernn.exporting import export
from edgernn.model import find_model
from edgernn.models.asr import WORDS
from edgernn.recognition.errors import WordErrors, word_errors
from edgernn.recognition.transducer import Transducer, greedy
from edgernn.runtime import open_steps
from edgernn.verify import verify

from ..fakes import use_fakes, write_bundle

CLIPS = find_model("asr").clips()
TAIL = np.zeros(8000, np.float32)


def spoken() -> dict[str, str]:
    """What is said in each clip."""
    text = CLIPS[0].with_name("ATTRIBUTION.md").read_text()
    return dict(re.findall(r"^\| (\S+\.flac) \| (.+) \|$", text, re.MULTILINE))


def edgernn(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def heard() -> dict[str, str]:
    """What torch hears in each clip."""
    steps: Any = find_model("asr").steps()
    net = Transducer(steps["encoder"], steps["predictor"], steps["joiner"])
    found = {}
    for path in CLIPS:
        sound = np.append(soundfile.read(path, dtype="float32")[0], TAIL)
        sound = sound[: len(sound) // 1280 * 1280]
        with torch.no_grad():
            encoded = net.encoder(steps["features"](torch.from_numpy(sound)[None, :, None]))
        (words,) = greedy(net, encoded, torch.tensor([encoded.shape[1]]))
        found[path.name] = " ".join(WORDS[one.label - 1] for one in words)
    return found


def test_clips_are_recognised(heard: dict[str, str]) -> None:
    said = spoken()
    assert said.keys() == heard.keys()
    each = [word_errors(said[name].split(), heard[name].split()) for name in said]
    assert sum(each, WordErrors(0)).rate < 0.3  # hard ones of held-out speakers among them
    assert heard["cen5-fash-b.flac"] == said["cen5-fash-b.flac"] == "P I T T S B U R G H"


def test_each_step_is_calibrated_on_what_it_is_given() -> None:
    model = find_model("asr")
    steps = model.steps()
    given = model.fed(steps, 2)
    assert given.keys() == steps.keys()
    for sound, cepstra, labels, both in zip(*given.values(), strict=True):
        frames = sound.shape[1] // 1280
        assert (cepstra.shape, labels.shape) == ((1, 8 * frames, 13), (1, frames))
        assert both.shape == (1, frames, 256)
        assert labels[0, 0] == 0
        assert labels.any()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("asr") / "asr.edgernn"
    export("asr", "host", "w8a8", path)
    return path


@pytest.mark.cc
@pytest.mark.slow
def test_the_bundle_hears_what_torch_hears(bundle: Path, heard: dict[str, str]) -> None:
    apart = WordErrors(0)
    for path in CLIPS:
        onnx = json.loads(edgernn("transcribe", bundle, path, "--on", "any", "--json").stdout)
        assert onnx["text"] == heard[path.name]
        compiled = json.loads(edgernn("transcribe", bundle, path, "--json").stdout)
        assert compiled["on"] == "host"
        times = [word["time_ms"] for word in compiled["words"]]
        assert times == sorted(times)
        apart += word_errors(heard[path.name].split(), compiled["text"].split())
    assert apart.rate < 0.1

    wide = edgernn("transcribe", bundle, CLIPS[0], "--beam", "4")
    assert wide.exit_code == 0
    assert wide.stdout.strip() == spoken()[CLIPS[0].name]


@pytest.mark.cc
@pytest.mark.slow
def test_every_step_is_verified_and_knows_its_pace(bundle: Path) -> None:
    report = verify(bundle)
    ran = {check.what.split()[0] for check in report.checks if check.frames}
    assert ran == {"features", "encoder", "predictor", "joiner"}
    sessions = open_steps(bundle)
    assert {name: one.frame_ms for name, one in sessions.items()} == {
        "features": 10.0,
        "encoder": 80.0,
        "predictor": 80.0,
        "joiner": 80.0,
    }


@pytest.mark.cc
@pytest.mark.slow
def test_bad_hot_words_and_recordings_are_named(bundle: Path, tmp_path: Path) -> None:
    phrases = tmp_path / "phrases.txt"
    for text, line in (
        ("ZYZZYVA\n", "hot words 'ZYZZYVA': ZYZZYVA is not in the vocabulary"),
        ("HELP\tmuch\n", "line 1: 'much' is no number"),
    ):
        phrases.write_text(text)
        found = edgernn("transcribe", bundle, CLIPS[0], "--hot-words", phrases)
        assert found.exit_code == 2
        assert line in found.output
    found = edgernn("run", bundle, CLIPS[0])
    assert (found.exit_code, "edgernn transcribe feeds" in found.output) == (2, True)
    found = edgernn("transcribe", bundle, tmp_path / "absent.wav")
    assert (found.exit_code, "no such file" in found.output) == (2, True)
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(32000, np.float32), 16000)
    found = edgernn("transcribe", bundle, silence)
    assert (found.exit_code, found.stdout.strip()) == (0, "")


def test_a_bundle_of_another_model_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_fakes(monkeypatch)
    other = write_bundle(tmp_path / "m.edgernn")
    found = edgernn("transcribe", other, CLIPS[0])
    assert found.exit_code == 2
    assert "no recogniser; it lacks the step features, encoder" in found.output
