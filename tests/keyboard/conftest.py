"""Real texts and errors, for tests that are skipped unless EDGERNN_DATA names their directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    path = os.environ.get("EDGERNN_DATA")
    if not path:
        pytest.skip("needs real texts; EDGERNN_DATA=PATH names their directory")
    return Path(path)
