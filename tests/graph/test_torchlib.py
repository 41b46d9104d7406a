"""torch's library of ONNX functions is read for the first export only, and changes none."""

from __future__ import annotations

import pytest
import torch
from torch.onnx._internal.exporter._registration import ONNXRegistry

from edgernn.cells.gru import GRU
from edgernn.graph import torchlib
from edgernn.graph.capture import capture


def test_captures_read_it_once_and_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    read = ONNXRegistry.from_torchlib

    def counted(**options: int) -> ONNXRegistry:
        reads.append(options)
        return read(**options)

    cell, x = GRU(3, 4).eval(), torch.zeros(1, 1, 3)
    with monkeypatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", counted)
        shared = [capture(cell, x, "cell").model.SerializeToString() for _ in range(3)]
        assert len(reads) == 1
        assert ONNXRegistry.from_torchlib is counted  # what stood there stands there again
    monkeypatch.setattr(torchlib, "READ", "no_such_name")  # a torch that reads it otherwise
    anew = capture(cell, x, "cell").model.SerializeToString()
    assert shared == [anew] * 3
