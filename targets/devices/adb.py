"""An Android phone that adb reaches, by its serial: `adb:R58N123`, or `adb:` for the only one.

Nothing is installed: the program is copied to where the phone's shell may run one ($TMPDIR there,
/data/local/tmp). Numbers of a real phone were never seen here: the tests have a stand-in for adb.
"""

from __future__ import annotations

import shutil

from edgernn.errors import ToolError
from edgernn.targets.devices._remote import Remote, reached

TARGETS = {"aarch64": "android-arm64"}  # by what `uname -m` says
INSTALL = "apt-get install adb"
TOLD: dict[int, str] = {}


def open_device(rest: str) -> Remote:
    """Ask the phone what it is. Raises: ToolError if it is not reached, or runs no such code."""
    url = f"adb:{rest}"
    program = shutil.which("adb")
    if program is None:
        raise ToolError(f"{url}: needs adb; run: {INSTALL}")
    if rest.startswith("-") or any(char.isspace() for char in rest):
        raise ToolError(f"{url}: need adb:SERIAL, as adb devices lists it, or adb: alone")
    place = ("-s", rest) if rest else ()
    command = (program, *place, "shell", "-T")  # bytes go in and out as they are
    first = " ".join(["adb", *place, "shell"])
    return reached(url, command, TARGETS, TOLD, first)
