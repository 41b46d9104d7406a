"""An Android archive (AAR) with a Java API, files to update it by, and the source of an app.

The model is linked into the library that Java loads; a later one comes as a file of its own. No
NDK is needed, and no Gradle; where ANDROID_NDK is set its clang compiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgernn.bundle import Bundle
from edgernn.embed.android.archive import zipped
from edgernn.embed.android.java import classes, java_name
from edgernn.embed.android.libraries import ABIS, abi_of, binding_library
from edgernn.embed.android.ndk import ndk
from edgernn.loops import kind_of
from edgernn.package import filled, model_library, name_of
from edgernn.target import find_target
from edgernn.verify import Say

TEMPLATE = Path(__file__).parent / "template"
MIN_SDK = 24
LISTENING = {  # what the app of a loop that hears says of itself, and shows of a word
    "spotter": (
        "Keywords of the microphone, as they are heard.",
        '"${word.label}  ${"%.2f".format(word.score)}\\n"',
    ),
    "recognizer": ("Words of the microphone, as they become certain.", '"${word.text} "'),
}
METADATA = "aar-metadata.properties"  # its place in an archive is one that git would not keep


class Android:
    """Libraries for every CPU that Android runs on; for one alone where a target is given."""

    name = "android"
    summary = "an AAR with a Java API that Kotlin reads well, and a sample app"

    def files(self, bundle: Bundle, target: str | None, say: Say) -> Mapping[str, bytes]:
        """Path -> content. target: of the one ABI that is wanted.

        Raises: DataError, UnknownName, BundleError, ToolError, ParityError.
        """
        name, kind, cc = name_of(bundle), kind_of(bundle), ndk()
        abis = [abi_of(target)] if target else list(ABIS)
        package = java_name(name)
        words = {
            "NAME": package,
            "MODEL": name,
            "VERSION": str(bundle.manifest["edgernn"]),
            "ABIS": ", ".join(abis),
            "MIN_SDK": str(MIN_SDK),
            "RATE": f"{bundle.manifest.get('sample_rate_hz') or 0:g}",
            "KIND": kind,
            "SUMMARY": f"The model {bundle.manifest['model']} in {bundle.manifest['number_type']}.",
        }
        archive = {"classes.jar": classes(TEMPLATE / "java", kind, words)}
        made: dict[str, bytes] = {}
        for abi in abis:
            place = find_target(ABIS[abi])
            made[f"models/{abi}/{name}.model"] = model_library(bundle, place, say, cc=cc)
            say(f"{abi}: libedgernn_{package}.so")
            library = binding_library(bundle, place, package, cc)
            archive[f"jni/{abi}/libedgernn_{package}.so"] = library
        archive |= _texts(TEMPLATE / "aar", words)
        archive[f"META-INF/com/android/build/gradle/{METADATA}"] = archive.pop(METADATA)
        made[f"{name}.aar"] = zipped(archive)
        made |= _sample(kind, words)
        made["README.md"] = filled((TEMPLATE / "README.md").read_text("utf-8"), words).encode()
        return made


def _texts(folder: Path, words: Mapping[str, str], prefix: str = "") -> dict[str, bytes]:
    """Every file below a folder, filled. `@NAME@` in a path too."""
    return {
        prefix + filled(path.relative_to(folder).as_posix(), words): filled(
            path.read_text("utf-8"), words
        ).encode()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _sample(kind: str, words: Mapping[str, str]) -> dict[str, bytes]:
    """The project, and in it the app of this kind of model."""
    folder, own = TEMPLATE / "sample", kind or "steps"
    if kind in LISTENING:
        own, (said, shown) = "listening", LISTENING[kind]
        words = {**words, "LOOP": kind.capitalize(), "SHOWS": said, "SHOWN": shown}
    return {
        **_texts(folder / "project", words, "sample/"),
        **_texts(folder / own, words, "sample/app/src/main/"),
    }


PACKAGE = Android()
