"""The whole road by its commands: the shipped keyword spotter, compiled, proven, run, measured."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from edgernn.cli import group
from edgernn.errors import ToolError
from edgernn.runtime import Session
from edgernn.target import Target

pytestmark = [pytest.mark.cc, pytest.mark.slow, pytest.mark.usefixtures("whole_road")]
WORDS = ["-t", "cortex-m4", "--number-type", "w8a8"]


def edgernn(*words: object) -> Result:
    return CliRunner().invoke(group, [str(word) for word in words], prog_name="edgernn")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("road") / "kws.edgernn"
    result = edgernn("export", "kws", *WORDS, "-o", path)
    assert result.exit_code == 0, result.stderr
    assert "same bits" in result.stdout
    return path


@pytest.fixture(scope="module")
def clip(root: Path) -> Path:
    return root / "models" / "kws" / "clips" / "stream.wav"


def test_a_bundle_is_verified_and_a_flipped_byte_is_not(bundle: Path, tmp_path: Path) -> None:
    report = json.loads(edgernn("verify", bundle, "--json").stdout)
    results = {check["what"]: check["result"] for check in report["checks"]}
    assert results["kws c w8a8 on cortex-m4"].startswith("same bits")
    assert results["kws c w8a8 on host"].startswith("same bits")
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "flipped.edgernn").write_bytes(data)
    result = edgernn("verify", tmp_path / "flipped.edgernn")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "was changed" in result.stderr


def test_the_chip_hears_what_the_desk_hears(bundle: Path, clip: Path) -> None:
    heard = []
    for target in ("host", "cortex-m4"):
        found = json.loads(edgernn("run", bundle, clip, "--on", target, "--json").stdout)
        assert found["on"] == target
        heard.append(found["detections"])
    assert heard[0] == heard[1]
    assert len(heard[0]) >= 3
    assert all(0 < one["time_ms"] <= 10_500 for one in heard[0])


def test_a_recording_of_another_rate_is_heard_too(bundle: Path, clip: Path, tmp_path: Path) -> None:
    import soxr

    samples, rate = soundfile.read(clip, dtype="float32")
    wide = soxr.resample(samples, rate, 44_100)
    soundfile.write(tmp_path / "wide.wav", np.stack([wide, wide], axis=1), 44_100)
    plain = json.loads(edgernn("run", bundle, clip, "--json").stdout)
    other = json.loads(edgernn("run", bundle, tmp_path / "wide.wav", "--json").stdout)
    assert len(other["notes"]) == 2
    labels = [[one["label"] for one in found["detections"]] for found in (plain, other)]
    assert labels[0] == labels[1]


def test_a_profile_measures_here_and_counts_there(bundle: Path) -> None:
    document = json.loads(edgernn("profile", bundle, "--seconds", "0.2", "--json").stdout)
    assert (document["schema"], document["version"]) == ("edgernn.profile", 1)
    (found,) = document["profiles"]
    for row in found["host"]:
        assert 0 < row["p50_us"] <= row["p90_us"] <= row["p99_us"] <= row["max_us"]
        assert len(row["rounds_us"]) == 11
        assert row["first_us"] > row["p50_us"] / 2
        assert 0 < row["real_time_factor"] < 1
        assert 1e6 < row["peak_bytes"] < 1e9
    code = next(row for row in found["host"] if row["backend"] == "c")
    assert 0 < code["alone_p50_us"] < code["p50_us"]
    (chip,) = found["chips"]
    assert chip["target"] == "cortex-m4"
    assert chip["count"]["least"] <= chip["count"]["mean"] <= chip["count"]["most"]
    by_function = chip["count"]["by_function"].values()
    assert abs(sum(by_function) - chip["count"]["mean"]) < 1
    assert sum(chip["by_node"].values()) == pytest.approx(chip["count"]["mean"], rel=1e-4)
    assert len(chip["by_node"]) > 15
    assert 1 < chip["instructions_per_mac"] < 20
    assert 100_000 < chip["flash_bytes"] < 1_048_576
    assert 0 < chip["stack_bytes"] < 4096
    assert not any("seconds" in name or "_us" in name for name in chip)


def test_without_qemu_unicorn_counts_nearly_the_same(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(target: Target) -> str:
        raise ToolError("qemu-system-arm is not installed")

    def mean() -> tuple[str, float]:
        ran = edgernn("profile", bundle, "--seconds", "0.1", "--json")
        (found,) = json.loads(ran.stdout)["profiles"]
        return found["chips"][0]["count"]["emulator"], found["chips"][0]["count"]["mean"]

    here = mean()
    monkeypatch.setattr("edgernn.targets.runners.qemu._program", absent)
    emulator, without = mean()
    assert emulator == "unicorn"
    assert without == pytest.approx(here[1], rel=0.01)


def test_counts_are_the_same_on_every_run(bundle: Path) -> None:
    runs = [edgernn("profile", bundle, "--seconds", "0.1", "--json").stdout for _ in range(2)]
    first, second = (json.loads(run)["profiles"][0]["chips"] for run in runs)
    assert first == second


def test_a_session_needs_no_torch_and_continues_from_a_snapshot(bundle: Path) -> None:
    script = (
        "import sys, numpy\nfrom edgernn import Session\n"
        "session = Session(sys.argv[1])\n"
        "rng = numpy.random.default_rng(0)\n"
        "frames = rng.standard_normal((20, 320)).astype('float32') / 10\n"
        "for frame in frames[:10]: session.step(frame)\n"
        "kept = session.snapshot()\n"
        "first = [session.step(frame) for frame in frames[10:]]\n"
        "other = Session(sys.argv[1])\n"
        "other.restore(kept)\n"
        "again = [other.step(frame) for frame in frames[10:]]\n"
        "assert numpy.array_equal(first, again) and numpy.ptp(first) > 0\n"
        "heavy = {'torch', 'onnxruntime', 'onnxscript'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(bundle)], capture_output=True, text=True
    )
    assert done.stderr == ""


def test_all_code_in_a_bundle_agrees(bundle: Path) -> None:
    rng = np.random.default_rng(3)
    frames = rng.standard_normal((10, 320)).astype(np.float32) / 10
    out = {}
    for target in ("host", "cortex-m4", "any"):
        session = Session(bundle, on=target)
        out[target] = np.concatenate([session.step(frame) for frame in frames])
    assert np.array_equal(out["host"], out["cortex-m4"])
    np.testing.assert_allclose(out["host"], out["any"], atol=0.3 * np.abs(out["any"]).max())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["kwz", "-t", "host"], "unknown model 'kwz'; did you mean kws"),
        (["kws", "-t", "cortex-m44"], "unknown target 'cortex-m44'; did you mean cortex-m4"),
        (["kws", "-t", "host", "--number-type", "w8a9"], "did you mean w8a8"),
        (["mine.py:build", "-t", "host"], "no such file"),
    ],
)
def test_bad_names_are_refused_and_leave_nothing(
    words: list[str], line: str, tmp_path: Path
) -> None:
    result = edgernn("export", *words, "-o", tmp_path / "x.edgernn")
    assert (result.exit_code, result.stdout) == (2, "")
    assert line in result.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = edgernn("export", "kws", "-t", "host", "-o", tmp_path / "x.edgernn")
    assert result.exit_code == 2
    assert "the disk is full" in result.stderr.splitlines()[-1]
    assert [*tmp_path.iterdir()] == []


def test_ctrl_c_in_an_export_leaves_nothing(tmp_path: Path) -> None:
    words = ["export", "kws", "-t", "host", "-o", str(tmp_path / "x.edgernn")]
    process = subprocess.Popen(
        [sys.executable, "-c", "from edgernn.cli import main; main()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "kws" in first
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert error.splitlines()[-1] == "interrupted"
    assert [*tmp_path.iterdir()] == []
