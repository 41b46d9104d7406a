"""The house keeps its shape: links, one-way imports, public names, small files, no stray paths."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import edgernn

ROOT = Path(__file__).resolve().parent.parent
LINKED = ("embed", "export", "models", "targets", "firmware_stubs")
SOURCES = ("edgernn", *LINKED, "benchmarks", "tests")
MOST_LINES = {"tests": 600}
PUBLIC = {
    "Bundle", "Delay", "EdgernnError", "Residual", "Sequential", "Session", "Streaming", "Timing",
    "__version__", "check_streaming", "offline", "open_bundle", "streamify",
}  # fmt: skip


def files(*suffixes: str) -> list[Path]:
    """Source files of the repository, each once (links are not followed)."""
    found = [
        path
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*")
        if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts
    ]
    return sorted({path.resolve() for path in found})


def test_the_edge_folders_are_linked_into_the_package() -> None:
    for name in LINKED:
        link = ROOT / "edgernn" / name
        assert link.is_symlink(), f"{link} is no link: clone with core.symlinks=true"
        assert str(link.readlink()) == f"../{name}"


@pytest.mark.parametrize("name", LINKED)
def test_a_linked_folder_cannot_be_imported_by_its_bare_name(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True
    )
    assert f"import edgernn.{name}, not {name}" in done.stderr


def test_files_are_short() -> None:
    long = []
    for path in files(".py", ".c", ".h"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        folder = path.relative_to(ROOT).parts[0]
        if lines > MOST_LINES.get(folder, 500):
            long.append(f"{path.relative_to(ROOT)}: {lines} lines")
    assert long == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in files(".py")
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_public_names_are_these_and_all_load() -> None:
    assert set(edgernn.__all__) == PUBLIC
    assert dir(edgernn) == sorted(PUBLIC)
    for name in PUBLIC:
        assert getattr(edgernn, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Sesion'"):
        _ = edgernn.Sesion


def test_the_version_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == edgernn.__version__
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{edgernn.__version__}]" in changes


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_no_file_names_a_place_on_one_machine() -> None:
    place = re.compile(r"(?<![\w.])/(?:work|root|home|Users|opt|mnt)/\w")
    named = []
    for path in [*files(".py", ".c", ".h", ".toml", ".md", ".ld"), *ROOT.glob("*.*"), *DOCS]:
        if path.suffix in (".py", ".c", ".h", ".toml", ".md", ".ld", ".txt", ".yml", ".yaml"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if place.search(line) and path != Path(__file__).resolve():
                    named.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert named == []


DOCS = sorted((ROOT / "docs").rglob("*.md"))


def test_every_install_command_we_show_is_constrained() -> None:
    """Without constraints.txt another torch comes along, and on Linux gigabytes of CUDA."""
    loose = []
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "Makefile", *DOCS]:
        for line in path.read_text(encoding="utf-8").splitlines():
            installs = re.search(r"pip install.* -e ['\"]?\.", line)
            if installs and "-c constraints.txt" not in line:
                loose.append(f"{path.name}: {line.strip()}")
    assert loose == []


def test_links_inside_the_documents_lead_somewhere() -> None:
    broken = []
    for path in [*ROOT.glob("*.md"), *DOCS]:
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def test_torch_is_pinned_and_the_pin_is_in_range() -> None:
    pins = (ROOT / "constraints.txt").read_text().split()
    assert pins == ["torch==2.13.0"]
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert [need for need in needs if need.startswith("torch")] == ["torch>=2.9,<3"]
