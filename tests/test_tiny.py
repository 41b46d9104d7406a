"""The whole road in seconds: a cell captured, quantized, compiled and compared; before commits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.graph.capture import capture
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential
from edgernn.verify import compare

from .compiled import compiled, noise, streamed

STEPS = 40


@pytest.mark.cc
@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
def test_a_gru_gives_torchs_numbers_from_c(number_type: str) -> None:
    torch.manual_seed(0)
    net = Sequential(rnn=GRU(8, 16), head=Linear(16, 4)).eval()
    stream = noise((STEPS, 1, 1, 8))
    frames = [{"x": frame} for frame in stream]
    step = capture(net, torch.from_numpy(stream[0]), "tiny")
    typed, _ = find_backend("c").typed(step, number_type, frames)
    got, _ = streamed(compiled(step, typed, number_type), frames)
    with torch.no_grad():
        whole = net(torch.from_numpy(stream.reshape(1, STEPS, 8))).numpy()
    compare("tiny", np.stack(got), whole.reshape(STEPS, 1, 1, 4), number_type)
