"""Bundles of the shipped models, made once for all the processes that run tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import pytest
from filelock import FileLock

from edgernn.exporting import export

MODELS = ("kws", "wakeword", "keyboard")
COMPARED = 200  # steps; the road itself is tested elsewhere


@pytest.fixture(scope="session")
def bundles(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Mapping[str, Path]:
    """By model: a bundle in w8a8 for this machine."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder if worker_id == "master" else folder.parent) / "bundles"
    folder.mkdir(exist_ok=True)
    found = {model: folder / f"{model}.edgernn" for model in MODELS}
    with FileLock(folder / "lock"), mock.patch("edgernn.road.PARITY_FRAMES", COMPARED):
        for model, path in found.items():
            if not path.exists():
                export(model, "host", "w8a8", path)
    return found
