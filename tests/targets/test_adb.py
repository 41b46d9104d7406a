"""Phones behind adb, for which a script stands in: what we ask of it, not what a phone answers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgernn.cli import group
from edgernn.device import find_device
from edgernn.errors import ToolError
from edgernn.exporting import export

# a phone of serial R58: its shell is this machine's, its programs run under qemu-aarch64
ADB = """#!/bin/sh
if [ "$1" = devices ]; then
  printf 'List of devices attached\\nR58\\tdevice\\nOLD\\tunauthorized\\n\\n'; exit
fi
if [ "$1" = -s ]; then
  [ "$2" = R58 ] || {{ echo "adb: device '$2' not found" >&2; exit 1; }}
  shift 2
fi
[ "$1 $2" = "shell -T" ] || {{ echo "adb: unknown $1 $2" >&2; exit 1; }}
export TMPDIR={folder}/phone PATH="{folder}/bin:$PATH"
exec sh -c "$(printf %s "$3" | sed '$s/"$f"$/qemu-aarch64 "$f"/')"
"""


@pytest.fixture
def phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a phone keeps its temporary files."""
    for name in ("phone", "bin", "client"):
        (tmp_path / name).mkdir()
    for path, text in (
        (tmp_path / "client/adb", ADB.format(folder=tmp_path)),
        (tmp_path / "bin/uname", "#!/bin/sh\necho aarch64\n"),
    ):
        path.write_text(text)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "client"), prepend=os.pathsep)
    return tmp_path / "phone"


@pytest.mark.slow
@pytest.mark.cc
@pytest.mark.skipif(shutil.which("qemu-aarch64") is None, reason="needs qemu-aarch64")
def test_a_step_is_measured_on_a_phone_and_nothing_stays_there(phone: Path, tmp_path: Path) -> None:
    path = tmp_path / "kws.edgernn"
    export("kws/tiny", "android-arm64", "w8a8", path)
    told = CliRunner().invoke(
        group, ["profile", str(path), "-d", "adb:R58", "--seconds", "0.1", "--json"]
    )
    assert told.exit_code == 0, told.output
    (profile,) = json.loads(told.stdout)["profiles"]
    assert profile["devices"] == [], "an emulator's times are not told"
    (row,) = profile["chips"]
    assert row["device"] == "adb:R58"
    assert row["count"]["mean"] > 1000
    assert list(phone.iterdir()) == []


def test_phones_are_listed_and_one_that_is_not_there_is_named(phone: Path) -> None:
    assert find_device("adb:R58").target == find_device("adb:").target == "android-arm64"
    with pytest.raises(ToolError) as caught:
        find_device("adb:R59")
    assert str(caught.value) == (
        "adb:R59: adb: device 'R59' not found; first make this work: adb -s R59 shell uname -m"
    )
    with pytest.raises(ToolError, match="need adb:SERIAL"):
        find_device("adb:a b")
    rows = json.loads(CliRunner().invoke(group, ["devices", "--json"]).stdout)
    found = {row["device"]: row for row in rows}
    assert found["adb:OLD"]["note"] == "unauthorized"
    assert "adb:R58" in found


def test_without_adb_the_mend_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="needs adb; run: apt-get install adb"):
        find_device("adb:R58")
