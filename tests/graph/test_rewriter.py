"""onnxscript's rules are tried where they may match only, and make the same of a graph."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from onnxscript.rewriter._matcher import SimplePatternMatcher

from edgernn.cells.lstm import LSTM
from edgernn.graph import rewriter
from edgernn.graph.capture import capture
from edgernn.layers.chunked import EXAMPLES


def test_fewer_are_tried_and_the_bytes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    match = SimplePatternMatcher.match

    def counted(self: Any, *given: Any, **options: Any) -> Any:
        tried.append(self)
        return match(self, *given, **options)

    monkeypatch.setattr(SimplePatternMatcher, "match", counted)
    torch.manual_seed(0)
    steps = [(LSTM(3, 4).eval(), 3), (EXAMPLES["lstm"].build().eval(), 8)]
    for module, channels in steps:
        x = torch.zeros(1, module.timing.block, channels)
        found = {}
        for name in ("match", "no_such_name"):  # as it is, and an onnxscript that matches otherwise
            tried.clear()
            monkeypatch.setattr(rewriter, "MATCH", name)
            found[name] = capture(module, x, "step").model.SerializeToString(), len(tried)
            assert SimplePatternMatcher.match is counted  # what stood there stands there again
        assert found["match"][0] == found["no_such_name"][0]
        assert 0 < found["match"][1] < found["no_such_name"][1] / 4
