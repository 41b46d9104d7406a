"""What a stream promises, by whichever runtime of others runs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.errors import ShapeError
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.road import opened
from edgernn.streaming import Sequential
from edgernn.target import find_target

from ..compiled import noise

pytestmark = pytest.mark.cc
HOST = find_target("host")
FRAMES = [{"x": noise((1, 1, 6), at)} for at in range(30)]
BACKENDS = {"onnx": "onnxruntime", "litert": "ai_edge_quantizer", "tvm": "tvm"}


@pytest.fixture(scope="module")
def graph() -> StepGraph:
    torch.manual_seed(0)
    layer = Sequential(conv=Conv1d(6, 64, 3), rnn=GRU(64, 64), head=Linear(64, 5)).eval()
    return capture(layer, torch.zeros(1, 1, 6), "small")


@pytest.mark.parametrize("backend", BACKENDS)
def test_it_has_memory_of_its_own_gives_copies_and_refuses_other_shapes(
    graph: StepGraph, backend: str
) -> None:
    pytest.importorskip(BACKENDS[backend])
    artifact = find_backend(backend).export(graph, HOST, "fp32")

    def program() -> Any:
        return opened(artifact, graph.row(artifact.facts["states"]), HOST)

    one, other = program(), program()
    want = [one.step(frame)["y"] for frame in FRAMES]
    one.reset()
    first = one.step(FRAMES[0])["y"]
    held, state = first.copy(), one.state()
    for frame in FRAMES[1:5]:
        one.step(frame)
        other.step(frame)
    np.testing.assert_array_equal(first, held)
    one.load_state(state)
    np.testing.assert_array_equal(one.step(FRAMES[1])["y"], want[1])
    with pytest.raises(ShapeError, match=r"input x: need \(1, 1, 6\), got \(6,\)"):
        one.step({"x": np.zeros(6, np.float32)})
    with pytest.raises(ShapeError, match=r"state rnn.h: need \(1, 64\), got \(64,\)"):
        one.load_state({**state, "rnn.h": np.zeros(64, np.float32)})
    one.load_state(state)
    np.testing.assert_array_equal(one.step(FRAMES[1])["y"], want[1])
