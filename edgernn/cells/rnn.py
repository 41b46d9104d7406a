"""The plain recurrent network of Elman."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import UnknownName
from edgernn.frames import join_frames, need_frames, projected_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming

FUSED = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}
ELEMENTWISE = {"tanh": torch.tanh, "relu": torch.relu}


class RNNState(NamedTuple):
    """What an RNN remembers: its last output."""

    h: Tensor  # (B, H)


class RNN(Streaming):
    """h' = f(W x + b_ih + U h + b_hh), f tanh or relu.

    Weights: an `nn.RNN` called `rnn` owns them, so state dicts interchange with torch's.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I, UnknownName for another f.
    Source: Elman 1990, Finding structure in time.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, nonlinearity: str = "tanh", bias: bool = True
    ) -> None:
        super().__init__()
        if nonlinearity not in FUSED:
            raise UnknownName("nonlinearity", nonlinearity, FUSED)
        self.rnn = nn.RNN(
            input_size, hidden_size, nonlinearity=nonlinearity, bias=bias, batch_first=True
        )

    def initial_state(self, batch: int) -> State:
        return RNNState(self.new_zeros(batch, self.rnn.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.rnn.input_size)
        weights: list[Tensor] = [*self.rnn.all_weights[0]]
        if x.shape[1] > 1 and not torch.compiler.is_exporting():
            fused, train = FUSED[self.rnn.nonlinearity], torch.is_grad_enabled()
            h0 = state.h.unsqueeze(0)
            y, h1 = fused(x, h0, weights, self.rnn.bias, 1, 0.0, train, False, True)
            return y, RNNState(h1.squeeze(0))
        w_ih, w_hh = weights[:2]
        b_ih, b_hh = weights[2:] or (None, None)
        f, h, hs = ELEMENTWISE[self.rnn.nonlinearity], state.h, []
        for gates in projected_frames(x, w_ih, b_ih):
            h = f(gates + F.linear(h, w_hh, b_hh))
            hs.append(h)
        return join_frames(hs), RNNState(h)


EXAMPLES = {
    "tanh": Example(lambda: RNN(8, 6)),
    "relu": Example(lambda: RNN(8, 6, nonlinearity="relu")),
    "no_bias": Example(lambda: RNN(8, 6, bias=False)),
}
