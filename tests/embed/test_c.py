"""The package for C: built by make and by CMake, it gives the bundle's numbers."""

from __future__ import annotations

import shutil
import subprocess
import wave
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edgernn.bundle import open_bundle
from edgernn.cli import group
from edgernn.errors import DataError, ParityError
from edgernn.package import called, find_package, proven, write_package
from edgernn.step_code import step_code
from edgernn.target import find_target

COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]


@pytest.fixture(scope="module")
def packages(bundles: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("c")
    for model, bundle in bundles.items():
        done = CliRunner().invoke(group, ["embed", str(bundle), "-o", str(folder / model)])
        assert done.exit_code == 0, done.output
    return folder


def built(folder: Path, cc: str = "gcc") -> Path:
    done = subprocess.run(
        ["make", "-s", "-C", folder, f"CC={cc}", "CFLAGS=-O2 -Wall -Wextra -Werror"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "example"


def samples(path: Path) -> bytes:
    with wave.open(str(path)) as sound:
        ints = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    return (ints.astype(np.float32) / 32768).tobytes()


@pytest.mark.cc
@pytest.mark.skipif(not COMPILERS, reason="no gcc or clang")
def test_the_example_hears_what_python_hears(
    packages: Path, bundles: Mapping[str, Path], root: Path
) -> None:
    clip = root / "models/kws/clips/stream.wav"
    example = built(packages / "kws", COMPILERS[0])
    done = subprocess.run([example], input=samples(clip), capture_output=True, check=True)
    heard = [line.split()[:2] for line in done.stdout.decode().splitlines()]
    run = CliRunner().invoke(group, ["run", str(bundles["kws"]), str(clip)])
    python = [line.split() for line in run.output.splitlines() if " s  " in line]
    assert heard == [[line[0], line[2]] for line in python]
    assert len(heard) == 5


@pytest.mark.cc
@pytest.mark.skipif(not COMPILERS, reason="no gcc or clang")
def test_the_example_corrects_what_is_typed(packages: Path) -> None:
    example = built(packages / "keyboard", COMPILERS[-1])
    typed = b"this is teh best thign "
    done = subprocess.run([example], input=typed, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "This is the best thing"


@pytest.mark.cc
@pytest.mark.skipif(
    not COMPILERS or not shutil.which("cmake"), reason="needs CMake and a C compiler"
)
def test_cmake_finds_an_installed_package(packages: Path, tmp_path: Path) -> None:
    app, build, prefix = tmp_path / "app", tmp_path / "build", tmp_path / "prefix"
    app.mkdir()
    (app / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(app C)\n"
        "find_package(wakeword 0.1 REQUIRED)\nadd_executable(app app.c)\n"
        "target_link_libraries(app PRIVATE wakeword::wakeword)\n"
    )
    (app / "app.c").write_text(
        '#include <stdio.h>\n#include "wakeword.h"\n'
        "int main(void) { puts(wakeword_package.steps[0].name); return 0; }\n"
    )
    for command in (
        ["cmake", "-S", packages / "wakeword", "-B", build],
        ["cmake", "--build", build, "-j2"],
        ["cmake", "--install", build, "--prefix", prefix],
        ["cmake", "-S", app, "-B", tmp_path / "app-build", f"-DCMAKE_PREFIX_PATH={prefix}"],
        ["cmake", "--build", tmp_path / "app-build"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    shown = subprocess.run([tmp_path / "app-build/app"], capture_output=True, text=True)
    assert shown.stdout == "wakeword\n"


@pytest.mark.cc
def test_its_header_serves_cxx(packages: Path, tmp_path: Path) -> None:
    from edgernn.compilers import compiler

    program = compiler().command(find_target("host"))
    for name in ("kws", "keyboard"):
        source = tmp_path / f"{name}.cpp"
        source.write_text(
            f'#include "{name}.h"\nint main() {{ return {name}_package.abi != 1; }}\n'
        )
        command = [
            *program,
            "-x",
            "c++",
            "-std=c++14",
            "-Wall",
            "-Wextra",
            "-c",
            "-o",
            tmp_path / "made.o",
        ]
        done = subprocess.run(
            [*command, f"-I{packages / name / 'include'}", source], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.cc
@pytest.mark.skipif(not COMPILERS, reason="no gcc or clang")
def test_two_packages_live_in_one_program(packages: Path, tmp_path: Path) -> None:
    for model in ("kws", "wakeword"):
        built(packages / model)
    (tmp_path / "both.c").write_text(
        '#include <stdio.h>\n#include "kws.h"\n#include "wakeword.h"\n'
        "int main(void) {\n"
        '  printf("%u %s %u %s\\n", KWS_SPOTTER_BLOCK, kws_spotter_labels[2],\n'
        "         WAKEWORD_SPOTTER_BLOCK, wakeword_spotter_labels[2]);\n"
        "  return kws_spotter_model.block + wakeword_spotter_model.block != 832;\n}\n"
    )
    folders = [packages / model for model in ("kws", "wakeword")]
    command = [COMPILERS[0], tmp_path / "both.c", "-o", tmp_path / "both"]
    command += [f"-I{folder / 'include'}" for folder in folders]
    command += [folder / f"lib{folder.name}.a" for folder in folders]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = subprocess.run([tmp_path / "both"], capture_output=True, text=True, check=True)
    assert shown.stdout == "320 down 512 computer\n"


@pytest.mark.cc
@pytest.mark.skipif(not COMPILERS, reason="no gcc or clang")
def test_two_packages_of_one_model_live_in_one_program(
    bundles: Mapping[str, Path], packages: Path, tmp_path: Path
) -> None:
    """Under a name of its own all that a linker sees of the second is its own."""
    other = tmp_path / "kws_next"
    line = ["embed", str(bundles["kws"]), "--name", "kws_next", "-o", str(other)]
    done = CliRunner().invoke(group, line)
    assert done.exit_code == 0, done.output
    (tmp_path / "both.c").write_text(
        '#include <stdio.h>\n#include "kws.h"\n#include "kws_next.h"\n'
        "int main(void) {\n"
        '  printf("%s %s %u\\n", kws_package.name, kws_next_package.name,\n'
        "         KWS_SPOTTER_SAVED_BYTES - KWS_NEXT_SPOTTER_SAVED_BYTES);\n"
        "  return &kws_spotter_model == &kws_next_spotter_model;\n}\n"
    )
    folders = [packages / "kws", other]
    for folder in folders:
        built(folder)
    archives = [folder / f"lib{folder.name}.a" for folder in folders]
    command = [COMPILERS[0], tmp_path / "both.c", "-o", tmp_path / "both"]
    command += [f"-I{folder / 'include'}" for folder in folders]
    linked = subprocess.run([*command, *archives], capture_output=True, text=True)
    assert linked.returncode == 0, linked.stderr
    shown = subprocess.run([tmp_path / "both"], capture_output=True, text=True, check=True)
    assert shown.stdout == "kws kws_next 0\n"
    names = [names_of(archive) for archive in archives]
    assert {name for name in names[0] & names[1] if not name.startswith("edgernn_")} == set()


def names_of(archive: Path) -> set[str]:
    """What a library defines for a linker."""
    told = subprocess.run(["nm", "-g", "--defined-only", archive], capture_output=True, text=True)
    return {line.split()[-1] for line in told.stdout.splitlines() if len(line.split()) == 3}


@pytest.mark.parametrize("name", ["Kws", "2nd", "a-b", "edgernn", "", "caf\u00e9"])
def test_what_is_no_name_is_refused(name: str, bundles: Mapping[str, Path]) -> None:
    with pytest.raises(DataError, match="need small letters, digits and underscores"):
        called(open_bundle(bundles["kws"]), name)


@pytest.mark.parametrize("target", ["aarch64", "cortex-m4", "wasm"])
def test_c_for_a_further_target_gives_the_golden_numbers(
    bundles: Mapping[str, Path], target: str
) -> None:
    said: list[str] = []
    proven(open_bundle(bundles["wakeword"]), find_target(target), said.append)
    assert said == [f"wakeword on {target}: golden vectors"]


def test_c_with_another_number_is_refused(
    bundles: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = open_bundle(bundles["wakeword"])
    code = step_code(bundle, "aarch64")
    files, begin = dict(code["wakeword"].files), "edgernn_log_f32(float x) {"
    assert begin in files["wakeword.c"]
    files["wakeword.c"] = files["wakeword.c"].replace(begin, f"{begin} x *= 1.01f;")
    code["wakeword"] = replace(code["wakeword"], files=files)
    monkeypatch.setattr("edgernn.package.step_code", lambda *_: code)
    with pytest.raises(ParityError, match=r"wakeword on aarch64: \w+ differs at frame"):
        proven(bundle, find_target("aarch64"), print)


def test_a_folder_with_something_else_is_left_alone(
    bundles: Mapping[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    for where, line in (
        ("mine", "holds something that is no package"),
        ("no/where", "does not exist"),
    ):
        done = CliRunner().invoke(
            group,
            ["embed", str(bundles["wakeword"]), "--on", "aarch64", "-o", str(tmp_path / where)],
        )
        assert done.exit_code == 2
        assert line in done.output
        assert len(done.output.strip().splitlines()) == 1  # before anything was compiled
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "notes.txt"]


def test_a_package_is_replaced_whole(tmp_path: Path) -> None:
    write_package({"a/b.txt": b"1"}, tmp_path / "out")
    write_package({"c.txt": b"2"}, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"c.txt", ".edgernn-package"}


def test_a_slim_bundle_is_refused(bundles: Mapping[str, Path], tmp_path: Path) -> None:
    bundle = open_bundle(bundles["wakeword"])
    bundle.manifest["steps"]["wakeword"].pop("stored")
    with pytest.raises(DataError, match=r"does not store the step wakeword; export it by"):
        find_package("c").files(bundle, None, print)


def test_an_unknown_package_is_told_with_those_that_are(bundles: Mapping[str, Path]) -> None:
    done = CliRunner().invoke(group, ["embed", str(bundles["kws"]), "--as", "cobol", "-o", "x"])
    assert done.exit_code == 2
    assert "unknown package 'cobol'; did you mean" in done.output
