"""Long short-term memory, with an optional projection of the output."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import join_frames, need_frames, projected_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class LSTMState(NamedTuple):
    """What an LSTM remembers: its last output and its cell."""

    h: Tensor  # (B, P), P = proj_size or H
    c: Tensor  # (B, H)


class LSTM(Streaming):
    """Long short-term memory; gates in torch's order i, f, g, o in `weight_ih`, `weight_hh`.

        i, f, o = sigmoid(W x + b_i + U h + b_h);  g = tanh(W_g x + b_ig + U_g h + b_hg)
        c' = f * c + i * g;  h' = o * tanh(c'), or W_hr (o * tanh(c')) with proj_size > 0

    Weights: an `nn.LSTM` called `rnn` owns them, so state dicts interchange with torch's.

    Shapes: x (B, T, I) -> y (B, T, P); state h (B, P), c (B, H); P is proj_size, or H.
    Raises: ShapeError if x's last axis is not I, or proj_size is not below H.
    Source: Hochreiter and Schmidhuber 1997; projection: Sak et al. 2014, arXiv:1402.1128.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, proj_size: int = 0, bias: bool = True
    ) -> None:
        super().__init__()
        if not 0 <= proj_size < hidden_size:
            raise ShapeError(
                f"LSTM: proj_size {proj_size} must be 0 (none) or below hidden_size {hidden_size}"
            )
        self.rnn = nn.LSTM(
            input_size, hidden_size, bias=bias, batch_first=True, proj_size=proj_size
        )

    def initial_state(self, batch: int) -> State:
        h = self.new_zeros(batch, self.rnn.proj_size or self.rnn.hidden_size)
        return LSTMState(h, self.new_zeros(batch, self.rnn.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.rnn.input_size)
        weights: list[Tensor] = [*self.rnn.all_weights[0]]
        if x.shape[1] > 1 and not torch.compiler.is_exporting():
            return self._fused(x, state, weights)
        w_hr = weights.pop() if self.rnn.proj_size else None
        w_ih, w_hh = weights[:2]
        b_ih, b_hh = weights[2:] or (None, None)
        h, c, n, hs = state.h, state.c, self.rnn.hidden_size, []
        for gates in projected_frames(x, w_ih, b_ih):
            total = gates + F.linear(h, w_hh, b_hh)
            i = torch.sigmoid(total[:, :n])
            f = torch.sigmoid(total[:, n : 2 * n])
            g = torch.tanh(total[:, 2 * n : 3 * n])
            o = torch.sigmoid(total[:, 3 * n :])
            c = f * c + i * g
            h = o * torch.tanh(c)
            if w_hr is not None:
                h = F.linear(h, w_hr)
            hs.append(h)
        return join_frames(hs), LSTMState(h, c)

    def _fused(self, x: Tensor, state: State, weights: list[Tensor]) -> tuple[Tensor, State]:
        before, train = (state.h.unsqueeze(0), state.c.unsqueeze(0)), torch.is_grad_enabled()
        with warnings.catch_warnings():
            # torch falls back by itself, and says so once a process.
            warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
            y, h1, c1 = torch.lstm(x, before, weights, self.rnn.bias, 1, 0.0, train, False, True)
        return y, LSTMState(h1.squeeze(0), c1.squeeze(0))


EXAMPLES = {
    "lstm": Example(lambda: LSTM(8, 6)),
    "projection": Example(lambda: LSTM(8, 6, proj_size=4)),
    "no_bias": Example(lambda: LSTM(8, 6, bias=False)),
    "projection_no_bias": Example(lambda: LSTM(8, 6, proj_size=4, bias=False)),
}
