"""Gated recurrent unit, with both places for the reset gate."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import UnsupportedOp
from edgernn.factored import Weight, product, read_weights, whole
from edgernn.frames import Read, as_it_is, join_frames, need_frames, projected_frames
from edgernn.layers.hold import hold, hold_frames, threshold_pair
from edgernn.layers.ramp import Exact, GateFunctions
from edgernn.layout import Layout
from edgernn.scans.gru import gated, scan
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class GRUState(NamedTuple):
    """What a GRU remembers: its last output."""

    h: Tensor  # (B, H)


class DeltaGRUState(NamedTuple):
    """What a GRU with a threshold remembers: its last output, and what its products last read."""

    h: Tensor  # (B, H)
    held_x: Tensor  # (B, I)
    held_h: Tensor  # (B, H)


class GRU(Streaming):
    """Gated recurrent unit; gates in torch's order r, z, n in `weight_ih`, `weight_hh`.

        r = sigmoid(W_r x + b_ir + U_r h + b_hr);  z = sigmoid(W_z x + b_iz + U_z h + b_hz)
        n = tanh(W_n x + b_in + r * (U_n h + b_hn))    reset_after=True, torch's form
        n = tanh(W_n x + b_in + U_n (r * h) + b_hn)    reset_after=False, the paper's form
        h' = (1 - z) * n + z * h

    With a threshold it is a delta network: the products W x and U h read x and h as `layers.hold`
    passes them on, so that only the columns that moved need computing; z * h reads h itself.

    threshold: in the units of x and h; a pair holds one for each. block: 1, or 4 columns at once.

    `functions` are those of its gates and `read` gives what its products read; `edgernn.compress`
    puts others in their places.

    Weights: an `nn.GRU` called `rnn` owns them, so state dicts interchange with torch's.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H), with a threshold also held_x (B, I) and
        held_h (B, H).
    Raises: ShapeError if x's last axis is not I, for a threshold below 0 or another block;
        UnsupportedOp for a threshold with reset_after=False.
    Source: Cho et al. 2014, arXiv:1406.1078; threshold: Neil et al. 2016, arXiv:1612.05571.
    """

    layout = Layout(chain=("rnn",))

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        reset_after: bool = True,
        threshold: float | tuple[float, float] | None = None,
        block: int = 1,
    ) -> None:
        super().__init__()
        self.reset_after, self.block = reset_after, block
        self.thresholds = None
        if threshold is not None:
            self.thresholds = threshold_pair("GRU", threshold, block)
            if not reset_after:
                raise UnsupportedOp(
                    "GRU: with a threshold, reset_after=False would hold r * h, which moves with "
                    "every r; use reset_after=True"
                )
        self.rnn = nn.GRU(input_size, hidden_size, bias=bias, batch_first=True)
        self.functions: GateFunctions = Exact()
        self.read: Read = as_it_is

    def initial_state(self, batch: int) -> State:
        h = self.new_zeros(batch, self.rnn.hidden_size)
        if self.thresholds is None:
            return GRUState(h)
        return DeltaGRUState(h, self.new_zeros(batch, self.rnn.input_size), torch.zeros_like(h))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.rnn.input_size)
        if self.thresholds is not None:
            return self._delta(x, state, self.thresholds)
        weights = read_weights(self.rnn)
        plain = self.reset_after and isinstance(self.functions, Exact) and self.read is as_it_is
        if plain and x.shape[1] > 1 and not torch.compiler.is_exporting():
            h0, train = state.h.unsqueeze(0), torch.is_grad_enabled()
            y, h1 = torch.gru(x, h0, whole(weights), self.rnn.bias, 1, 0.0, train, False, True)
            return y, GRUState(h1.squeeze(0))
        w_ih, w_hh, *biases = weights
        b_ih, b_hh = whole(biases) or (None, None)
        frame = self._reset_after if self.reset_after else self._reset_before
        h, hs = state.h, []
        for gates in projected_frames(self.read("x", x), w_ih, b_ih):
            h = frame(gates, h, w_hh, b_hh)
            hs.append(h)
        return join_frames(hs), GRUState(h)

    def _delta(
        self, x: Tensor, state: State, thresholds: tuple[float, float]
    ) -> tuple[Tensor, State]:
        w_ih, w_hh, *biases = read_weights(self.rnn)
        b_ih, b_hh = whole(biases) or (None, None)
        x, held_x = hold_frames(x, state.held_x, thresholds[0], self.block)
        plain = isinstance(self.functions, Exact)
        if plain and x.shape[1] > 1 and not torch.compiler.is_exporting():
            gates, (w,) = product(x.transpose(0, 1), w_ih, b_ih), whole([w_hh])
            y, held = scan(gates, w, b_hh, state.h, state.held_h, thresholds[1], self.block)
            return y.transpose(0, 1), DeltaGRUState(y[-1], held_x, held)
        h, held, hs = state.h, state.held_h, []
        for gates in projected_frames(x, w_ih, b_ih):
            held = hold(h, held, thresholds[1], self.block)
            h = gated(gates, h, product(held, w_hh, b_hh), self.functions)
            hs.append(h)
        return join_frames(hs), DeltaGRUState(h, held_x, held)

    def _reset_after(self, gates: Tensor, h: Tensor, w_hh: Weight, b_hh: Tensor | None) -> Tensor:
        return gated(gates, h, product(self.read("h", h), w_hh, b_hh), self.functions)

    def _reset_before(self, gates: Tensor, h: Tensor, w_hh: Weight, b_hh: Tensor | None) -> Tensor:
        n, f = h.shape[1], self.functions
        b_rz, b_n = (None, None) if b_hh is None else (b_hh[: 2 * n], b_hh[2 * n :])
        past = product(self.read("h", h), w_hh[: 2 * n], b_rz)
        r = f.sigmoid(gates[:, :n] + past[:, :n])
        z = f.sigmoid(gates[:, n : 2 * n] + past[:, n:])
        new = f.tanh(gates[:, 2 * n :] + product(self.read("rh", r * h), w_hh[2 * n :], b_n))
        return new + z * (h - new)


EXAMPLES = {
    "reset_after": Example(lambda: GRU(8, 6)),
    "reset_before": Example(lambda: GRU(8, 6, reset_after=False)),
    "no_bias": Example(lambda: GRU(8, 6, bias=False)),
    "reset_before_no_bias": Example(lambda: GRU(8, 6, bias=False, reset_after=False)),
    "delta": Example(lambda: GRU(8, 6, threshold=(0.8, 0.1))),
    "delta_blocks": Example(lambda: GRU(8, 8, threshold=(0.8, 0.1), block=4)),
    "delta_no_bias": Example(lambda: GRU(8, 6, bias=False, threshold=0.1)),
}
