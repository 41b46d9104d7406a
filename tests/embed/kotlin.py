"""A Kotlin compiler, and Android's classes to check the sample apps against."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

from edgernn.embed.android.java import ANNOTATION

API = Path(__file__).parent / "android" / "android_api.txt"
ANNOTATIONS = ("NonNull", "Nullable")


def kotlin() -> tuple[list[str], list[Path]] | None:
    """A compiler's command, and the library that programs need beside it; None if there is none."""
    spec = importlib.util.find_spec("run_kotlin_kernel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        jars = sorted(Path(folder).glob("jars/*.jar"))
        path = ":".join(map(str, jars))
        command = ["java", "-cp", path, "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler"]
        return [*command, "-no-stdlib"], [jar for jar in jars if "kotlin-stdlib" in jar.name]
    found = shutil.which("kotlinc")
    return ([found], []) if found else None


def android_api(folder: Path) -> Path:
    """The classes of android_api.txt, compiled."""
    sources = {f"androidx.annotation.{name}": ANNOTATION.format(name=name) for name in ANNOTATIONS}
    for part in API.read_text().split("\n=== ")[1:]:
        name, body = part.split("\n", 1)
        head = f"package {name.rpartition('.')[0]};\nimport androidx.annotation.*;\n"
        sources[name] = head + body
    paths = []
    for name, text in sources.items():
        path = folder / "source" / f"{name.replace('.', '/')}.java"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        paths.append(str(path))
    made = folder / "api"
    done = subprocess.run(["javac", "-d", str(made), *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(made / "androidx")  # as in an app without it: Kotlin knows them by name
    return made


def compiled(
    sources: list[Path], classes: list[Path], out: Path
) -> subprocess.CompletedProcess[str]:
    """Warnings are errors."""
    found = kotlin()
    assert found
    command, library = found
    path = ":".join(map(str, [*library, *classes]))
    words = [*command, "-no-reflect", "-Werror", "-cp", path, "-d", str(out), *map(str, sources)]
    return subprocess.run(words, capture_output=True, text=True, timeout=600)
