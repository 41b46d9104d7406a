"""A bundle is whole, or it is refused in one line."""

from __future__ import annotations

import errno
import io
import json
import os
import random
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from edgernn.bundle import Bundle, open_bundle, seal, write
from edgernn.errors import BundleError
from edgernn.manifest import MANIFEST

PORT = {"name": "x", "shape": [1, 2], "dtype": "float32"}
STEP = {
    "inputs": [PORT],
    "outputs": [PORT],
    "states": [{"in": "h", "out": "new_h", "shape": [1, 2], "dtype": "float32"}],
    "timing": {"block": 1, "ratio": "1", "delay": 0},
    "artifacts": [{"backend": "c", "target": "host", "number_type": "fp32", "main": "a/b.so"}],
    "golden": "golden.npz",
}
FORM: dict[str, Any] = {
    "edgernn": "0.1.0",
    "model": "m",
    "target": "host",
    "number_type": "fp32",
    "frame_ms": 20.0,
    "steps": {"m": STEP},
}
MEMBERS = {"a/b.so": b"code" * 100, "golden.npz": bytes(range(256))}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write(tmp_path / "m.edgernn", FORM, MEMBERS)
    return tmp_path / "m.edgernn"


def refused(path: Path) -> str:
    """The one line with which this file is refused."""
    with pytest.raises(BundleError) as caught:
        open_bundle(path)
    line = str(caught.value)
    assert line.startswith(str(path))
    assert "\n" not in line
    return line


def hostile(path: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    """A zip with these members and a correct seal."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    path.write_bytes(seal(buffer.getvalue()))
    return path


def unpacked(path: Path) -> list[tuple[zipfile.ZipInfo | str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def with_manifest(path: Path, edit: dict[str, Any]) -> Path:
    (_, text), *rest = unpacked(path)
    return hostile(path, [(MANIFEST, json.dumps({**json.loads(text), **edit}).encode()), *rest])


def test_what_was_written_is_read_back(path: Path) -> None:
    bundle = open_bundle(path)
    assert isinstance(bundle, Bundle)
    assert {name: bundle.read(name) for name in bundle.members()} == MEMBERS
    assert bundle.manifest["steps"] == {"m": STEP}
    with pytest.raises(BundleError, match="no member 'nothing'"):
        bundle.read("nothing")


def test_any_zip_tool_reads_it(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist()[0] == MANIFEST


def test_the_same_content_gives_the_same_bytes(path: Path, tmp_path: Path) -> None:
    turned = dict(reversed(MEMBERS.items()))
    write(tmp_path / "again.edgernn", dict(reversed(FORM.items())), turned)
    assert (tmp_path / "again.edgernn").read_bytes() == path.read_bytes()


def test_every_flipped_bit_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        refused(path)


def test_every_truncation_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        refused(path)


def test_a_sealed_file_of_any_bytes_is_refused_or_whole(path: Path) -> None:
    """With the seal made right again, the zip and the manifest are still not believed."""
    rng = random.Random(1)
    bare = path.read_bytes()[:-79]
    bare = bare[:-2] + b"\0\0"
    opened = 0
    for _ in range(2000):
        changed = bytearray(bare)
        for _ in range(rng.choice((1, 1, 1, 4, 40))):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(seal(bytes(changed)))
        try:
            bundle = open_bundle(path)
        except BundleError:
            continue
        opened += 1  # a date or a flag that nobody reads: the content must be what was written
        assert {name: bundle.read(name) for name in bundle.members()} == MEMBERS
    assert opened < 1000


@pytest.mark.parametrize(
    "name", ["/etc/x", "../x", "a/../../x", "C:x", "a\\..\\x", "a//b", ".", "a/", "x\n", "x\0y"]
)
def test_a_member_that_leads_outside_is_refused(path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="leads outside"):
        write(path, FORM, {**MEMBERS, name: b""})
    entry = zipfile.ZipInfo("x" * len(name))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, b"")
    path.write_bytes(seal(buffer.getvalue().replace(b"x" * len(name), name.encode())))
    assert "leads outside" in refused(path)


def test_a_link_is_refused(path: Path) -> None:
    link = zipfile.ZipInfo("a/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    hostile(path, [*unpacked(path), (link, b"/etc/passwd")])
    assert "'a/link' is a link" in refused(path)


def test_a_member_twice_unlisted_or_absent_is_refused(path: Path) -> None:
    entries = unpacked(path)
    with pytest.warns(UserWarning, match="Duplicate"):
        hostile(path, [*entries, entries[1]])
    assert "two members called 'a/b.so'" in refused(path)
    hostile(path, [*entries, ("extra", b"1")])
    assert "'extra' is not listed" in refused(path)
    hostile(path, entries[:-1])
    assert "'golden.npz' is listed but absent" in refused(path)
    hostile(path, entries[1:])
    assert "has no manifest.json" in refused(path)


def test_a_changed_member_is_refused(path: Path) -> None:
    entries = unpacked(path)
    hostile(path, [*entries[:-1], ("golden.npz", bytes(256))])
    assert "'golden.npz' was changed" in refused(path)
    hostile(path, [*entries[:-1], ("golden.npz", b"short")])
    assert "has 5 bytes; listed are 256" in refused(path)


def test_a_zip_bomb_is_refused_unread(path: Path) -> None:
    size = struct.pack("<L", 256)
    whole = bytearray(path.read_bytes()[:-79])
    whole[-2:] = b"\0\0"
    at = whole.rindex(b"golden.npz") - 46 + 24  # its uncompressed size in the central directory
    assert whole[at : at + 4] == size
    whole[at : at + 4] = struct.pack("<L", (1 << 32) - 2)
    path.write_bytes(seal(bytes(whole)))
    assert "unpacks to 4,2" in refused(path)


def test_a_newer_schema_says_upgrade(path: Path) -> None:
    line = refused(with_manifest(path, {"schema": 2}))
    assert "made by a newer edgernn (schema 2, this one reads 1)" in line
    assert "pip install --upgrade edgernn" in line


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        ({"schema": "1"}, "schema is '1'"),
        ({"schema": True}, "schema is True"),
        ({"steps": {}}, "steps is {}"),
        ({"frame_ms": -1}, "frame_ms is -1; need a number above 0"),
        ({"steps": {"m": {**STEP, "inputs": [{**PORT, "shape": [1, -2]}]}}}, "inputs[0].shape[1]"),
        ({"steps": {"m": {**STEP, "golden": "no"}}}, "steps.m.golden names 'no'"),
        ({"steps": {"m": {**STEP, "artifacts": [{}]}}}, "artifacts[0].backend is missing"),
        ({"members": []}, "members is []"),
        ({"labels": [1]}, "labels[0] is 1; need text"),
    ],
)
def test_a_manifest_of_another_form_is_refused(path: Path, edit: dict[str, Any], line: str) -> None:
    assert line in refused(with_manifest(path, edit))


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b'{"a":' * 5000, b"[" * 100_000])
def test_a_manifest_that_is_not_json_is_refused(path: Path, text: bytes) -> None:
    hostile(path, [(MANIFEST, text), *unpacked(path)[1:]])
    refused(path)


def test_absent_empty_foreign_and_odd_files_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "absent")
    (tmp_path / "empty").touch()
    assert "is empty" in refused(tmp_path / "empty")
    (tmp_path / "text").write_text("hello")
    assert "is not a bundle" in refused(tmp_path / "text")
    assert "not a regular file" in refused(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refused(tmp_path / "pipe")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match=r"the disk is full; [0-9,]+ bytes are needed"):
        write(path, FORM, {**MEMBERS, "more": b"1"})
    assert path.read_bytes() == before
    assert [*path.parent.iterdir()] == [path]


def test_an_interrupted_write_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.unlink()

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(path, FORM, MEMBERS)
    assert [*path.parent.iterdir()] == []


def test_a_place_that_cannot_be_written_is_named(path: Path, tmp_path: Path) -> None:
    for place, line in [
        (tmp_path / "no" / "x.edgernn", "does not exist"),
        (path / "x.edgernn", "does not exist"),
        (tmp_path, "not a regular file"),
        (Path(os.devnull), "not a regular file"),
        (tmp_path / ("x" * 300), "cannot write"),
    ]:
        with pytest.raises(BundleError, match=line):
            write(place, FORM, MEMBERS)
    assert [*tmp_path.iterdir()] == [path]


def test_a_manifest_that_could_not_be_read_is_not_written(path: Path) -> None:
    for edit in ({"frame_ms": float("nan")}, {"accuracy": float("inf")}, {"model": ""}):
        with pytest.raises(BundleError):
            write(path, {**FORM, **edit}, MEMBERS)
    with pytest.raises(BundleError, match=r"called manifest\.json"):
        write(path, FORM, {**MEMBERS, MANIFEST: b""})
