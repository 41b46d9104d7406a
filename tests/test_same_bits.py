"""What was verified on the desk is what runs on the chip: equal hashes on every target."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import Array, find_backend, find_runner
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.firmware import GoldenRun
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential
from edgernn.target import all_targets, find_target

from .compiled import compiled, noise

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
FRAMES = 200
Made = tuple[StepGraph, Graph, Array, str, GoldenRun]


def digest(program: Any, x: Array) -> str:
    """A hash over every output and every state of the stream, bit by bit."""
    found = hashlib.sha256()
    program.reset()
    for frame in x:
        found.update(program.step({"x": frame})["y"].tobytes())
        found.update(program.blob_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module", params=["w8a8", "fp32"])
def made(request: pytest.FixtureRequest) -> Made:
    """A front end in floats, a GRU and a projected LSTM; and what this machine makes of them."""
    torch.manual_seed(0)
    layers = {
        "mel": LogMel(8000, window=64, hop=40, mels=10),
        "gru": GRU(10, 9),
        "lstm": LSTM(9, 11, proj_size=7),
        "out": Linear(7, 3),
    }
    net = Sequential(**layers).eval()
    levels = np.exp(2 * noise((FRAMES, 1, 1, 1), 1))
    x = (0.1 * levels * noise((FRAMES, 1, 40, 1))).astype(np.float32)
    x[50:60] = 0  # silence, where the logarithm meets its floor
    step = capture(net, torch.from_numpy(x[0]), "net")
    backend: Any = find_backend("c")
    typed, _ = backend.typed(step, request.param, [{"x": frame} for frame in x])
    host = compiled(step, typed, request.param)
    few = x[:4]
    outputs = np.stack([host.step({"x": frame})["y"] for frame in few])
    golden = GoldenRun((few,), (outputs,), host.blob_bytes())
    return step, typed, x, digest(host, x), golden


def test_this_machine_hears_the_stream(made: Made) -> None:
    step, typed, x, want, _ = made
    again = compiled(step, typed, "w8a8" if any(n.op == "qlinear" for n in typed.nodes) else "fp32")
    assert digest(again, x) == want
    assert digest(again, x[::-1]) != want


@pytest.mark.parametrize("name", [name for name in all_targets() if name != "host"])
def test_every_target_gives_this_machine_s_bits(name: str, made: Made) -> None:
    step, typed, x, want, golden = made
    target = find_target(name)
    missing = find_runner(target.runner).missing()
    if missing:
        pytest.skip(missing)
    number_type = "w8a8" if any(n.op == "qlinear" for n in typed.nodes) else "fp32"
    program = compiled(
        step, typed, number_type, target, golden if target.kind == "firmware" else None
    )
    assert digest(program, x) == want
