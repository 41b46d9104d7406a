"""What is installed from a wheel is what lies in the repository, links and all."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

LINKED = ("embed", "export", "models", "targets", "firmware_stubs")


def built(root: Path, kind: str, out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (made,) = out.iterdir()
    return made


def sources(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "__pycache__" not in path.parts}


@pytest.mark.slow
def test_a_wheel_holds_every_linked_file_and_runs(root: Path, tmp_path: Path) -> None:
    wheel = built(root, "wheel", tmp_path / "out")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    for name in LINKED:
        assert sources(root / name) <= sources(tmp_path / "site" / "edgernn" / name)
    done = subprocess.run(
        [sys.executable, "-c", "import edgernn.cli as c; print(c.__file__); c.main()", "targets"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith(str(tmp_path))
    assert "cortex-m4" in done.stdout


@pytest.mark.slow
def test_a_source_distribution_holds_files_and_no_links(root: Path, tmp_path: Path) -> None:
    with tarfile.open(built(root, "sdist", tmp_path / "out")) as archive:
        entries = archive.getmembers()
    assert [entry.name for entry in entries if not entry.isfile()] == []
    inside = {entry.name.partition("/")[2] for entry in entries}
    for name in LINKED:
        assert {f"edgernn/{name}/{path}" for path in sources(root / name)} <= inside
    assert {"LICENSE", "constraints.txt", "Makefile", "tests/test_packaging.py"} <= inside
