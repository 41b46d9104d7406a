"""The shipped recogniser of digits on its clips: torch, and the bundle's steps by the command."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgernn.audio import read_audio
from edgernn.cli import group
from edgernn.exporting import export
from edgernn.model import find_model
from edgernn.models.digits.evaluate import from_network
from edgernn.recognition.errors import WordErrors, word_errors

CLIPS = find_model("digits").clips()


def spoken() -> dict[str, str]:
    """What is said in each clip."""
    text = CLIPS[0].with_name("ATTRIBUTION.md").read_text()
    return dict(re.findall(r"^\| (\S+\.flac) \| ([A-Z ]+) \|", text, re.MULTILINE))


@pytest.fixture(scope="module")
def heard() -> dict[str, str]:
    """What torch hears in each clip, with half a second of silence behind it."""
    run = from_network(find_model("digits").steps())
    clips = {path.name: read_audio(path, 16000) for path in CLIPS}
    return {name: " ".join(run(clip.blocks(160).ravel())) for name, clip in clips.items()}


def test_clips_are_recognised(heard: dict[str, str]) -> None:
    said = spoken()
    assert said.keys() == heard.keys()
    each = [word_errors(said[name].split(), heard[name].split()) for name in said]
    assert sum(each, WordErrors(0)).rate < 0.05


def test_each_step_is_calibrated_on_what_it_is_given() -> None:
    model = find_model("digits")
    steps = model.steps()
    given = model.fed(steps, 2)
    assert given.keys() == steps.keys()
    for sound, features, labels, both in zip(*given.values(), strict=True):
        blocks = sound.shape[1] // 1280
        assert (features.shape, labels.shape) == ((1, 8 * blocks, 80), (1, blocks))
        assert both.shape == (1, blocks, 128)
        assert labels.any()


@pytest.mark.cc
@pytest.mark.slow
def test_the_bundle_hears_what_torch_hears(tmp_path: Path, heard: dict[str, str]) -> None:
    bundle = tmp_path / "digits.edgernn"
    export("digits", "host", "w8a8", bundle)
    for path in CLIPS:
        for place in ("any", "host"):
            arguments = ["transcribe", str(bundle), str(path), "--on", place, "--json"]
            found: Any = json.loads(CliRunner().invoke(group, arguments).stdout)
            assert found["text"] == heard[path.name], place
