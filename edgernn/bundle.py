"""Bundles: one `.edgernn` file with all that is needed to run and re-verify a model.

A bundle is a plain zip: `manifest.json` and the members that it lists with their sizes and
sha256. The zip's comment seals the file: it is the sha256 of every byte before the end record, so
that one changed or missing byte anywhere is seen before a field is read.

A seal proves that the file is whole, not who made it: artifacts are machine code, so open
bundles only from people you would take a program from.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from edgernn.errors import BundleError, EdgernnError
from edgernn.manifest import MANIFEST, SCHEMA, check_form, decode, encode

MAX_MANIFEST_BYTES = 16 << 20
MAX_MEMBERS = 10_000
MAX_TOTAL_BYTES = 2 << 30
_SEAL = b"edgernn sha256 "
_SEAL_BYTES = len(_SEAL) + 64
_END = struct.Struct("<4s4H2LH")  # end of central directory, whose last field is the comment's size
_CHUNK_BYTES = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date a zip can hold: the same input, the same bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle, every byte of it verified."""

    path: Path
    manifest: Mapping[str, Any]

    def read(self, member: str) -> bytes:
        """The content of a member, checked again. Raises: BundleError."""
        if member not in self.manifest["members"]:
            raise BundleError(f"{self.path}: no member {member!r}")
        try:
            with zipfile.ZipFile(self.path) as archive:
                return b"".join(_chunks(archive, member, self.manifest["members"][member]))
        except EdgernnError as cause:
            raise BundleError(f"{self.path}: {cause}") from cause
        except Exception as cause:
            raise BundleError(f"{self.path}: changed since it was opened: {cause}") from cause

    def frame_ms(self, step: str) -> float:
        """The real time that a step covers."""
        own = self.manifest["steps"][step].get("frame_ms")
        return float(own or self.manifest["frame_ms"])

    def built(self) -> tuple[str, dict[str, Any]]:
        """The first step's name, and the row of its artifact for the bundle's own target."""
        return next(iter(self.all_built().items()))

    def all_built(self) -> dict[str, dict[str, Any]]:
        """By each step's name the row of its artifact for the bundle's own target."""
        target = self.manifest["target"]
        return {
            step: next(a for a in row["artifacts"] if a["target"] == target)
            for step, row in self.manifest["steps"].items()
        }

    def members(self) -> dict[str, int]:
        """Every member's path with its size in bytes."""
        return {path: entry["bytes"] for path, entry in self.manifest["members"].items()}


def write(path: Path | str, manifest: Mapping[str, Any], members: Mapping[str, bytes]) -> None:
    """Write a bundle, whole or not at all; the same content gives the same bytes.

    `schema` and `members` of the manifest are filled in here.

    Raises: BundleError if the content has not the form of a bundle, or cannot be written; then
        a file that was there before is untouched and nothing is left beside it.
    """
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for name, data in sorted(members.items())
    }
    for name in listed:
        _check_path(name)
        if name == MANIFEST:
            raise BundleError(f"a member may not be called {MANIFEST}")
    full = {**manifest, "schema": SCHEMA, "members": listed}
    check_form(full)
    write_whole(Path(path), _packed({MANIFEST: encode(full), **members}))


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file by `data`, whole or not at all. Raises: BundleError in one line."""
    part: Path | None = None
    try:
        path = Path(os.path.realpath(path))
        if path.exists() and not path.is_file():
            raise BundleError(f"{path}: is not a regular file; choose another name")
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "no such folder")
        part = path.with_name(f".edgernn-{secrets.token_hex(6)}.part")
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as cause:
        raise BundleError(_why(path, cause, len(data))) from cause
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _why(path: Path, cause: OSError, nbytes: int) -> str:
    if cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{path}: the disk is full; {nbytes:,} bytes are needed. Nothing was written"
    if cause.errno == errno.ENOENT:
        return f"{path}: the folder {path.parent} does not exist. Nothing was written"
    return f"{path}: cannot write {nbytes:,} bytes: {cause.strerror}. Nothing was written"


def _packed(members: Mapping[str, bytes]) -> bytes:
    """The zip, sealed. The manifest comes first, so that `unzip -p` and eyes find it at once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(members, key=lambda name: (name != MANIFEST, name)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # unix, whichever machine writes it
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, members[name], zipfile.ZIP_DEFLATED, 9)
    return seal(buffer.getvalue())


def seal(archive: bytes) -> bytes:
    """A zip without a comment, given the comment that seals it."""
    body, end = archive[: -_END.size], archive[-_END.size :]
    sealed = body + _END.pack(*_END.unpack(end)[:-1], _SEAL_BYTES)
    return sealed + _SEAL + hashlib.sha256(sealed).hexdigest().encode()


def open_bundle(path: Path | str) -> Bundle:
    """Open a bundle and verify every byte of it.

    Raises: BundleError, whatever the file holds.

    It may be absent, truncated, changed, of a newer schema, or have a member that is unlisted, too
    large or named to land outside.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise BundleError("is not a regular file")
        with path.open("rb") as file:
            _check_seal(file)
            with zipfile.ZipFile(file) as archive:
                return Bundle(path, _verify(archive))
    except EdgernnError as cause:
        raise BundleError(f"{path}: {cause}") from cause
    except OSError as cause:
        raise BundleError(f"{path}: {cause.strerror or cause}") from cause
    except Exception as cause:  # a hostile zip can make the reader raise nearly anything
        raise BundleError(f"{path}: is damaged: {cause}") from cause


def _check_seal(file: BinaryIO) -> None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _SEAL_BYTES, 0))
    tail = file.read()
    file.seek(0)
    head = file.read(4)
    if size == 0:
        raise BundleError("is empty")
    if head != b"PK\x03\x04":
        raise BundleError("is not a bundle")
    if not tail.startswith(_SEAL):
        raise BundleError("is truncated, or was not written by edgernn (no seal at its end)")
    file.seek(0)
    digest, left = hashlib.sha256(), size - _SEAL_BYTES
    while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
        digest.update(chunk)
        left -= len(chunk)
    if tail != _SEAL + digest.hexdigest().encode():
        raise BundleError("was changed after it was written (its sha256 does not match its seal)")
    file.seek(0)


def _verify(archive: zipfile.ZipFile) -> dict[str, Any]:
    entries = archive.infolist()
    if len(entries) > MAX_MEMBERS:
        raise BundleError(f"has {len(entries):,} members; at most {MAX_MEMBERS:,} are allowed")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise BundleError(f"unpacks to {total:,} bytes; at most {MAX_TOTAL_BYTES:,} are allowed")
    for entry in entries:
        _check_entry(entry)
    names = sorted(entry.filename for entry in entries)
    twice = [name for name, after in pairwise(names) if name == after]
    if twice:
        raise BundleError(f"has two members called {twice[0]!r}")
    if MANIFEST not in names:
        raise BundleError(f"has no {MANIFEST}")
    if archive.getinfo(MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise BundleError(f"{MANIFEST} is larger than {MAX_MANIFEST_BYTES:,} bytes")
    manifest = decode(archive.read(MANIFEST))
    listed = manifest["members"]
    for name in sorted(listed.keys() ^ {*names} - {MANIFEST}):
        where = "is listed but absent" if name in listed else "is not listed in the manifest"
        raise BundleError(f"member {name!r} {where}")
    for name, entry in listed.items():
        for _ in _chunks(archive, name, entry):
            pass
    return manifest


def _check_entry(entry: zipfile.ZipInfo) -> None:
    _check_path(entry.orig_filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG) or entry.is_dir():
        raise BundleError(f"member {entry.filename!r} is a link or a folder, not a file")
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BundleError(f"member {entry.filename!r} is encrypted or packed in an unknown way")


def _check_path(name: str) -> None:
    """A member's path may only go down: relative, `/` between parts, no `..`, no drive."""
    bad = any(c in '\\:*?"<>|' or ord(c) < 32 for c in name)
    if bad or len(name) > 500 or any(part in ("", ".", "..") for part in name.split("/")):
        raise BundleError(f"member {name[:80]!r} has a path that leads outside the bundle")


def _chunks(archive: zipfile.ZipFile, name: str, listed: Mapping[str, Any]) -> Iterator[bytes]:
    """The content of a member, piece by piece; the last one is followed by the check."""
    size = archive.getinfo(name).file_size
    if size != listed["bytes"]:
        raise BundleError(f"member {name!r} has {size:,} bytes; listed are {listed['bytes']:,}")
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != listed["sha256"]:
        raise BundleError(f"member {name!r} was changed: its sha256 is not the one listed")
