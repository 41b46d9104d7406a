"""Bundles of the shipped models, made once for all the processes that run tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from filelock import FileLock

from edgernn.bundle import open_bundle
from edgernn.exporting import export
from edgernn.package import find_package, write_package

MODELS = ("kws", "wakeword", "keyboard")


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Mapping[str, Path]:
    """By model: a bundle in w8a8 for this machine."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder if worker_id == "master" else folder.parent) / "bundles"
    folder.mkdir(exist_ok=True)
    found = {model: folder / f"{model}.edgernn" for model in MODELS}
    with FileLock(folder / "lock"):
        for model, path in found.items():
            if not path.exists():
                export(model, "host", "w8a8", path)
    return found


@pytest.fixture(scope="session")
def web_packages(bundles: Mapping[str, Path]) -> Path:
    """The folder of each bundle's package for the web, by model."""
    folder = bundles["kws"].with_name("web")
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "lock"):
        for model, path in bundles.items():
            if not (folder / model).exists():
                files = find_package("web").files(open_bundle(path), None, print)
                write_package(files, folder / model)
    return folder
