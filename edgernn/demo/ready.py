"""Packages for the web, made once: of bundles that are given, or of the shipped models."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgernn import __version__
from edgernn.bundle import open_bundle
from edgernn.errors import BundleError, DataError
from edgernn.loops import kind_of
from edgernn.model import find_model, model_names
from edgernn.package import MARK, find_package, name_of, write_package
from edgernn.spotting.archive import cache_folder
from edgernn.verify import Say

SHIPPED = {"kws": "w4a8", "keyboard": "w8a8"}  # as their cards say
TARGET = "wasm"


@dataclass(frozen=True, slots=True)
class Ready:
    """A package as it is served. model: whose clips go with it."""

    name: str
    kind: str
    model: str
    number_type: str
    sample_rate_hz: int
    files: Mapping[str, bytes]


def shipped(model: str, say: Say) -> Path:
    """The bundle of a model in SHIPPED; the first time it is exported."""
    path = _cache("bundles", _hash_of(model)) / f"{model}-{SHIPPED[model]}.edgernn"
    if not _opens(path):
        from edgernn.exporting import export

        say(f"{model}: is exported, which takes minutes, and kept in {path.parent}")
        path.parent.mkdir(parents=True, exist_ok=True)
        export(model, TARGET, SHIPPED[model], path, say=say)
    return path


def ready(path: Path, say: Say) -> Ready:
    """A bundle's package, from the cache if it was made before.

    Raises: DataError for a bundle without a loop, and as the package.
    """
    bundle = open_bundle(path)
    kind = kind_of(bundle)
    if not kind:
        steps = ", ".join(bundle.manifest["steps"])
        raise DataError(
            f"{path}: has the steps {steps}, which nothing ties into words; shown are keyword "
            "spotters, recognisers and keyboards"
        )
    folder = _cache("packages", hashlib.sha256(path.read_bytes()).hexdigest())
    if not _whole(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_package(find_package("web").files(bundle, None, say), folder)
    files = {name: (folder / name).read_bytes() for name in _listed(folder)}
    rate = int(bundle.manifest.get("sample_rate_hz") or 0)
    model = str(bundle.manifest["model"]).partition("/")[0]
    return Ready(name_of(bundle), kind, model, str(bundle.manifest["number_type"]), rate, files)


def clips_of(model: str) -> list[Path]:
    """Recordings that come with a shipped model, the longest first; none with others."""
    if model not in model_names():
        return []
    folder = find_model(model).folder
    found = [*folder.glob("clips/*.wav"), *folder.glob("clips/*.flac")] if folder else []
    return sorted(found, key=lambda path: (path.stem != "stream", path.stem))


def _opens(path: Path) -> bool:
    try:
        open_bundle(path)
    except (BundleError, DataError):
        return False
    return True


def _cache(what: str, key: str) -> Path:
    """Where a thing is kept that hangs on its key, our version and what packages are made of."""
    web = Path(str(importlib.import_module("edgernn.embed.web").__file__)).parent
    made = hashlib.sha256(key.encode())
    for path in sorted(web.rglob("*.*")):
        if "__pycache__" not in path.parts:
            made.update(path.read_bytes())
    return cache_folder() / "demo" / f"{__version__}-{what}" / made.hexdigest()[:16]


def _hash_of(model: str) -> str:
    folder = find_model(model).folder
    weights = folder / "weights.safetensors" if folder else Path()
    return hashlib.sha256(weights.read_bytes()).hexdigest()


def _listed(folder: Path) -> list[str]:
    names: list[str] = json.loads((folder / MARK).read_text("utf-8"))
    return names


def _whole(folder: Path) -> bool:
    """Whether every file that a package lists is there."""
    try:
        return all((folder / name).is_file() for name in _listed(folder))
    except (OSError, ValueError):
        return False


def described(one: Ready, clips: Mapping[str, str]) -> dict[str, Any]:
    """What the page is told of a package. clips: by name, where they lie."""
    return {
        "name": one.name,
        "kind": one.kind,
        "model": one.model,
        "number_type": one.number_type,
        "rate": one.sample_rate_hz,
        "bytes": sum(map(len, one.files.values())),
        "index": f"/packages/{one.name}/index.js",
        "clips": [{"name": name, "url": url} for name, url in clips.items()],
    }
