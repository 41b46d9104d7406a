"""Android archives on the desk: laid out, their classes driven by programs of ours, run by Java."""

from __future__ import annotations

import os
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from edgernn.compilers import compiler
from edgernn.target import find_target

PROGRAMS = Path(__file__).parent / "android"


def archive_of(folder: Path) -> dict[str, bytes]:
    (path,) = folder.glob("*.aar")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def prepare(model: str, package: Path, folder: Path, programs: Sequence[str]) -> None:
    """An archive laid out, and programs compiled against its classes."""
    place = folder / f"{model}-java"
    unpack(archive_of(package), place)
    for name in programs:
        text = (PROGRAMS / f"{name}.java").read_text().replace("@NAME@", model)
        (place / f"{name}.java").write_text(text)
    sources = [str(place / f"{name}.java") for name in programs]
    options = ["-encoding", "UTF-8", "-cp", str(place / "classes.jar"), "-d", str(place)]
    done = subprocess.run(["javac", *options, *sources], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run_java(folder: Path, model: str, program: str, *args: object) -> str:
    place = folder / f"{model}-java"
    command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    command += [f"-Djava.library.path={place / 'jni/x86_64'}", f"-Djava.io.tmpdir={folder}"]
    command += ["-cp", f"{place / 'classes.jar'}:{place}", program, *map(str, args)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "LD_LIBRARY_PATH": str(folder), "LC_ALL": "C.UTF-8"},
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def zig(*words: object) -> None:
    program = compiler().command(find_target("host"))[:2]
    done = subprocess.run([*program, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def shim(folder: Path, target: str) -> None:
    """An empty libdl.so, as glibc's own libdl is by now: dlopen is in its libc."""
    (folder / "empty.c").write_text("void edgernn_nothing(void) {}\n")
    zig("-target", target, "-shared", "-nostdlib", folder / "empty.c", "-o", folder / "libdl.so")
