"""The library that Java loads: the model, its loop, and the binding, for one CPU of Android's."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from edgernn.bundle import Bundle
from edgernn.compilers import Compiler
from edgernn.errors import DataError
from edgernn.package import package_code
from edgernn.target import Target, find_target
from edgernn.toolchain import build_library

NATIVE = Path(__file__).parent / "template" / "native"
ABIS: Mapping[str, str] = {
    "arm64-v8a": "android-arm64",
    "armeabi-v7a": "android-armv7",
    "x86_64": "android-x86_64",
}
SHARED = ("jni_table.h", "outbox.h", "live.c", "model.c")
OF_KIND: Mapping[str, tuple[str, ...]] = {
    "": (),
    "spotter": ("live_listener.h", "live_spotter.c"),
    "recognizer": ("live_listener.h", "live_recognizer.c"),
    "keyboard": ("live_keyboard.c",),
}
# Android has libdl.so; this one, of the same name and symbols, is for our linker alone
LIBDL = "libdl.so"
DL_SYMBOLS = ("dlopen", "dlsym", "dlclose", "dlerror")
LIBDL_C = "".join(f"void {name}(void);\nvoid {name}(void) {{}}\n" for name in DL_SYMBOLS)


def abi_of(target: str) -> str:
    """Raises: UnknownName, DataError for a target that is not Android's."""
    name = find_target(target).name
    for abi, own in ABIS.items():
        if own == name:
            return abi
    raise DataError(
        f"{name} is not Android; give one of {', '.join(ABIS.values())}, or none for all"
    )


def binding_library(bundle: Bundle, target: Target, package: str, cc: Compiler | None) -> bytes:
    """It exports Native.java's functions alone and needs libdl.so alone.

    package: behind `edgernn.` in Java. Raises: ToolError, DataError, BundleError.
    """
    code = package_code(bundle, target.name)
    names = (*SHARED, *OF_KIND[code.kind])
    native = {name: (NATIVE / name).read_text("utf-8") for name in names}
    prefix = f"Java_edgernn_{package.replace('_', '_1')}_Native_"  # as JNI writes an underscore
    header = f"#define EDGERNN_JAVA(name) {prefix}##name\n#define EDGERNN_PACKAGED {code.symbol}\n"
    found = [re.findall(r"^JNI_FUNCTION\(\w+, (\w+)\)", text, re.M) for text in native.values()]
    exports = [prefix + name for names in found for name in names]
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        work = Path(folder)
        system = build_library(
            {"libdl.c": LIBDL_C}, target, work, name="libdl", exports=DL_SYMBOLS, alone=True, cc=cc
        )
        sources: dict[str, str | bytes] = {**code.files, **native, "jni_names.h": header}
        sources[LIBDL] = system.read_bytes()
        linked = replace(target, flags=(*target.flags, LIBDL))
        built = build_library(
            sources, linked, work, name=f"libedgernn_{package}", exports=exports, alone=True, cc=cc
        )
        return built.read_bytes()
