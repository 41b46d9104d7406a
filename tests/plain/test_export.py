"""A file with a plain torch module is exported as any model is."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgernn.errors import ModelError
from edgernn.exporting import export
from edgernn.runtime import Session

pytestmark = pytest.mark.usefixtures("whole_road")

SOURCE = """
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.rnn = nn.Conv1d(8, 6, 3), nn.GRU(6, 5, batch_first=True)

    def forward(self, x):
        y, _ = self.rnn(torch.relu(self.conv(x.transpose(1, 2))).transpose(1, 2))
        return y[:, -1]


def build():
    torch.manual_seed(0)
    return Net()
"""
EXAMPLES = """
def examples():
    yield np.random.default_rng(0).standard_normal((1, 60, 8))
"""


@pytest.mark.slow
@pytest.mark.cc
def test_a_plain_module_becomes_a_bundle(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(SOURCE + EXAMPLES)
    said: list[str] = []
    path = tmp_path / "net.edgernn"
    export(f"{tmp_path}/net.py:build", "host", "w8a8", path, say=said.append)
    assert "net: a plain torch module; an output depends on all frames so far" in said[0]
    assert list(Session(path).state) == ["conv.past", "rnn.waited", "rnn.inner.h"]


def test_it_wants_an_example(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(SOURCE)
    with pytest.raises(ModelError, match=r"build gives a plain Net; define examples\(\) beside it"):
        export(f"{tmp_path}/net.py:build", "host", "fp32", tmp_path / "net.edgernn")
