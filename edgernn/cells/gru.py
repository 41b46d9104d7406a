"""Gated recurrent unit, with both places for the reset gate."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.frames import join_frames, need_frames, projected_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class GRUState(NamedTuple):
    """What a GRU remembers: its last output."""

    h: Tensor  # (B, H)


class GRU(Streaming):
    """Gated recurrent unit; gates in torch's order r, z, n in `weight_ih`, `weight_hh`.

        r = sigmoid(W_r x + b_ir + U_r h + b_hr);  z = sigmoid(W_z x + b_iz + U_z h + b_hz)
        n = tanh(W_n x + b_in + r * (U_n h + b_hn))    reset_after=True, torch's form
        n = tanh(W_n x + b_in + U_n (r * h) + b_hn)    reset_after=False, the paper's form
        h' = (1 - z) * n + z * h

    Weights: an `nn.GRU` called `rnn` owns them, so state dicts interchange with torch's.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Cho et al. 2014, arXiv:1406.1078.
    """

    def __init__(
        self, input_size: int, hidden_size: int, *, bias: bool = True, reset_after: bool = True
    ) -> None:
        super().__init__()
        self.reset_after = reset_after
        self.rnn = nn.GRU(input_size, hidden_size, bias=bias, batch_first=True)

    def initial_state(self, batch: int) -> State:
        return GRUState(self.new_zeros(batch, self.rnn.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.rnn.input_size)
        weights: list[Tensor] = [*self.rnn.all_weights[0]]
        if self.reset_after and x.shape[1] > 1 and not torch.compiler.is_exporting():
            h0, train = state.h.unsqueeze(0), torch.is_grad_enabled()
            y, h1 = torch.gru(x, h0, weights, self.rnn.bias, 1, 0.0, train, False, True)
            return y, GRUState(h1.squeeze(0))
        w_ih, w_hh = weights[:2]
        b_ih, b_hh = weights[2:] or (None, None)
        frame = self._reset_after if self.reset_after else self._reset_before
        h, hs = state.h, []
        for gates in projected_frames(x, w_ih, b_ih):
            h = frame(gates, h, w_hh, b_hh)
            hs.append(h)
        return join_frames(hs), GRUState(h)

    def _reset_after(self, gates: Tensor, h: Tensor, w_hh: Tensor, b_hh: Tensor | None) -> Tensor:
        n = h.shape[1]
        past = F.linear(h, w_hh, b_hh)
        r = torch.sigmoid(gates[:, :n] + past[:, :n])
        z = torch.sigmoid(gates[:, n : 2 * n] + past[:, n : 2 * n])
        new = torch.tanh(gates[:, 2 * n :] + r * past[:, 2 * n :])
        return new + z * (h - new)

    def _reset_before(self, gates: Tensor, h: Tensor, w_hh: Tensor, b_hh: Tensor | None) -> Tensor:
        n = h.shape[1]
        b_rz, b_n = (None, None) if b_hh is None else (b_hh[: 2 * n], b_hh[2 * n :])
        past = F.linear(h, w_hh[: 2 * n], b_rz)
        r = torch.sigmoid(gates[:, :n] + past[:, :n])
        z = torch.sigmoid(gates[:, n : 2 * n] + past[:, n:])
        new = torch.tanh(gates[:, 2 * n :] + F.linear(r * h, w_hh[2 * n :], b_n))
        return new + z * (h - new)


EXAMPLES = {
    "reset_after": Example(lambda: GRU(8, 6)),
    "reset_before": Example(lambda: GRU(8, 6, reset_after=False)),
    "no_bias": Example(lambda: GRU(8, 6, bias=False)),
    "reset_before_no_bias": Example(lambda: GRU(8, 6, bias=False, reset_after=False)),
}
