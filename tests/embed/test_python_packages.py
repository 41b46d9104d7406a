"""Packages for Python as a user has them: with numpy alone, by pip, with the loop of their kind."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import threading
import wave
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgernn import board
from edgernn.audio import read_audio
from edgernn.bundle import Bundle, open_bundle
from edgernn.cli import group
from edgernn.errors import DataError
from edgernn.exporting import export
from edgernn.keyboard import decode
from edgernn.keyboard.own_words import OwnWords
from edgernn.keyboard.typing import Keystroke
from edgernn.package import find_package, write_package
from edgernn.recognition.decode import Recognizer
from edgernn.runtime import open_steps
from edgernn.verify import golden_of
from tests import loops

pytestmark = pytest.mark.cc
TYPED = "helo wrld thsi is teh secnd one. An dwhat "
ALONE = """
import importlib, sys, numpy as np
name, frames = sys.argv[1:]
package = importlib.import_module(name)
with np.load(frames) as stored:
    for step in package.Model().steps:
        stream = package.Model().stream(step.name)
        for frame, wanted in zip(stored[step.name + ".in"], stored[step.name + ".out"]):
            assert stream.step(frame).tobytes() == wanted.tobytes()
assert importlib.util.find_spec("edgernn") is None
unwanted = {"torch", "onnxruntime", "edgernn", "onnx", "ctypes.util"} & set(sys.modules)
assert not unwanted, unwanted
print("same bits")
"""


@pytest.fixture(scope="module")
def folders(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("python")
    for model, bundle in bundles.items():
        command = ["embed", str(bundle), "--as", "python", "-o", str(folder / model)]
        done = CliRunner().invoke(group, command)
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def packages(folders: Path) -> Iterator[dict[str, Any]]:
    """The packages, imported here and forgotten afterwards."""
    names = ("kws", "keyboard")
    sys.path[:0] = [str(folders / name) for name in names]
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.path.remove(str(folders / name))
        for each in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[each]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of numpy alone, for a Python without site-packages."""
    folder, numpy = tmp_path_factory.mktemp("bare"), Path(np.__file__).parent
    for path in (numpy, numpy.with_name("numpy.libs")):
        if path.exists():
            (folder / path.name).symlink_to(path)
    return folder


def python(
    bare: Path, package: Path, *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    """A fresh Python that finds numpy, the package, and nothing else."""
    return subprocess.run(
        [sys.executable, "-S", "-P", "-W", "error", *arguments],
        env={"PYTHONPATH": os.pathsep.join([str(package), str(bare)]), "PATH": ""},
        cwd=bare,
        input=given,
        capture_output=True,
        text=True,
    )


def write_wav(path: Path, samples: Any, width: int, channels: int = 1, rate: int = 16000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


@pytest.fixture(scope="module")
def clip(root: Path) -> Path:
    return root / "models/kws/clips/stream.wav"


# ---- as a user has it


@pytest.mark.parametrize("name", ["kws", "wakeword", "keyboard"])
def test_a_package_gives_the_golden_bits_with_numpy_alone(
    name: str, bundles: Mapping[str, Path], folders: Path, bare: Path, tmp_path: Path
) -> None:
    frames = golden_frames(open_bundle(bundles[name]), tmp_path)
    done = python(bare, folders / name, "-c", ALONE, name, frames)
    assert (done.stdout, done.stderr) == ("same bits\n", "")


def golden_frames(bundle: Bundle, folder: Path) -> str:
    """A file of every step's golden inputs and outputs."""
    arrays = {}
    for step in bundle.manifest["steps"]:
        for kind in ("in", "out"):
            ((_, rows),) = golden_of(bundle, step)[kind].items()
            arrays[f"{step}.{kind}"] = rows
    np.savez(folder / "frames.npz", **arrays)
    return str(folder / "frames.npz")


@pytest.mark.emulator
@pytest.mark.skipif(board.ROOT not in os.environ, reason="no board; see make board")
def test_python_of_64_bit_arm_gives_the_golden_bits(
    bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    bundle = open_bundle(bundles["kws"])
    package = tmp_path / "kws"
    write_package(find_package("python").files(bundle, "aarch64", print), package)
    line, environment = board.command()
    site = environment["PYTHONPATH"].split(os.pathsep)[0]
    done = subprocess.run(
        [*line, "-P", "-c", ALONE, "kws", golden_frames(bundle, tmp_path)],
        env={**environment, "PYTHONPATH": os.pathsep.join([str(package), site])},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("same bits\n", "")


def test_a_recording_gives_the_words_that_edgernn_hears(
    bundles: Mapping[str, Path], folders: Path, bare: Path, clip: Path
) -> None:
    done = python(bare, folders / "kws", "-m", "kws", str(clip))
    ours = [line.split() for line in done.stdout.splitlines()]
    run = CliRunner().invoke(group, ["run", str(bundles["kws"]), str(clip)])
    theirs = [line.split() for line in run.output.splitlines() if " s " in line and "." in line]
    assert done.stderr == ""
    assert len(ours) >= 4
    assert ours == [[time, word, score] for time, _, word, score in theirs[: len(ours)]]


def test_lines_are_corrected_by_the_module(folders: Path, bare: Path) -> None:
    done = python(bare, folders / "keyboard", "-m", "keyboard", given="helo wrld\nteh cat\n")
    lines = done.stdout.splitlines()
    assert (len(lines), done.stderr) == (2, "")
    assert lines[1].split()[0].lower() == "the"


def test_what_the_modules_cannot_use_is_one_line(
    folders: Path, bare: Path, clip: Path, tmp_path: Path
) -> None:
    write_wav(tmp_path / "slow.wav", np.zeros(800, np.int16), 2, rate=8000)
    (tmp_path / "text.wav").write_text("no sound")
    wrong = {
        (str(tmp_path / "none.wav"),): "No such file",
        (str(tmp_path / "text.wav"),): "no wav file of whole numbers",
        (str(tmp_path / "slow.wav"),): "8000 Hz; the model hears 16000. Convert it: ffmpeg",
        (str(clip), "--threshold", "1.5"): "threshold 1.5; need one above 0 and at most 1",
        (str(clip), "--model", str(clip)): "without a seal at their end",
        (str(clip), "--model", str(folders / "keyboard/keyboard/model.sealed")): "is a keyboard",
    }
    for arguments, said in wrong.items():
        done = python(bare, folders / "kws", "-m", "kws", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        assert said in done.stderr


def test_pip_installs_it_without_anything_from_a_network(folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("pip")
    options = ("--no-index", "--no-deps", "--disable-pip-version-check", "-q")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "-w", tmp_path, folders / "kws"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("kws-*-cp311-abi3-manylinux_2_17_*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    packed = {path.name for path in (tmp_path / "site/kws").iterdir()}
    assert packed == {path.name for path in (folders / "kws/kws").iterdir()} - {"__pycache__"}
    about = next((tmp_path / "site").glob("*.dist-info/METADATA")).read_text()
    assert [line for line in about.splitlines() if "Dist" in line] == ["Requires-Dist: numpy>=1.24"]


def test_a_package_is_for_linux(bundles: Mapping[str, Path]) -> None:
    for target in ("cortex-m4", "wasm", "android-arm64"):
        with pytest.raises(DataError, match=f"{target}: a package for python is for Linux"):
            find_package("python").files(open_bundle(bundles["kws"]), target, print)


def test_another_python_is_told_what_it_lacks(folders: Path, bare: Path, tmp_path: Path) -> None:
    copy = tmp_path / "kws"
    copy.mkdir()
    for path in (folders / "kws/kws").glob("*.py"):
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "_edgernn.abi3.so").write_bytes(b"\x7fELF of another machine")
    done = python(bare, tmp_path, "-c", "import kws")
    assert (
        "ImportError: kws needs CPython 3.11 or later, not free-threaded, on Linux" in done.stderr
    )


def test_the_programs_of_the_docs_run(
    packages: Any, clip: Path, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (root / "docs/embed/python.md").read_text()
    programs = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    frame = np.zeros((1, 320, 1), np.float32)
    given: dict[str, Any] = {"microphone": [read_audio(clip, 16000).samples], "frame": frame}
    for program in programs:
        exec(program, given)
    printed = capsys.readouterr().out.splitlines()
    assert len(programs) == 3
    assert printed[0].startswith("go 10")
    assert printed[-1].startswith("Help world ")
    assert len(given["saved"]) > 48


OWN = """
import numpy as np
import torch
from edgernn.cells.gru import GRU
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential

def examples():
    yield np.random.default_rng(0).standard_normal((1, 80, 4)).astype(np.float32)

def build():
    torch.manual_seed(0)
    return Sequential(rnn=GRU(4, 6), out=Linear(6, 2))
"""


def test_steps_without_a_loop_are_a_package_too(bare: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    export(f"{tmp_path / 'mine.py'}:build", "host", "fp32", tmp_path / "mine.edgernn")
    bundle = open_bundle(tmp_path / "mine.edgernn")
    write_package(find_package("python").files(bundle, None, print), tmp_path / "package")
    done = python(bare, tmp_path / "package", "-m", "mine")
    step, output = done.stdout.splitlines()
    assert "x float32 (1, 1, 4) -> y float32 (1, 1, 2)" in step
    golden = open_steps(bundle.path)["mine"].step(np.zeros((1, 1, 4), np.float32))
    assert (output, done.stderr) == (str(golden), "")
    here = "import mine; print(mine.Model().kind, mine.__all__, mine.__doc__)"
    told = python(bare, tmp_path / "package", "-c", here).stdout
    assert "'Stream'" in told
    assert "Spotter" not in told


@pytest.mark.parametrize("name", ["wave", "class", "numpy"])
def test_a_name_that_python_has_is_refused(name: str, tmp_path: Path) -> None:
    steps = {name: loops.step(name, [1], [1])}
    loops.bundle_of(tmp_path, name, ["a"], steps, frame_ms=10.0)
    with pytest.raises(DataError, match=f"the model is called {name}, as a word or a module"):
        find_package("python").files(open_bundle(tmp_path / f"{name}.edgernn"), None, print)


# ---- the spotter


def test_words_are_the_same_however_the_samples_come(packages: Any, clip: Path) -> None:
    kws = packages["kws"]
    samples, spotter = read_audio(clip, 16000).samples, kws.Spotter()
    whole = spotter.push(samples)
    assert len(whole) >= 4
    spotter.reset()
    rng, at, parts = np.random.default_rng(0), 0, []
    while at < len(samples):
        count = int(rng.integers(0, 900))
        parts += spotter.push(samples[at : at + count].astype(np.float64))
        at += count
    assert parts == whole
    with kws.Spotter(kws.Model(), threshold=0.99) as strict:
        assert len(strict.push(samples)) < len(whole)
    with pytest.raises(kws.ClosedError):
        strict.push(samples)


def test_sound_that_is_none_is_refused_and_nothing_is_heard(packages: Any, clip: Path) -> None:
    kws = packages["kws"]
    samples, spotter, twin = read_audio(clip, 16000).samples, kws.Spotter(), kws.Spotter()
    half = len(samples) // 2 + 7
    heard = spotter.push(samples[:half])
    holed = samples[half:].copy()
    holed[-1] = np.nan  # in what is left behind the last block
    wrong = [
        (holed, f"sample {len(holed) - 1} of {len(holed)} is nan"),
        (np.full(5, 2e9), "sample 0 of 5 is 2000000000"),
        (np.zeros(320, np.int16), r"samples of int16; need floats .* divide by 32768 first"),
        (np.zeros((320, 2), np.float32), r"shape \(320, 2\); need one channel"),
        ("text", "samples of <U4"),
    ]
    for given, said in wrong:
        with pytest.raises(kws.InputError, match=said):
            spotter.push(given)
    assert heard + spotter.push(samples[half:, None]) == twin.push(samples)
    for threshold in (0.0, -1.0, 1.1, float("nan")):
        with pytest.raises(kws.InputError, match="need one above 0 and at most 1"):
            spotter.threshold = threshold


def test_a_spotter_in_two_threads_at_once_is_refused(packages: Any) -> None:
    kws = packages["kws"]
    spotter, refused = kws.Spotter(), threading.Event()
    long = np.zeros(16000 * 120, np.float32)

    def disturb() -> None:
        while not refused.is_set() and not done.is_set():
            try:
                spotter.reset()
            except kws.BusyError:
                refused.set()

    done = threading.Event()
    thread = threading.Thread(target=disturb)
    thread.start()
    for _ in range(50):
        try:
            spotter.push(long)
        except kws.BusyError:
            continue
        if refused.is_set():
            break
    done.set()
    thread.join()
    assert refused.is_set()


@pytest.mark.parametrize(("width", "dtype"), [(1, np.uint8), (2, "<i2"), (3, "<i4"), (4, "<i4")])
def test_wav_files_of_every_width_are_read(
    width: int, dtype: Any, packages: Any, tmp_path: Path
) -> None:
    sound = sys.modules["kws._sound"]
    wanted = np.array([-1.0, -0.5, 0.0, 0.25, 0.5])
    ints = np.round(wanted * 2.0 ** (8 * width - 1)).astype(np.int64)
    numbers = (ints + 128 if width == 1 else ints).astype(dtype)
    raw = numbers.view(np.uint8).reshape(len(numbers), -1)[:, :width]
    write_wav(tmp_path / "mono.wav", raw, width)
    write_wav(tmp_path / "stereo.wav", np.repeat(raw, 2, axis=0), width, channels=2)
    for name in ("mono", "stereo"):
        got = sound.read_wav(tmp_path / f"{name}.wav", 16000)
        assert got[:5].tolist() == wanted.tolist()
        assert len(got) == 5 + 8000
        assert not got[5:].any()


# ---- the keyboard


def test_a_keyboard_shows_what_edgernn_shows(packages: Any, bundles: Mapping[str, Path]) -> None:
    package = packages["keyboard"]
    board = decode.Keyboard(open_steps(bundles["keyboard"]), own=OwnWords.of({"Anneliese": 2.0}))
    keyboard, text, revised = package.Keyboard(), "", 0
    keyboard.add("Anneliese", 2.0)
    for at, key in enumerate(f"{TYPED}annelise \n"):
        dx, dy = 0.1 * (at % 3 - 1), 0.2 * (at % 2)
        shown = keyboard.push(key, dx, dy)
        text, wanted = shown.on(text), board.push(Keystroke(key, dx, dy))
        assert (text, shown.typing) == (wanted.text, wanted.typing)
        for ours, theirs in zip(
            (shown.completions, shown.readings), (wanted.completions, wanted.readings), strict=True
        ):
            assert ours == tuple((each.word, float(each.share)) for each in theirs)
        change = wanted.revised and (wanted.revised.before, wanted.revised.after)
        assert shown.revision == (change or None)
        revised += change is not None
    assert "Anneliese" in text
    for _ in range(5):
        text = keyboard.back(text).on(text)
        assert text == board.back().text
    text = keyboard.accept("naïve").on(text)
    assert text == board.accept("naïve").text
    keyboard.begin()
    assert keyboard.push("t").on("").lower() == "t"


def test_what_is_no_key_and_no_word_is_refused(packages: Any) -> None:
    package = packages["keyboard"]
    keyboard = package.Keyboard(own=1)
    for key in ("", "ab"):
        with pytest.raises(package.InputError, match=f"need one character, not {len(key)}"):
            keyboard.push(key)
    for word in ("", "two words", "x" * 129, "half \ud800", "a\0b"):
        with pytest.raises(package.InputError):
            keyboard.accept(word)
    keyboard.add("Zoë")
    for word in ("Zoë", "another", "e-mail", ""):
        with pytest.raises(package.InputError, match=r"own word .*own="):
            keyboard.add(word)
    options = [{"beam": 0}, {"beam": 17}, {"suggestions": 0}, {"back": 10001}, {"back": -1}]
    for option in [*options, {"own": 70000}, {"margin": 0.0}]:
        with pytest.raises(package.InputError, match=f"{next(iter(option))} "):
            package.Keyboard(**option)
    keyboard.push("\ud800", float("nan"), float("inf"))  # read as one that is not known
    keyboard.close()
    with pytest.raises(package.ClosedError):
        keyboard.push("a")


# ---- the recogniser


@pytest.mark.slow
def test_a_recognizer_hears_what_edgernn_hears(root: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "digits.edgernn"
    export("digits", "host", "w8a8", bundle)
    files = find_package("python").files(open_bundle(bundle), None, print)
    write_package(files, tmp_path / "digits")
    sys.path.insert(0, str(tmp_path / "digits"))
    try:
        package = importlib.import_module("digits")
    finally:
        sys.path.remove(str(tmp_path / "digits"))
    model = package.Model()
    sound = read_audio(root / "models/digits/clips/george.flac", model.sample_rate_hz)
    for beam, hot in ((1, {}), (4, {"THREE FOUR": 2.0, "NINE": 0.5})):
        twin = Recognizer(open_steps(bundle), beam=beam, hot_words=hot, end_ms=800)
        ours = package.Recognizer(model, beam=beam, hot_words=hot, end_ms=800)
        words, wanted = [], []
        for block in sound.blocks(twin.block):
            words += ours.push(block)
            wanted += twin.push(block)
            readings = [(len(one.words), one.score) for one in ours.readings()]
            assert readings == [(len(one.words), float(one.score)) for one in twin.readings()]
        words += ours.finish()
        wanted += twin.finish()
        assert len(words) >= 3
        assert [(one.text, one.score) for one in words] == [
            (one.label, float(one.score)) for one in wanted
        ]
        assert [one.time_ms for one in words] == [one.time_ms for one in wanted]
    wrong: list[dict[str, Any]] = [
        {"beam": 0},
        {"beam": 33},
        {"end_ms": 0.0},
        {"hot_words": {"zebra": 1.0}},
        {"hot_words": {"": 1.0}},
        {"hot_words": {"ONE": -1.0}},
    ]
    for options in wrong:
        with pytest.raises(package.InputError):
            package.Recognizer(model, **options)
