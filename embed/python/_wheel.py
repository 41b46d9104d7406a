"""Builds this folder's wheel (PEP 517): what lies here is compiled already, and is only packed."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATE = (2020, 1, 1, 0, 0, 0)  # the same files give the same wheel


class UnsupportedOperation(Exception):
    """What a backend raises for what it does not make."""


def build_sdist(folder: str, settings: Any = None) -> str:
    """There is none: the model is compiled."""
    raise UnsupportedOperation("the model is compiled: there is a wheel and no source distribution")


def build_wheel(folder: str, settings: Any = None, metadata: Any = None) -> str:
    """Write the wheel; gives its name."""
    told = _told()
    files = _files(told["project"]["name"])
    return _packed(Path(folder), told["project"], told["tool"]["wheel"]["tag"], files)


def build_editable(folder: str, settings: Any = None, metadata: Any = None) -> str:
    """Write a wheel that leads here."""
    told = _told()
    files = {f"{told['project']['name']}.pth": f"{HERE}\n".encode()}
    return _packed(Path(folder), told["project"], told["tool"]["wheel"]["tag"], files)


def _told() -> dict[str, Any]:
    """What pyproject.toml says."""
    try:
        import tomllib
    except ImportError:
        raise SystemExit(f"{HERE.name}: needs Python 3.11 or later") from None
    return tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))


def _files(name: str) -> dict[str, bytes]:
    found = sorted(path for path in (HERE / name).rglob("*") if path.is_file())
    return {
        path.relative_to(HERE).as_posix(): path.read_bytes()
        for path in found
        if "__pycache__" not in path.parts
    }


def _packed(folder: Path, project: dict[str, Any], tag: str, files: dict[str, bytes]) -> str:
    stem = f"{project['name']}-{project['version']}"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {project['version']}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {need}" for need in project["dependencies"]),
    ]
    python, abi, platforms = tag.split("-")
    tags = [f"Tag: {python}-{abi}-{platform}" for platform in platforms.split(".")]
    about = ["Wheel-Version: 1.0", "Generator: edgernn", "Root-Is-Purelib: false", *tags]
    every = {
        **files,
        f"{stem}.dist-info/METADATA": "\n".join([*metadata, ""]).encode(),
        f"{stem}.dist-info/WHEEL": "\n".join([*about, ""]).encode(),
    }
    record = f"{stem}.dist-info/RECORD"
    every[record] = "\n".join([*map(_row, every, every.values()), f"{record},,", ""]).encode()
    name = f"{stem}-{tag}.whl"
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, data in every.items():
            wheel.writestr(zipfile.ZipInfo(path, DATE), data, zipfile.ZIP_DEFLATED)
    return name


def _row(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}"
