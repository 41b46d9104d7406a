"""From a model's file to a library in this process, which the file no longer matters to."""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ._errors import ModelError
from ._native import PATH, Library

SEAL = b"edgernn sha256 "
SEAL_BYTES = len(SEAL) + 64
NEEDS_V3 = b"edgernn-cpu:x86_64_v3"
V3_FLAGS = {"avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}
MEND = "make it anew by edgernn embed"


def load(path: Path) -> Library:
    """The library in a model's file, checked before any of it runs. Raises: ModelError."""
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise ModelError(f"{path}: cannot be read: {cause.strerror}") from cause
    _check_seal(path, data)
    _check_cpu(path, data)
    try:
        with _private_copy(data) as place:
            return Library(place)
    except (ModelError, OSError) as cause:
        raise ModelError(f"{path}: cannot be loaded: {cause}") from cause


def _check_seal(path: Path, data: bytes) -> None:
    """The last bytes are the sha256 of all before them."""
    body, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if not seal.startswith(SEAL):
        raise ModelError(
            f"{path}: {len(data):,} bytes without a seal at their end: no model, or cut short; "
            f"{MEND}"
        )
    if seal != SEAL + hashlib.sha256(body).hexdigest().encode():
        raise ModelError(f"{path}: damaged: its {len(body):,} bytes are not those sealed; {MEND}")


def _check_cpu(path: Path, data: bytes) -> None:
    """It is for the CPU that this very extension is for, and the CPU has all instructions."""
    with open(PATH, "rb") as file:
        own = file.read(20)
    if (data[:6], data[18:20]) != (own[:6], own[18:]):  # ELF: class, byte order; machine
        here = platform.machine()
        raise ModelError(f"{path}: for another CPU than this {here}; {MEND} --on TARGET")
    if NEEDS_V3 in data and (lacking := V3_FLAGS - _cpu_flags()):
        raise ModelError(
            f"{path}: for a CPU with AVX2; this one lacks {', '.join(sorted(lacking))}; {MEND} here"
        )


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())


@contextmanager
def _private_copy(data: bytes) -> Iterator[str]:
    """A path of these bytes that nobody else writes to, only while it is loaded."""
    try:
        file = os.memfd_create("edgernn")
    except (AttributeError, OSError):  # not on this system, or not allowed
        with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
            place = Path(folder) / Path(folder).name  # a name that was never loaded
            place.write_bytes(data)
            yield str(place)
        return
    try:
        with os.fdopen(os.dup(file), "wb") as writer:
            writer.write(data)
        # a loader gives what it has by the same name again, and numbers of files come back, here
        # and in other packages: so each name is written in a way of its own, by chance
        way = "".join((".//", "./")[int(bit)] for bit in f"{int.from_bytes(os.urandom(8)):064b}")
        yield f"/proc/self/fd/{way}{file}"
    finally:
        os.close(file)
