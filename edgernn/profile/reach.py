"""Devices that this machine knows of, by URL, and a word on those that are not asked."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from edgernn.backend import find_runner
from edgernn.cuda import SCHEME, gpus
from edgernn.target import all_targets

ADB_SECONDS = 5
USER = "qemu-aarch64"
SSH_CONFIG = Path("~/.ssh/config")


def known() -> list[tuple[str, str]]:
    """(URL, note); a note says why a device is not asked what it is, "" that it can be."""
    return [*_local(), *unasked().items(), *_phones(), *_hosts()]


def _local() -> list[tuple[str, str]]:
    runs = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")
    return [("local", "" if runs else f"{platform.machine()} {platform.system()}: times by Python")]


def unasked() -> dict[str, str]:
    """What is told of devices that run no program which could ask: GPUs and emulators, by URL.

    An emulator's files are this machine's.
    """
    found = {f"{SCHEME}{number}": gpu.line() for number, gpu in enumerate(gpus())}
    user = None if shutil.which(USER) else f"needs {USER}; run: apt-get install qemu-user"
    for target in all_targets().values():
        if target.kind == "firmware" or target.cores:
            missing = find_runner(target.runner).missing()
            found[f"qemu:{target.name}"] = missing or f"{target.summary}; counted, never timed"
        for core in target.cores:
            found[f"qemu:{core}"] = user or f"a core of {target.name}; counted, never timed"
    return found


def _phones() -> list[tuple[str, str]]:
    adb = shutil.which("adb")
    if adb is None:
        return []
    try:
        done = subprocess.run(
            [adb, "devices"], capture_output=True, text=True, timeout=ADB_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return [("adb:", "adb does not answer")]
    rows = [line.split() for line in done.stdout.splitlines()[1:] if line.strip()]
    return [(f"adb:{row[0]}", "" if row[1:2] == ["device"] else row[-1]) for row in rows]


def _hosts() -> list[tuple[str, str]]:
    try:
        lines = SSH_CONFIG.expanduser().read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines if line.strip().lower().startswith("host ")]
    names = [name for row in words for name in row[1:] if not set(name) & set("*?!")]
    return [(f"ssh://{name}", "named in ~/.ssh/config; ask it by its URL") for name in names]
