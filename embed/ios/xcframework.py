"""An XCFramework of static libraries: the form of compiled code that Swift Package Manager takes.

Each slice has its headers in a folder of the module's name, since builds lay the headers of all
frameworks into one folder, where two files called module.modulemap would meet.
"""

from __future__ import annotations

import plistlib
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edgernn.macho import joined, members, read_object
from edgernn.target import find_target
from edgernn.toolchain import build_archive

ARCHITECTURES = {"EM_AARCH64": "arm64", "EM_X86_64": "x86_64"}
# by folder: the variant of the platform, and targets
SLICES = {
    "ios-arm64": ("", ("ios-arm64",)),
    "ios-arm64_x86_64-simulator": (
        "simulator",
        ("ios-simulator-arm64", "ios-simulator-x86_64"),
    ),
}


def framework(
    name: str, sources: Mapping[str, Mapping[str, str]], public: Mapping[str, str]
) -> dict[str, bytes]:
    """Path -> content of NAME.xcframework.

    sources: by target, the C. public: headers and the module map. Raises: ToolError.
    """
    root, file = f"{name}.xcframework", f"lib{name}.a"
    made: dict[str, bytes] = {}
    rows = []
    for folder, (variant, targets) in SLICES.items():
        built = [_built(sources[target], target) for target in targets]
        archives = {machine_of(archive): archive for archive in built}
        library = built[0] if len(built) == 1 else joined(archives)
        row = {
            "LibraryIdentifier": folder,
            "LibraryPath": file,
            "HeadersPath": "Headers",
            "SupportedArchitectures": [ARCHITECTURES[machine] for machine in archives],
            "SupportedPlatform": "ios",
        }
        rows.append(row | ({"SupportedPlatformVariant": variant} if variant else {}))
        made[f"{root}/{folder}/{file}"] = library
        for each, text in public.items():
            made[f"{root}/{folder}/Headers/{name}/{each}"] = text.encode()
    info = {
        "AvailableLibraries": rows,
        "CFBundlePackageType": "XFWK",
        "XCFrameworkFormatVersion": "1.0",
    }
    return {**made, f"{root}/Info.plist": plistlib.dumps(info)}


def machine_of(archive: bytes) -> str:
    """Which CPU a static library is for."""
    return read_object(next(members(archive))[1]).machine


def _built(files: Mapping[str, str], target: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        return build_archive(files, find_target(target), Path(folder), name="lib").read_bytes()
