"""Long short-term memory, with an optional projection of the output."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.factored import Weight, product, read_weights, whole
from edgernn.frames import Read, as_it_is, join_frames, need_frames, projected_frames
from edgernn.layers.hold import check_hold, hold, hold_frames, threshold_pair
from edgernn.layers.ramp import Exact, GateFunctions
from edgernn.layout import Layout
from edgernn.scans.lstm import Holds, gated, scan
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class LSTMState(NamedTuple):
    """What an LSTM remembers: its last output and its cell."""

    h: Tensor  # (B, P), P = proj_size or H
    c: Tensor  # (B, H)


class DeltaLSTMState(NamedTuple):
    """What an LSTM with a threshold remembers: output, cell, and what its products last read."""

    h: Tensor  # (B, P)
    c: Tensor  # (B, H)
    held_x: Tensor  # (B, I)
    held_h: Tensor  # (B, P)


class HeldProjectionState(NamedTuple):
    """What an LSTM remembers that holds the input of its projection too."""

    h: Tensor  # (B, P)
    c: Tensor  # (B, H)
    held_x: Tensor  # (B, I)
    held_h: Tensor  # (B, P)
    held_m: Tensor  # (B, H)


class LSTM(Streaming):
    """Long short-term memory; gates in torch's order i, f, g, o in `weight_ih`, `weight_hh`.

        i, f, o = sigmoid(W x + b_i + U h + b_h);  g = tanh(W_g x + b_ig + U_g h + b_hg)
        c' = f * c + i * g;  h' = o * tanh(c'), or W_hr (o * tanh(c')) with proj_size > 0

    With a threshold it is a delta network: the products W x and U h read x and h as `layers.hold`
    passes them on, so that only the columns that moved need computing. The projection is dense
    unless proj_threshold holds what it reads, m = o * tanh(c), as well.

    threshold: in the units of x and h; a pair holds one for each. block: 1, or 4 columns at once.
    proj_threshold: in the units of m, between -1 and 1.

    `functions` are those of its gates and `read` gives what its products read; `edgernn.compress`
    puts others in their places.

    The weight-dropped LSTM is this one, trained with `weight_drop` (`train.weight_drop`).

    Weights: an `nn.LSTM` called `rnn` owns them, so state dicts interchange with torch's.

    Shapes: x (B, T, I) -> y (B, T, P); state h (B, P), c (B, H), with a threshold also
        held_x (B, I) and held_h (B, P), with proj_threshold held_m (B, H); P is proj_size, or H.
    Raises: ShapeError if x's last axis is not I, proj_size is not below H, a threshold is below
        0, the block another, or proj_threshold is given without a projection or a threshold.
    Source: Hochreiter and Schmidhuber 1997; projection: Sak et al. 2014, arXiv:1402.1128;
        threshold: Neil et al. 2016, arXiv:1612.05571.
    """

    layout = Layout(chain=("rnn",))

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        proj_size: int = 0,
        bias: bool = True,
        threshold: float | tuple[float, float] | None = None,
        proj_threshold: float | None = None,
        block: int = 1,
    ) -> None:
        super().__init__()
        if not 0 <= proj_size < hidden_size:
            raise ShapeError(
                f"LSTM: proj_size {proj_size} must be 0 (none) or below hidden_size {hidden_size}"
            )
        self.block, self.proj_threshold = block, proj_threshold
        self.thresholds = None if threshold is None else threshold_pair("LSTM", threshold, block)
        if proj_threshold is not None:
            if threshold is None or not proj_size:
                raise ShapeError("LSTM: proj_threshold needs a proj_size and a threshold")
            check_hold("LSTM", proj_threshold, block)
        self.rnn = nn.LSTM(
            input_size, hidden_size, bias=bias, batch_first=True, proj_size=proj_size
        )
        self.functions: GateFunctions = Exact()
        self.read: Read = as_it_is

    def initial_state(self, batch: int) -> State:
        h = self.new_zeros(batch, self.rnn.proj_size or self.rnn.hidden_size)
        c = self.new_zeros(batch, self.rnn.hidden_size)
        if self.thresholds is None:
            return LSTMState(h, c)
        held = self.new_zeros(batch, self.rnn.input_size), torch.zeros_like(h)
        if self.proj_threshold is None:
            return DeltaLSTMState(h, c, *held)
        return HeldProjectionState(h, c, *held, torch.zeros_like(c))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.rnn.input_size)
        weights = read_weights(self.rnn)
        if self.thresholds is not None:
            return self._delta(x, state, weights, self.thresholds)
        plain = isinstance(self.functions, Exact) and self.read is as_it_is
        if plain and x.shape[1] > 1 and not torch.compiler.is_exporting():
            return self._fused(x, state, weights)
        w_ih, w_hh, b_ih, b_hh, w_hr = self._named(weights)
        h, c, hs = state.h, state.c, []
        for gates in projected_frames(self.read("x", x), w_ih, b_ih):
            h, c = gated(gates + product(self.read("h", h), w_hh, b_hh), c, self.functions)
            h = h if w_hr is None else product(self.read("m", h), w_hr)
            hs.append(h)
        return join_frames(hs), LSTMState(h, c)

    def _delta(
        self, x: Tensor, state: State, weights: list[Weight], thresholds: tuple[float, float]
    ) -> tuple[Tensor, State]:
        w_ih, w_hh, b_ih, b_hh, w_hr = self._named(weights)
        x, held_x = hold_frames(x, state.held_x, thresholds[0], self.block)
        held_m = None if self.proj_threshold is None else state.held_m
        plain = isinstance(self.functions, Exact)
        if plain and x.shape[1] > 1 and not torch.compiler.is_exporting():
            gates, (w,) = product(x.transpose(0, 1), w_ih, b_ih), whole([w_hh])
            projection = None if w_hr is None else whole([w_hr])[0]
            holds = Holds(thresholds[1], self.block, self.proj_threshold)
            held = state.held_h, held_m
            y, last = scan(gates, (w, b_hh, projection), state.h, state.c, held, holds)
            return y.transpose(0, 1), _delta_state(y[-1], last.c, held_x, last.held_h, last.held_m)
        h, c, held_h, hs = state.h, state.c, state.held_h, []
        for gates in projected_frames(x, w_ih, b_ih):
            held_h = hold(h, held_h, thresholds[1], self.block)
            h, c = gated(gates + product(held_h, w_hh, b_hh), c, self.functions)
            if held_m is not None and self.proj_threshold is not None:
                h = held_m = hold(h, held_m, self.proj_threshold, self.block)
            h = h if w_hr is None else product(h, w_hr)
            hs.append(h)
        return join_frames(hs), _delta_state(h, c, held_x, held_h, held_m)

    def _named(
        self, weights: list[Weight]
    ) -> tuple[Weight, Weight, Tensor | None, Tensor | None, Weight | None]:
        """W, U, b_i, b_h, W_hr from torch's list, which holds only those that there are."""
        w_hr = weights[-1] if self.rnn.proj_size else None
        b_ih, b_hh = whole(weights[2:4]) if self.rnn.bias else (None, None)
        return weights[0], weights[1], b_ih, b_hh, w_hr

    def _fused(self, x: Tensor, state: State, weights: list[Weight]) -> tuple[Tensor, State]:
        before, train = (state.h.unsqueeze(0), state.c.unsqueeze(0)), torch.is_grad_enabled()
        with warnings.catch_warnings():
            # torch falls back by itself, and says so once a process.
            warnings.filterwarnings("ignore", "LSTM with projections is not supported with oneDNN")
            y, h1, c1 = torch.lstm(
                x, before, whole(weights), self.rnn.bias, 1, 0.0, train, False, True
            )
        return y, LSTMState(h1.squeeze(0), c1.squeeze(0))


def _delta_state(
    h: Tensor, c: Tensor, held_x: Tensor, held_h: Tensor, held_m: Tensor | None
) -> State:
    if held_m is None:
        return DeltaLSTMState(h, c, held_x, held_h)
    return HeldProjectionState(h, c, held_x, held_h, held_m)


EXAMPLES = {
    "lstm": Example(lambda: LSTM(8, 6)),
    "projection": Example(lambda: LSTM(8, 6, proj_size=4)),
    "no_bias": Example(lambda: LSTM(8, 6, bias=False)),
    "projection_no_bias": Example(lambda: LSTM(8, 6, proj_size=4, bias=False)),
    "delta": Example(lambda: LSTM(8, 6, threshold=(0.8, 0.05))),
    "delta_blocks": Example(lambda: LSTM(8, 8, threshold=(0.8, 0.05), block=4)),
    "delta_projection": Example(lambda: LSTM(8, 6, proj_size=4, threshold=(0.8, 0.02))),
    "delta_held_projection": Example(
        lambda: LSTM(8, 6, proj_size=4, threshold=(0.8, 0.02), proj_threshold=0.05)
    ),
}
