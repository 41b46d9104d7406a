"""Quasi-recurrent layer: gates by a convolution over the last frames, pooled by a recurrence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.errors import UnknownName
from edgernn.layers.conv import Conv1d
from edgernn.layout import Layout
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming

GATES = {"f": 2, "fo": 3, "ifo": 4}  # products, the candidate's with them


class QRNNState(NamedTuple):
    """What a QRNN remembers: the input frames that its window still sees, and its cell."""

    window: State
    c: Tensor  # (B, H)


class QRNN(Streaming):
    """z, f, o, i are a convolution over time each, in this order of its output channels.

        z = tanh(W_z * x);  f, o, i = sigmoid(W * x)
        f-pooling     c' = f . c + (1 - f) . z;  y = c'
        fo-pooling    c' = f . c + (1 - f) . z;  y = o . c'
        ifo-pooling   c' = f . c + i . z;        y = o . c'

    kernel_size: frames of the window, the last one with it. Weights begin as torch's convolutions.

    Shapes: x (B, T, I) -> y (B, T, H); state window.past (B, kernel_size - 1, I), c (B, H).
    Raises: ShapeError if x's last axis is not I, UnknownName for another pooling.
    Source: Bradbury et al. 2016, arXiv:1611.01576. Differs: no zoneout, no dense connections.
    """

    parallel = "scan"

    def __init__(
        self, input_size: int, hidden_size: int, *, kernel_size: int = 2, pooling: str = "fo"
    ) -> None:
        super().__init__()
        if pooling not in GATES:
            raise UnknownName("pooling", pooling, GATES)
        self.hidden_size, self.pooling = hidden_size, pooling
        gates = GATES[pooling]
        self.window = Conv1d(input_size, gates * hidden_size, kernel_size)
        self.layout = Layout(
            sizes={"hidden_size": "h"},
            units=("h",),
            output="h",
            chain=("window",),
            made=f"{gates} h",
        )

    def initial_state(self, batch: int) -> State:
        return QRNNState(self.window.initial_state(batch), self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        products, window = self.window.step(x, state.window)
        z, *gates = products.chunk(GATES[self.pooling], dim=-1)
        z, (f, *others) = torch.tanh(z), [torch.sigmoid(gate) for gate in gates]
        take = others[1] if self.pooling == "ifo" else 1 - f
        cs, c = recur(f, take * z, state.c)
        return others[0] * cs if others else cs, QRNNState(window, c)


EXAMPLES = {
    "f": Example(lambda: QRNN(8, 6, pooling="f")),
    "fo": Example(lambda: QRNN(8, 6)),
    "ifo": Example(lambda: QRNN(8, 6, pooling="ifo", kernel_size=3)),
    "one_frame": Example(lambda: QRNN(8, 6, kernel_size=1)),
}
