"""The classes of an archive: their sources filled in for a model, compiled by a JDK."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgernn.embed.android.archive import zipped
from edgernn.errors import ToolError
from edgernn.package import filled
from edgernn.toolchain import run_compiler

RELEASE = "8"  # what every Android takes
INSTALL = "apt-get install openjdk-17-jdk-headless"
SHARED = (
    *("EdgernnException", "Library", "Model", "Native"),
    *("Port", "PortArray", "Step", "Stream"),
)
OF_KIND: Mapping[str, tuple[str, ...]] = {
    "": (),
    "spotter": ("Blocks", "Detection", "Listener", "Loop", "Spotter"),
    "recognizer": ("Blocks", "Listener", "Loop", "Reading", "Recognizer", "Word"),
    "keyboard": ("Guess", "Keyboard", "Loop", "Shown"),
}
NATIVES: Mapping[str, tuple[str, ...]] = {  # lists of functions in C
    "": (),
    "spotter": ("Listener", "Spotter"),
    "recognizer": ("Listener", "Recognizer"),
    "keyboard": ("Keyboard",),
}
# Kotlin knows these by their names alone: they are compiled against, and no archive holds them
ANNOTATION = """package androidx.annotation;
import java.lang.annotation.*;
@Retention(RetentionPolicy.CLASS)
public @interface {name} {{}}
"""
KEYWORDS = (
    "abstract assert boolean break byte case catch char class const continue default do double "
    "else enum extends final finally float for goto if implements import instanceof int interface "
    "long native new package private protected public return short static strictfp super switch "
    "synchronized this throw throws transient try void volatile while true false null"
)


def java_name(name: str) -> str:
    """Of the model in the name of its Java package: no word that Java keeps for itself."""
    return f"{name}_model" if name in KEYWORDS.split() else name


def sources(folder: Path, kind: str, words: Mapping[str, str]) -> dict[str, str]:
    """Path -> Java of a model's package, of the loop of its kind alone."""
    loop = "".join((folder / f"Native{name}.txt").read_text("utf-8") for name in NATIVES[kind])
    return {
        f"edgernn/{words['NAME']}/{name}.java": filled(
            (folder / f"{name}.java").read_text("utf-8"), {**words, "LOOP_NATIVES": loop}
        )
        for name in (*SHARED, *OF_KIND[kind])
    }


def classes(folder: Path, kind: str, words: Mapping[str, str]) -> bytes:
    """classes.jar. Raises: ToolError without a JDK, or with its first complaint."""
    javac = shutil.which("javac")
    if javac is None:
        raise ToolError(f"javac is not installed, which compiles the Java API; run: {INSTALL}")
    texts = sources(folder, kind, words)
    for name in ("NonNull", "Nullable"):
        texts[f"androidx/annotation/{name}.java"] = ANNOTATION.format(name=name)
    with tempfile.TemporaryDirectory(prefix="edgernn-") as temporary:
        work = Path(temporary)
        for path, text in texts.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text, "utf-8")
        _compile(javac, sorted(texts), work)
        made = work / "classes"
        return zipped(
            {
                path.relative_to(made).as_posix(): path.read_bytes()
                for path in made.rglob("*.class")
                if path.relative_to(made).parts[0] == "edgernn"
            }
        )


def _compile(javac: str, paths: list[str], work: Path) -> None:
    options = ["--release", RELEASE, "-nowarn", "-Xlint:-options", "-encoding", "UTF-8"]
    command = [javac, *options, "-d", "classes", *paths]
    run_compiler(command, work, "javac")
