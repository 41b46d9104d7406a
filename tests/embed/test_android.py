"""The archive for Android: its layout, its libraries, and its Java API on the desk's own Java.

What runs here is the library of the archive itself, of x86_64: it needs libdl.so alone, for which
an empty one of that name stands in. Those of ARM run under QEMU, without a Java machine.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import wave
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from edgernn.audio import read_audio
from edgernn.bundle import Bundle, open_bundle
from edgernn.cli import group
from edgernn.compilers import compiler
from edgernn.elf import read_elf
from edgernn.embed.android.java import java_name
from edgernn.embed.android.libraries import binding_library
from edgernn.embed.android.ndk import ndk
from edgernn.exporting import export
from edgernn.package import SEAL, described, find_package, sealed, write_package
from edgernn.recognition.decode import Recognizer
from edgernn.runtime import open_steps
from edgernn.target import find_target
from edgernn.verify import golden_of
from tests.embed import kotlin
from tests.embed.archives import PROGRAMS, archive_of, prepare, run_java, shim, unpack, zig

Java = Callable[..., str]
ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")
DRIVERS = {"kws": ("Probe", "Hear"), "wakeword": ("Probe",), "keyboard": ("Probe", "Type")}

pytestmark = [
    pytest.mark.cc,
    pytest.mark.skipif(
        shutil.which("javac") is None,
        reason="javac is absent; run: apt-get install openjdk-17-jdk-headless",
    ),
]


@pytest.fixture(scope="module")
def whole(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """kws for every ABI."""
    folder = tmp_path_factory.mktemp("whole") / "kws"
    command = ["embed", str(bundles["kws"]), "--as", "android", "-o", str(folder)]
    done = CliRunner().invoke(group, command)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def packages(
    bundles: Mapping[str, Path], whole: Path, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """By model; those beside kws for x86_64 alone."""
    folder = tmp_path_factory.mktemp("android")
    found = {"kws": whole}
    for model in ("wakeword", "keyboard"):
        files = find_package("android").files(
            open_bundle(bundles[model]), "android-x86_64", lambda _: None
        )
        found[model] = folder / model
        write_package(files, found[model])
    return found


@pytest.fixture(scope="module")
def java(packages: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Java:
    """java(model, program, arguments...) -> what it prints."""
    folder = tmp_path_factory.mktemp("java")
    shim(folder, "x86_64-linux-gnu.2.31")
    for model, package in packages.items():
        prepare(model, package, folder, DRIVERS[model])
    return partial(run_java, folder)


def fields(text: str) -> dict[str, list[str]]:
    """Lines of `name|value|...`."""
    return {line.split("|")[0]: line.split("|")[1:] for line in text.splitlines()}


def frames_of(bundle: Bundle, step: str, folder: Path) -> Path:
    """The golden inputs as a file of numbers."""
    (array,) = golden_of(bundle, step)["in"].values()
    path = folder / f"{step}.in"
    path.write_bytes(np.ascontiguousarray(array).tobytes())
    return path


def wanted(bundle: Bundle, step: str) -> bytes:
    (array,) = golden_of(bundle, step)["out"].values()
    return np.ascontiguousarray(array).tobytes()


def test_the_archive_holds_what_android_asks_for(whole: Path) -> None:
    files = archive_of(whole)
    assert sorted(files) == [
        "AndroidManifest.xml",
        "META-INF/com/android/build/gradle/aar-metadata.properties",
        "R.txt",
        "classes.jar",
        *(f"jni/{abi}/libedgernn_kws.so" for abi in ABIS),
        "proguard.txt",
    ]
    assert b'package="edgernn.kws"' in files["AndroidManifest.xml"]
    assert b'android:minSdkVersion="24"' in files["AndroidManifest.xml"]
    assert b"class edgernn.kws.Native" in files["proguard.txt"]
    with zipfile.ZipFile(io.BytesIO(files["classes.jar"])) as jar:
        names = jar.namelist()
        assert {"edgernn/kws/Model.class", "edgernn/kws/Spotter.class"} <= set(names)
        assert not [name for name in names if not name.startswith("edgernn/kws/")]
        assert "edgernn/kws/Keyboard.class" not in names  # of another kind of model
        # Java 8, which every Android takes
        assert {int.from_bytes(jar.read(name)[6:8]) for name in names} == {52}


def test_the_same_bundle_gives_the_same_archive(bundles: Mapping[str, Path], whole: Path) -> None:
    bundle = open_bundle(bundles["kws"])
    files = find_package("android").files(bundle, "android-x86_64", lambda _: None)
    first = archive_of(whole)
    with zipfile.ZipFile(io.BytesIO(files["kws.aar"])) as again:
        assert sorted(again.namelist()) == sorted(
            name for name in first if not name.startswith(("jni/arm",))
        )
        for name in set(again.namelist()) - {"classes.jar"}:  # its words name the ABIs
            assert again.read(name) == first[name]


@pytest.mark.parametrize("abi", ABIS)
def test_a_library_lies_on_large_pages_and_needs_libdl_alone(abi: str, whole: Path) -> None:
    from elftools.elf.dynamic import DynamicSection
    from elftools.elf.elffile import ELFFile

    machines = {"arm64-v8a": "EM_AARCH64", "armeabi-v7a": "EM_ARM", "x86_64": "EM_X86_64"}
    elf = ELFFile(io.BytesIO(archive_of(whole)[f"jni/{abi}/libedgernn_kws.so"]))
    assert elf["e_machine"] == machines[abi]
    parts = list(elf.iter_segments())
    loaded = [part for part in parts if part["p_type"] == "PT_LOAD"]
    assert {part["p_align"] for part in loaded} == {16384}
    assert not [part for part in loaded if part["p_flags"] & 3 == 3]  # writable and executable
    (stack,) = [part for part in parts if part["p_type"] == "PT_GNU_STACK"]
    assert not stack["p_flags"] & 1
    (dynamic,) = [part for part in elf.iter_sections() if isinstance(part, DynamicSection)]
    tags = list(dynamic.iter_tags())
    assert [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"] == ["libdl.so"]
    kinds = {tag.entry.d_tag for tag in tags}
    assert {"DT_HASH", "DT_GNU_HASH"} <= kinds
    assert not kinds & {"DT_TEXTREL", "DT_RPATH", "DT_RUNPATH"}
    symbols = list(elf.get_section_by_name(".dynsym").iter_symbols())[1:]
    asked = {each.name for each in symbols if each["st_shndx"] == "SHN_UNDEF"}
    assert asked == {"dlopen", "dlsym", "dlclose", "dlerror"}
    given = {each.name for each in symbols} - asked - {"edgernn_built_for"}
    assert given
    assert all(name.startswith("Java_edgernn_kws_Native_") for name in given)


def test_every_native_method_of_java_is_in_the_library(
    packages: Mapping[str, Path], tmp_path: Path
) -> None:
    for model, package in packages.items():
        files = archive_of(package)
        (tmp_path / "classes.jar").write_bytes(files["classes.jar"])
        shown = subprocess.run(
            ["javap", "-p", "-cp", str(tmp_path / "classes.jar"), f"edgernn.{model}.Native"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        lines = [line for line in shown.splitlines() if " native " in line]
        asked = {line.split("(")[0].split()[-1] for line in lines}
        prefix = f"Java_edgernn_{model}_Native_"
        symbols = read_elf(files[f"jni/x86_64/libedgernn_{model}.so"]).symbols
        given = {name.removeprefix(prefix) for name in symbols if name.startswith(prefix)}
        assert asked == given


def test_our_place_in_the_table_is_that_of_a_jdks_header(tmp_path: Path) -> None:
    home = Path(os.path.realpath(shutil.which("javac") or "")).parent.parent
    if not (home / "include/jni.h").exists():
        pytest.skip("this JDK has no jni.h")
    native = Path(__file__).resolve().parents[2] / "embed/android/template/native"
    (tmp_path / "check.c").write_text(
        "#include <stddef.h>\n#include <jni.h>\n#define EDGERNN_JAVA(name) name\n"
        '#include "jni_table.h"\n'
        "_Static_assert(offsetof(struct JNINativeInterface_, GetDirectBufferAddress) ==\n"
        '  offsetof(struct jni_table, get_direct_buffer_address), "place");\n'
    )
    zig(
        *("-std=c11", "-c", "-Wall", "-Werror", f"-I{native}", f"-I{home / 'include'}"),
        *(f"-I{home / 'include/linux'}", tmp_path / "check.c", "-o", tmp_path / "check.o"),
    )


@pytest.mark.parametrize("model", ["kws", "wakeword", "keyboard"])
def test_java_describes_the_model(model: str, java: Java, bundles: Mapping[str, Path]) -> None:
    told = described(open_bundle(bundles[model]))
    first, *steps = java(model, "Probe", "about").splitlines()
    labels = 0 if told["kind"] == "keyboard" else len(told["labels"])
    rate = int(told["sample_rate_hz"] or 0)
    parts = [told["name"], told["kind"], told["id"], told["edgernn"], str(rate), str(labels)]
    assert first == "|".join(parts)
    for line, step in zip(steps, told["steps"], strict=True):
        ports = [*step["inputs"], *step["outputs"]]
        shown = [f"{port['name']} {port['dtype']} {port['shape']}" for port in ports]
        assert line == "|".join([step["name"], str(step["frame_ms"]), *shown])


@pytest.mark.parametrize("model", ["kws", "wakeword", "keyboard"])
def test_java_gives_the_bundles_bits(
    model: str,
    java: Java,
    bundles: Mapping[str, Path],
    packages: Mapping[str, Path],
    tmp_path: Path,
) -> None:
    bundle = open_bundle(bundles[model])
    file = packages[model] / f"models/x86_64/{model}.model"
    for step in bundle.manifest["steps"]:
        frames = frames_of(bundle, step, tmp_path)
        for opened in ["-", file] if model == "kws" else ["-"]:
            java(model, "Probe", "golden", opened, step, frames, tmp_path / "out")
            assert (tmp_path / "out").read_bytes() == wanted(bundle, step)


def test_a_state_goes_from_java_to_c_and_back(
    java: Java, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    bundle = open_bundle(bundles["kws"])
    frames, half = frames_of(bundle, "kws", tmp_path), 40
    (want,) = golden_of(bundle, "kws")["out"].values()
    program = c_package(bundle, tmp_path)
    java("kws", "Probe", "save", frames, tmp_path / "state", half)
    behind = subprocess.run(
        [program, "restore", frames, tmp_path / "state", str(half)], capture_output=True, check=True
    ).stdout
    assert behind == want[half:].tobytes()
    subprocess.run([program, "save", frames, tmp_path / "of_c", str(half)], check=True)
    assert (tmp_path / "of_c").read_bytes() == (tmp_path / "state").read_bytes()
    java("kws", "Probe", "restore", frames, tmp_path / "of_c", half, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == want[half:].tobytes()


def c_package(bundle: Bundle, folder: Path) -> Path:
    """A program over the package for C: it saves a state, or goes on from one."""
    files = find_package("c").files(bundle, None, lambda _: None)
    unpack(files, folder / "c")
    sources = sorted((folder / "c/src").glob("*.c"))
    flags = ["-O2", "-ffp-contract=off", "-fno-strict-aliasing"]
    zig(
        *compiler().command(find_target("host"))[2:],
        *flags,
        f"-I{folder / 'c/include'}",
        PROGRAMS / "states.c",
        *sources,
        "-o",
        folder / "states",
    )
    return folder / "states"


SYSROOTS = {
    "arm64-v8a": ("qemu-aarch64", "aarch64-linux-gnu", "libc6-arm64-cross", 183),
    "armeabi-v7a": ("qemu-arm", "arm-linux-gnueabi", "libc6-armel-cross", 40),
}


@pytest.mark.emulator
@pytest.mark.parametrize("abi", SYSROOTS)
def test_a_library_for_arm_loads_and_gives_the_bundles_bits(
    abi: str, whole: Path, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    emulator, triple, package, machine = SYSROOTS[abi]
    root = Path("/usr") / triple
    if shutil.which(emulator) is None or not (root / "lib/libc.so.6").exists():
        pytest.skip(f"needs {emulator} and a C library; run: apt-get install qemu-user {package}")
    bundle = open_bundle(bundles["kws"])
    shim(tmp_path, f"{triple}.2.36")
    options = ["-mcpu=cortex_a8", "-mfloat-abi=softfp"] if abi == "armeabi-v7a" else []
    zig("-target", f"{triple}.2.36", *options, PROGRAMS / "load.c", "-o", tmp_path / "load")
    (tmp_path / "library.so").write_bytes(archive_of(whole)[f"jni/{abi}/libedgernn_kws.so"])
    frames = frames_of(bundle, "kws", tmp_path)
    for model in ("-", whole / f"models/{abi}/kws.model"):
        command = [emulator, "-L", root, "-E", f"LD_LIBRARY_PATH={tmp_path}", tmp_path / "load"]
        command += [tmp_path / "library.so", "Java_edgernn_kws_Native_", model, frames]
        done = subprocess.run([*command, tmp_path / "out"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        threshold = bundle.manifest["spotting"]["threshold"]
        assert done.stdout == f"threshold {threshold:.4f} machine {machine}\nnan -2\n"
        assert (tmp_path / "out").read_bytes() == wanted(bundle, "kws")


def test_java_refuses_what_does_not_fit_and_leaves_the_state(java: Java) -> None:
    told = fields(java("kws", "Probe", "refused"))
    reasons = {name: values[0] for name, values in told.items()}
    inputs = dict.fromkeys(("nan", "infinity", "huge", "nan in place"), "BAD_INPUT")
    wrong = ("short", "output", "type", "null", "count", "step")
    states = {
        **dict.fromkeys(("damaged", "cut", "empty"), "BAD_STATE"),
        "other model": "OTHER_MODEL",
        "other version": "OTHER_VERSION",
    }
    after = (
        "in place closed",
        "step closed",
        "reset closed",
        "save closed",
        "restore closed",
        "stream of closed",
    )
    assert reasons == {
        **inputs,
        **dict.fromkeys(wrong, "BAD_ARGUMENT"),
        **states,
        "in place": "true",
        "untouched": "true",
        "reset": "true",
        **dict.fromkeys(after, "CLOSED"),
    }
    assert told["nan"][1].startswith("kws: x[7] is NaN: ")
    assert told["short"][1] == "kws: x: got 319 numbers, needs 320"
    assert told["type"][1] == "kws: x: got double[], needs a float[]"
    assert told["step"][1] == "kws: has no step nothing, only [kws]"
    assert "Model.stream" in told["step closed"][1]


def test_a_bad_model_file_is_refused_before_it_is_loaded(
    java: Java, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    good = (packages["kws"] / "models/x86_64/kws.model").read_bytes()
    middle = len(good) // 2
    bad = {
        "flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
        "cut": good[:-1],
        "half": good[:middle],
        "empty": b"",
        "noise": b"\x7fELF" + bytes(5000),
        "unsealed": good[: good.rindex(SEAL)],
        "foreign": (packages["kws"] / "models/arm64-v8a/kws.model").read_bytes(),
        "no_elf": sealed(b"\0" * 18 + b"\x3e\0" + bytes(100)),
        "no_model": sealed(archive_of(packages["kws"])["jni/x86_64/libedgernn_kws.so"]),
    }
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    paths = [tmp_path / name for name in [*bad, "absent"]]
    told = fields(java("kws", "Probe", "files", *paths))
    assert told.pop("lives") == ["12"]
    assert told.pop("no_model")[0] == "OTHER_VERSION"
    assert {name: values[0] for name, values in told.items()} == dict.fromkeys(
        [*(name for name in bad if name != "no_model"), "absent"], "BAD_MODEL"
    )
    assert "is damaged: sha256" in told["flipped"][1]
    assert "is for arm64-v8a, this process runs x86_64" in told["foreign"][1]
    assert all("\n" not in values[1] for values in told.values())


def test_streams_on_two_threads_do_not_disturb_each_other(
    java: Java, bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    frames = frames_of(open_bundle(bundles["kws"]), "kws", tmp_path)
    told = fields(java("kws", "Probe", "threads", frames))
    assert told == {"two streams": ["true"], "closed under them": ["2"]}


def test_a_model_file_may_change_under_a_live_stream(
    java: Java, packages: Mapping[str, Path], tmp_path: Path
) -> None:
    live, following = tmp_path / "live.model", tmp_path / "next.model"
    shutil.copy(packages["kws"] / "models/x86_64/kws.model", live)
    shutil.copy(packages["wakeword"] / "models/x86_64/wakeword.model", following)
    told = fields(java("kws", "Probe", "update", live, following))
    assert told == {
        "before": ["true"],
        "overwritten": ["true"],
        "renewed": ["wakeword", "kws"],
        "goes on": ["true"],
    }


def test_a_model_that_nothing_refers_to_is_unloaded(
    java: Java, packages: Mapping[str, Path]
) -> None:
    file = packages["kws"] / "models/x86_64/kws.model"
    told = fields(java("kws", "Probe", "forgotten", file))
    assert 1 <= int(told["mapped"][0]) <= 10  # of 41
    assert told["kept"] == ["12"]


def test_java_hears_what_python_hears(
    java: Java,
    bundles: Mapping[str, Path],
    packages: Mapping[str, Path],
    root: Path,
    tmp_path: Path,
) -> None:
    clip = root / "models/kws/clips/stream.wav"
    with wave.open(str(clip)) as sound:
        ints = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    (tmp_path / "samples").write_bytes((ints.astype(np.float32) / 32768).tobytes())
    other = packages["keyboard"] / "models/x86_64/keyboard.model"
    lines = java("kws", "Hear", tmp_path / "samples", other).splitlines()
    heard = [line.split() for line in lines if "|" not in line]
    run = CliRunner().invoke(group, ["run", str(bundles["kws"]), str(clip)])
    python = [line.split() for line in run.output.splitlines() if " s  " in line]
    assert [[word, time] for word, time, _ in heard] == [[line[2], line[0]] for line in python]
    assert len(heard) == 5
    told = [line.split("|") for line in lines if "|" in line]
    assert ["shorts", "true"] in told
    assert ["untouched", "true"] in told
    reasons = [line[0] for line in told if line[0].isupper()]
    assert reasons == ["BAD_INPUT", "BAD_ARGUMENT", "BAD_ARGUMENT", "CLOSED"]
    assert told[-2][1].startswith("keyboard: is no spotter but a keyboard")


Moment = tuple[str, str, list[tuple[str, float]], str]  # text, typing, guesses, revision


def test_java_types_what_python_types(java: Java, bundles: Mapping[str, Path]) -> None:
    text = "this is teh best thign ever\u00e9 \U0001f600 "
    typed, kept, refused = java("keyboard", "Type", text).split("--\n")
    moments = [as_moment(line) for line in typed.splitlines()]
    for got, want in zip(moments, python_types(bundles["keyboard"], text), strict=True):
        assert (got[0], got[1], got[3]) == (want[0], want[1], want[3])
        assert [word for word, _ in got[2]] == [word for word, _ in want[2]]
        assert [share for _, share in got[2]] == pytest.approx([s for _, s in want[2]], abs=1e-4)
    assert moments[22][0] == "This is the best thing "
    assert as_moment(kept.splitlines()[1])[0].endswith("Zo\u00eb ")
    assert as_moment(kept.splitlines()[-1])[0].endswith("teh ")  # not corrected any more
    lines = refused.splitlines()
    assert [line.split("|")[0] for line in lines] == ["BAD_ARGUMENT"] * 8 + ["CLOSED"]
    assert "'two words' is no word" in lines[0]


def as_moment(line: str) -> Moment:
    text, typing, guesses, revision = line.split("|")
    parts = [each.rsplit(" ", 1) for each in guesses.split(",") if each]
    return text, typing, [(word, int(share) / 1e6) for word, share in parts], revision


def python_types(path: Path, text: str) -> list[Moment]:
    from edgernn.keyboard.decode import Keyboard
    from edgernn.keyboard.typing import Keystroke

    keyboard, moments = Keyboard(open_steps(path), suggestions=4), []
    for character in text:
        shown = keyboard.push(Keystroke(character))
        guesses = [(each.word, each.share) for each in (*shown.completions, *shown.readings)]
        revised = f"{shown.revised.before}>{shown.revised.after}" if shown.revised else ""
        moments.append((shown.text, shown.typing, guesses, revised))
    return moments


@pytest.mark.slow
def test_java_recognizes_what_python_recognizes(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "digits.edgernn"
    export("digits", "host", "w8a8", path)
    bundle, place = open_bundle(path), tmp_path / "digits"
    write_package(find_package("android").files(bundle, "android-x86_64", print), place)
    shim(tmp_path, "x86_64-linux-gnu.2.31")
    prepare("digits", place, tmp_path, ("Probe", "Transcribe"))
    sound = read_audio(
        root / "models/digits/clips/george.flac", int(bundle.manifest["sample_rate_hz"])
    )
    (tmp_path / "samples").write_bytes(sound.samples.astype(np.float32).tobytes())
    for hot in ({}, {"THREE FOUR": 2.0, "NINE": 0.5}):
        twin = Recognizer(open_steps(path), beam=4, end_ms=800, hot_words=hot)
        want = [word for block in sound.blocks(twin.block) for word in twin.push(block)]
        want += twin.finish()
        told = run_java(tmp_path, "digits", "Transcribe", tmp_path / "samples", *hot).splitlines()
        heard = [line.split() for line in told if "|" not in line]
        bits = [str(np.float32(w.score).view(np.int32)) for w in want]
        assert [line[0] for line in heard] == [w.label for w in want]
        assert [float(line[1]) for line in heard] == [w.time_ms for w in want]
        assert [line[2] for line in heard] == bits
        assert len(heard) >= 3
    lines = [line.split("|") for line in told if "|" in line]
    assert [line[0] for line in lines] == ["readings", *["BAD_ARGUMENT"] * 3, "CLOSED"]
    assert "NONSENSE is not in the vocabulary" in lines[2][1]
    assert 1 <= int(lines[0][1]) <= 4


@pytest.mark.slow
@pytest.mark.skipif(kotlin.kotlin() is None, reason="needs Kotlin; run: pip install 'edgernn[dev]'")
def test_the_samples_compile_and_kotlin_knows_what_is_null(
    packages: Mapping[str, Path], tmp_path: Path
) -> None:
    api = kotlin.android_api(tmp_path)
    for model in ("kws", "keyboard"):
        jar = tmp_path / f"{model}.jar"
        jar.write_bytes(archive_of(packages[model])["classes.jar"])
        sources = sorted((packages[model] / "sample/app/src/main/kotlin").rglob("*.kt"))
        done = kotlin.compiled(sources, [api, jar], tmp_path / model)
        assert done.returncode == 0, done.stderr
        assert list((tmp_path / model / "edgernn/sample").glob("MainActivity.class"))
    wrong = tmp_path / "wrong.kt"
    wrong.write_text(
        "import edgernn.keyboard.*\n"
        "fun f(k: Keyboard) { k.accept(null); k.begin().let { } }\n"
        "fun g(s: Shown) = s.revision.before\n"
    )
    done = kotlin.compiled([wrong], [tmp_path / "keyboard.jar"], tmp_path / "wrong")
    assert done.returncode != 0
    assert done.stderr.count("error:") == 2  # a null that is given, and one that may come
    assert "wrong.kt:2" in done.stderr
    assert "wrong.kt:3" in done.stderr


def test_what_is_xml_or_names_the_model_in_the_sample_reads_well(
    packages: Mapping[str, Path],
) -> None:
    for model, package in packages.items():
        files = [path for path in (package / "sample").rglob("*") if path.is_file()]
        for path in files:
            assert not re.search(r"@[A-Z_]+@", path.read_text()), path
            if path.suffix == ".xml":
                ElementTree.fromstring(path.read_text())
        ElementTree.fromstring(archive_of(package)["AndroidManifest.xml"])
        gradle = (package / "sample/app/build.gradle.kts").read_text()
        assert f'files("../../{model}.aar")' in gradle
        assert (package / "sample/app/../.." / f"{model}.aar").exists()
        manifest = (package / "sample/app/src/main/AndroidManifest.xml").read_text()
        for name in re.findall(r'android:name="\.(\w+)"', manifest):
            assert [path for path in files if path.name == f"{name}.kt"]


def embed(bundle: Path, out: Path, *options: str) -> tuple[int, str]:
    command = ["embed", str(bundle), "--as", "android", "-o", str(out), *options]
    done = CliRunner().invoke(group, command)
    return done.exit_code, done.output


def test_what_embed_lacks_is_one_line(
    bundles: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, line = embed(bundles["kws"], tmp_path / "out", "--on", "cortex-m4")
    assert code == 2
    assert "cortex-m4 is not Android; give one of android-arm64" in line
    monkeypatch.setenv("ANDROID_NDK", str(tmp_path))
    code, line = embed(bundles["kws"], tmp_path / "out")
    assert code == 2
    assert "has no toolchains/llvm/prebuilt" in line
    monkeypatch.delenv("ANDROID_NDK")
    monkeypatch.setenv("PATH", "")
    code, line = embed(bundles["kws"], tmp_path / "out")
    assert code == 2
    assert "javac is not installed" in line
    assert "openjdk-17-jdk-headless" in line
    assert not (tmp_path / "out").exists()


CLANG = next((each for each in ("clang", "clang-16", "clang-14") if shutil.which(each)), None)


@pytest.mark.skipif(
    CLANG is None or not (shutil.which("ld.lld") or shutil.which("ld.lld-16")),
    reason="needs clang and lld, which stand in for an NDK's",
)
def test_the_clang_of_an_ndk_compiles_where_one_is_named(
    bundles: Mapping[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "toolchains/llvm/prebuilt/linux-x86_64/bin/clang"
    place.parent.mkdir(parents=True)
    place.symlink_to(str(shutil.which(str(CLANG))))
    monkeypatch.setenv("ANDROID_NDK", str(tmp_path))
    found = ndk()
    assert found
    bundle, target = open_bundle(bundles["kws"]), find_target("android-x86_64")
    binary = binding_library(bundle, target, "kws", found)
    assert binary != binding_library(bundle, target, "kws", None)
    names = read_elf(binary).symbols
    assert "Java_edgernn_kws_Native_streamStep" in names


def test_a_name_that_java_keeps_is_not_a_package() -> None:
    assert java_name("new") == "new_model"
    assert java_name("kws_tiny") == "kws_tiny"
