"""The shipped recogniser on its clips: torch, the bundle's steps, and the command."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result

from edgernn.audio import read_audio
from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.compilers import compiler
from edgernn.device import find_device
from edgernn.exporting import export
from edgernn.listening import transcribed
from edgernn.model import find_model
from edgernn.models.asr import WORDS
from edgernn.recognition import program
from edgernn.recognition.decode import Recognizer, Word
from edgernn.recognition.errors import WordErrors, word_errors
from edgernn.recognition.transducer import Transducer, greedy
from edgernn.runtime import open_steps
from edgernn.target import find_target
from edgernn.targets.runners import qemu
from edgernn.toolchain import build_firmware
from edgernn.verify import verify

from ..fakes import use_fakes, write_bundle

CLIPS = find_model("asr").clips()
TAIL = np.zeros(8000, np.float32)
Exported = Callable[[str], Path]


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
    assert heard["cen4-fbbh-b.flac"] == said["cen4-fbbh-b.flac"] == "P R I N C E"


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
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """exported(target) -> a bundle for it; each made once."""
    folder = tmp_path_factory.mktemp("asr")

    def made(target: str) -> Path:
        path = folder / f"{target}.edgernn"
        if not path.exists():
            export("asr", target, "w8a8", path)
        return path

    return made


@pytest.fixture(scope="module")
def bundle(exported: Exported) -> Path:
    return exported("host")


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


HOT = {"H E L P": 1.5, "P I T T S B U R G H": 2.0, "ENTER FOUR": 1.0}
LOOPS: list[dict[str, Any]] = [{}, {"beam": 4, "hot_words": HOT, "end_ms": 400.0}]
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="static programs are for Linux")


def words_of(
    path: Path, options: dict[str, Any], clips: Sequence[Path] = CLIPS
) -> list[list[Word]]:
    """What the loop in Python hears in each clip, by the code for this machine."""
    recognizer = Recognizer(open_steps(path, on="host"), **options)
    audio = [read_audio(clip, 16000) for clip in clips]
    return [list(transcribed(recognizer, one)) for one in audio]


def blocks(clip: Path) -> np.ndarray:
    return read_audio(clip, 16000).blocks(160)


@pytest.mark.cc
@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("options", LOOPS, ids=["greedy", "beam"])
@pytest.mark.parametrize(("target", "url"), [("host", "local"), ("aarch64", "qemu:aarch64")])
def test_the_loop_in_c_hears_the_same_words_at_the_same_scores(
    target: str, url: str, options: dict[str, Any], exported: Exported
) -> None:
    if url != "local" and shutil.which("qemu-aarch64") is None:
        pytest.skip("needs qemu-aarch64; run: apt-get install qemu-user")
    path, device = exported(target), find_device(url)
    opened = open_bundle(path)
    made = program.build(opened, device.target, **options)
    found = [list(program.heard(device, made, opened, blocks(clip))) for clip in CLIPS]
    assert found == words_of(path, options)
    assert sum(map(len, found)) > 40


SAMPLES = """
#include "port.h"
static const float samples[SIZE] __attribute__((section(".golden"))) = {VALUES};
static uint32_t at;
uint32_t port_read(void *to, uint32_t bytes) {
  uint32_t count = 0;
  for (float *d = to; count < bytes && at < SIZE; count += 4) *d++ = samples[at++];
  return count;
}
"""


@pytest.mark.cc
@pytest.mark.emulator
@pytest.mark.slow
def test_a_chip_hears_the_same_words(exported: Exported, tmp_path: Path) -> None:
    """The whole recogniser as firmware; the samples lie in its flash."""
    target, path = find_target("cortex-m7"), exported("cortex-m7")
    if missing := qemu.RUNNER.missing():
        pytest.skip(missing)
    sound = blocks(CLIPS[-2])
    values = ",".join(f"{float(value).hex()}f" for value in sound.ravel())
    samples = SAMPLES.replace("SIZE", str(sound.size)).replace("VALUES", values)
    files = program.sources(open_bundle(path), target.name, **LOOPS[1])
    image = build_firmware({**files, "samples.c": samples}, target, tmp_path, name="encoder")
    report = qemu.RUNNER.boot(image.read_bytes(), target)
    assert report.ok, report.text
    heard = program.parsed(report.text.splitlines(), open_bundle(path))
    assert [list(heard)] == words_of(path, LOOPS[1], CLIPS[-2:-1])


@pytest.mark.cc
@pytest.mark.slow
def test_the_example_of_a_package_prints_what_the_command_prints(
    exported: Exported, tmp_path: Path
) -> None:
    path = exported("host")
    assert edgernn("embed", path, "-o", tmp_path / "asr").exit_code == 0
    command = [*compiler().command(find_target("host")), "-std=c99", "-Wall", "-Wextra", "-Werror"]
    command += ["-O2", "-ffp-contract=off", "-fno-strict-aliasing", "-Iasr/include"]
    sources = ["asr/example.c", *sorted(map(str, (tmp_path / "asr/src").glob("*.c")))]
    subprocess.run([*command, *sources, "-o", "heard"], cwd=tmp_path, check=True)
    sound = blocks(CLIPS[-3]).astype("<f4").tobytes()
    done = subprocess.run([tmp_path / "heard"], input=sound, capture_output=True, check=True)
    (want,) = words_of(path, {"beam": 4, "end_ms": 800.0}, CLIPS[-3:-2])
    assert done.stdout.decode().split() == [
        part for word in want for part in (f"{word.time_ms / 1000:.2f}", word.label)
    ]


@pytest.mark.cc
@pytest.mark.slow
@LINUX
def test_the_command_runs_the_loop_in_c_and_names_what_cannot_be(
    exported: Exported, tmp_path: Path
) -> None:
    path, clip = exported("host"), CLIPS[-3]
    there, here = (
        json.loads(edgernn("transcribe", path, clip, "--json", *where).stdout)
        for where in (("--device", "local"), ())
    )
    assert there == {**here, "device": "local"}
    phrases = tmp_path / "phrases.txt"
    phrases.write_text("ZYZZYVA\n")
    for options, line in (
        (("--beam", "33"), "beam 33; the loop in C follows 1 to 32 hypotheses"),
        (("--hot-words", phrases), "hot words 'ZYZZYVA': ZYZZYVA is not in the vocabulary"),
        (("--end-ms", "0"), "end_ms 0; need a time above 0"),
        (("--on", "host"), "leave out --on"),
    ):
        found = edgernn("transcribe", path, clip, "--device", "local", *options)
        assert (found.exit_code, found.stdout) == (2, "")
        assert line in found.output
    found = edgernn("transcribe", path, clip, "--device", "qemu:riscv")
    assert (found.exit_code, "programs run on qemu:aarch64 alone" in found.output) == (2, True)
