"""The loops' saved states in every language: the same bytes, and the same bits behind them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from edgernn.audio import read_audio
from edgernn.bundle import open_bundle
from edgernn.compilers import compiler
from edgernn.exporting import export
from edgernn.package import filled, find_package, write_package
from edgernn.target import find_target

from ..forged import HEAD, sealed
from .archives import archive_of, run_java, shim, unpack, zig

pytestmark = pytest.mark.cc
HERE = Path(__file__).parent / "loops"
LANGUAGES = ("c", "python", "android", "web", "ios")
LACKS = {"android": "javac", "web": "node", "ios": "swift"}  # what a language is not run without
LOOPS = {"kws": "Spotter", "keyboard": "Keyboard", "digits": "Recognizer"}
SILENCE = "new float[1000]"
JAVA = {  # words in the program for each loop
    "Spotter": {"WORD": "Detection", "TEXT": "getLabel", "FINISH": "", "GIVEN": SILENCE},
    "Recognizer": {
        "GIVEN": SILENCE,
        "WORD": "Word",
        "TEXT": "getText",
        "FINISH": "for (Word each : loop.finish()) print(each);",
    },
    "Keyboard": {"GIVEN": "'x'"},
}
SWIFT_SILENCE = "[Float](repeating: 0, count: 1000)"
SWIFT = {  # likewise
    "Spotter": {"TEXT": "label", "FINISH": "", "GIVEN": SWIFT_SILENCE},
    "Recognizer": {"TEXT": "text", "FINISH": "+ loop.finish()", "GIVEN": SWIFT_SILENCE},
    "Keyboard": {"GIVEN": '"x"'},
}
SWIFT_PACKAGE = """// swift-tools-version:5.9
import PackageDescription
let package = Package(name: "GoesOn", dependencies: [.package(path: "@PATH@")], targets: [
  .executableTarget(
    name: "GoesOn", dependencies: [.product(name: "Edgernn@MODEL@", package: "@IDENTITY@")])
])
"""
KEYS = "teh cat annelise sta\b\b\bon the mta \u00e9t\u00e9 wrld\nand slept \b\b\b\b\b\bwel, teh "
REFUSED = {
    "damaged": "BAD_STATE",
    "other": "OTHER_MODEL",
    "step": "OTHER_MODEL",
    "options": "OTHER_OPTIONS",
}
Run = Callable[..., list[str]]  # way, input, state, count -> lines


def runs(model: str, bundle: Path, folder: Path, web: Path | None = None) -> dict[str, Run]:
    """What runs a model's loop, by language; packages are made here, but for the web's if given."""
    found: dict[str, Run] = {}
    for language in LANGUAGES:
        if shutil.which(LACKS.get(language, "sh")) is None:
            continue
        place, target = folder / language / model, None
        place.parent.mkdir()
        if language == "android":
            target = "android-x86_64"
        if language == "web" and web:
            place = web
        else:
            files = find_package(language).files(open_bundle(bundle), target, lambda _: None)
            write_package(files, place)
        found[language] = PROGRAMS[language](model, place)
    return found


def ran(*command: object, env: Mapping[str, str] | None = None, timeout_s: int = 120) -> list[str]:
    words = [*map(str, command)]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", env=env, timeout=timeout_s)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.splitlines()


def in_c(model: str, package: Path) -> Run:
    program, source = package / "program", "types.c" if model == "keyboard" else "hears.c"
    if model != "keyboard":
        shutil.copy(HERE / f"own_{LOOPS[model].lower()}.h", package / "own.h")
    options = ["-O2", "-ffp-contract=off", "-fno-strict-aliasing", f"-I{package}"]
    command = [*compiler().command(find_target("host"))[2:], *options, f"-I{package}/include"]
    zig(*command, HERE / source, *sorted((package / "src").glob("*.c")), "-o", program)
    return lambda *words: ran(program, *words)


def in_python(model: str, package: Path) -> Run:
    env = {**os.environ, "PYTHONPATH": str(package)}
    program = [sys.executable, "-P", HERE / "goes_on.py", model, LOOPS[model]]
    return lambda *words: ran(*program, *words, env=env)


def in_javascript(model: str, package: Path) -> Run:
    program = [shutil.which("node"), HERE / "goes_on.mjs", package, LOOPS[model]]
    return lambda *words: ran(*program, *words)


def in_java(model: str, package: Path) -> Run:
    folder, kind = package.parent, "types" if model == "keyboard" else "hears"
    place = folder / f"{model}-java"
    unpack(archive_of(package), place)
    shim(folder, "x86_64-linux-gnu.2.31")
    text = (HERE / "GoesOn.java").read_text()
    text = text.replace("@RUN@", (HERE / f"run_{kind}.java").read_text())
    words = {"LOOP": LOOPS[model], "IMPORTS": f"import edgernn.{model}.*;", **JAVA[LOOPS[model]]}
    (place / "GoesOn.java").write_text(filled(text, words))
    options = ["-encoding", "UTF-8", "-cp", place / "classes.jar", "-d", place]
    ran("javac", *options, place / "GoesOn.java")
    return lambda *words: run_java(folder, model, "GoesOn", *words).splitlines()


def in_swift(model: str, package: Path) -> Run:
    place, kind = package.with_name(f"{model}-swift"), "types" if model == "keyboard" else "hears"
    words = {"MODEL": model.capitalize(), "LOOP": LOOPS[model], **SWIFT[LOOPS[model]]}
    words |= {"PATH": str(package), "IDENTITY": package.name}
    text = (HERE / "goes_on.swift").read_text()
    text = text.replace("@RUN@", (HERE / f"run_{kind}.swift").read_text())
    (place / "Sources/GoesOn").mkdir(parents=True)
    (place / "Sources/GoesOn/main.swift").write_text(filled(text, words))
    (place / "Package.swift").write_text(filled(SWIFT_PACKAGE, words))
    options = ["--package-path", place]
    ran("swift", "build", *options, timeout_s=1800)
    return lambda *words: ran("swift", "run", *options, "--skip-build", "GoesOn", *words)


PROGRAMS = {
    "c": in_c,
    "python": in_python,
    "android": in_java,
    "web": in_javascript,
    "ios": in_swift,
}


def check(languages: Mapping[str, Run], given: Path, counts: tuple[int, ...]) -> list[str]:
    """Every language saves the same bytes, and goes on from them as C does without a pause.

    Gives the lines of the last count.
    """
    for count in counts:
        want = languages["c"]("through", given, "-", count)
        states = {}
        for language, run in languages.items():
            state = given.with_name(f"{language}.{count}")
            run("save", given, state, count)
            states[language] = state.read_bytes()
        assert {name for name, one in states.items() if one != states["c"]} == set()
        for language, run in languages.items():
            assert run("restore", given, given.with_name(f"c.{count}"), count) == want, language
    return want


def check_refused(languages: Mapping[str, Run], states: Mapping[str, bytes], folder: Path) -> None:
    """Each as what it is, in the words of the language; the loop is as it was."""
    words = {"android": REFUSED, "web": REFUSED}
    words |= {
        "python": dict.fromkeys(REFUSED, "StateError"),
        "ios": dict.fromkeys(REFUSED, "state"),
    }
    for name, state in states.items():
        (folder / name).write_bytes(state)
        for language in words.keys() & languages:
            told = languages[language]("refused", folder / name, folder / name, 0)
            assert told[0].lower() == f"{words[language][name]} True".lower(), (language, name)


@pytest.fixture(scope="module")
def kws(
    bundles: Mapping[str, Path], web_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    return runs("kws", bundles["kws"], tmp_path_factory.mktemp("kws"), web_packages / "kws")


@pytest.fixture(scope="module")
def keyboard(
    bundles: Mapping[str, Path], web_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Run]:
    folder, web = tmp_path_factory.mktemp("keyboard"), web_packages / "keyboard"
    return runs("keyboard", bundles["keyboard"], folder, web)


def test_a_spotter_goes_on_in_every_language(
    kws: dict[str, Run], root: Path, tmp_path: Path
) -> None:
    """Also behind samples that are no whole block, and within a word that was told already."""
    sound = read_audio(root / "models/kws/clips/stream.wav", 16_000)
    path = tmp_path / "samples"
    path.write_bytes(sound.samples.astype(np.float32).tobytes())
    assert len(check(kws, path, (0, 17_001, 47_999))) == 3
    saved = (tmp_path / "c.17001").read_bytes()
    refused = {"damaged": saved[:-1], "other": sealed(saved[:16] + bytes(16) + saved[32:])}
    check_refused(kws, refused, tmp_path)


def test_a_keyboard_goes_on_in_every_language(keyboard: dict[str, Run], tmp_path: Path) -> None:
    """With the user's words, and keystrokes before it that are taken back."""
    path = tmp_path / "keys"
    path.write_bytes(np.array([ord(key) for key in KEYS], np.uint32).tobytes())
    lines = check(keyboard, path, (20, 52))
    assert any("Anneliese on the" in line for line in lines)
    assert lines[-1].startswith("And well, the |")
    saved = (tmp_path / "c.52").read_bytes()
    other = sealed(saved[:HEAD] + (9).to_bytes(4, "little") + saved[HEAD + 4 :])  # another beam
    refused = {
        "damaged": saved[:-9] + bytes([saved[-9] ^ 1]) + saved[-8:],
        "other": sealed(saved[:16] + bytes(16) + saved[32:]),
        "step": sealed(saved[:12] + bytes(4) + saved[16:]),
        "options": other,
    }
    check_refused(keyboard, refused, tmp_path)


@pytest.mark.slow
def test_a_recognizer_goes_on_in_every_language(root: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "digits.edgernn"
    export("digits", "host", "w8a8", bundle)
    rate = int(open_bundle(bundle).manifest["sample_rate_hz"])
    sound = read_audio(root / "models/digits/clips/george.flac", rate)
    path = tmp_path / "samples"
    path.write_bytes(sound.samples.astype(np.float32).tobytes())
    lines = check(runs("digits", bundle, tmp_path), path, (0, len(sound.samples) // 2 + 7))
    assert len(lines) >= 2
