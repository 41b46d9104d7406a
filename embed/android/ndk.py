"""The clang of an Android NDK, where one is installed and ANDROID_NDK names its folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgernn.compilers import Clang
from edgernn.errors import ToolError
from edgernn.target import Target

VARIABLE = "ANDROID_NDK"
API = 24
TRIPLES: Mapping[str, str] = {
    "android-arm64": f"aarch64-linux-android{API}",
    "android-armv7": f"armv7a-linux-androideabi{API}",
    "android-x86_64": f"x86_64-linux-android{API}",
}


@dataclass(frozen=True, slots=True)
class Ndk:
    """Compiles for Android as its own builds do."""

    program: str
    name: str = "clang of the NDK"

    def command(self, target: Target) -> list[str]:
        """Raises: KeyError for what is not Android's."""
        return [self.program, f"--target={TRIPLES[target.name]}", *target.gcc_flags]

    def link_flags(self, target: Target) -> list[str]:
        # what clang itself calls, such as divisions on 32-bit ARM, and -nostdlib leaves out
        asked = [*self.command(target), "--rtlib=compiler-rt", "-print-libgcc-file-name"]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        builtins = done.stdout.strip()
        return ["-Wl,--no-undefined", *([builtins] if Path(builtins).is_file() else [])]

    def version(self) -> str:
        return Clang(self.program).version()


def ndk() -> Ndk | None:
    """None where the variable is not set. Raises: ToolError for a folder without a clang."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    found = sorted(Path(folder).glob("toolchains/llvm/prebuilt/*/bin/clang"))
    if not found:
        raise ToolError(
            f"{VARIABLE}={folder}: has no toolchains/llvm/prebuilt/*/bin/clang; "
            "name an NDK's folder, or unset it: zig serves as well"
        )
    return Ndk(str(found[0]))
