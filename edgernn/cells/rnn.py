"""The plain recurrent network of Elman."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import UnknownName
from edgernn.factored import product, read_weights, whole
from edgernn.frames import Read, as_it_is, join_frames, need_frames, projected_frames
from edgernn.layers.hold import hold, hold_frames, threshold_pair
from edgernn.layers.ramp import Exact, GateFunctions
from edgernn.layout import Layout
from edgernn.scans.rnn import scan
from edgernn.state import State
from edgernn.streaming import Example, Streaming

FUSED = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}


class RNNState(NamedTuple):
    """What an RNN remembers: its last output."""

    h: Tensor  # (B, H)


class DeltaRNNState(NamedTuple):
    """What an RNN with a threshold remembers: its last output, and what its products last read."""

    h: Tensor  # (B, H)
    held_x: Tensor  # (B, I)
    held_h: Tensor  # (B, H)


class RNN(Streaming):
    """h' = f(W x + b_ih + U h + b_hh), f tanh or relu.

    With a threshold it is a delta network: the products W x and U h read x and h as `layers.hold`
    passes them on, so that only the columns that moved need computing.

    threshold: in the units of x and h; a pair holds one for each. block: 1, or 4 columns at once.

    `functions` are those of its gates and `read` gives what its products read; `edgernn.compress`
    puts others in their places.

    Weights: an `nn.RNN` called `rnn` owns them, so state dicts interchange with torch's.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H), with a threshold also held_x (B, I) and
        held_h (B, H).
    Raises: ShapeError if x's last axis is not I, for a threshold below 0 or another block;
        UnknownName for another f.
    Source: Elman 1990, Finding structure in time; threshold: Neil et al. 2016, arXiv:1612.05571.
    """

    layout = Layout(chain=("rnn",))

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        nonlinearity: str = "tanh",
        bias: bool = True,
        threshold: float | tuple[float, float] | None = None,
        block: int = 1,
    ) -> None:
        super().__init__()
        if nonlinearity not in FUSED:
            raise UnknownName("nonlinearity", nonlinearity, FUSED)
        self.block = block
        self.thresholds = None if threshold is None else threshold_pair("RNN", threshold, block)
        self.rnn = nn.RNN(
            input_size, hidden_size, nonlinearity=nonlinearity, bias=bias, batch_first=True
        )
        self.functions: GateFunctions = Exact()
        self.read: Read = as_it_is

    def initial_state(self, batch: int) -> State:
        h = self.new_zeros(batch, self.rnn.hidden_size)
        if self.thresholds is None:
            return RNNState(h)
        return DeltaRNNState(h, self.new_zeros(batch, self.rnn.input_size), torch.zeros_like(h))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.rnn.input_size)
        if self.thresholds is not None:
            return self._delta(x, state, self.thresholds)
        weights = read_weights(self.rnn)
        plain = isinstance(self.functions, Exact) and self.read is as_it_is
        if plain and x.shape[1] > 1 and not torch.compiler.is_exporting():
            fused, train = FUSED[self.rnn.nonlinearity], torch.is_grad_enabled()
            h0 = state.h.unsqueeze(0)
            y, h1 = fused(x, h0, whole(weights), self.rnn.bias, 1, 0.0, train, False, True)
            return y, RNNState(h1.squeeze(0))
        w_ih, w_hh, *biases = weights
        b_ih, b_hh = whole(biases) or (None, None)
        f, h, hs = self._function(), state.h, []
        for gates in projected_frames(self.read("x", x), w_ih, b_ih):
            h = f(gates + product(self.read("h", h), w_hh, b_hh))
            hs.append(h)
        return join_frames(hs), RNNState(h)

    def _function(self) -> Callable[[Tensor], Tensor]:
        return torch.relu if self.rnn.nonlinearity == "relu" else self.functions.tanh

    def _delta(
        self, x: Tensor, state: State, thresholds: tuple[float, float]
    ) -> tuple[Tensor, State]:
        w_ih, w_hh, *biases = read_weights(self.rnn)
        b_ih, b_hh = whole(biases) or (None, None)
        x, held_x = hold_frames(x, state.held_x, thresholds[0], self.block)
        plain = isinstance(self.functions, Exact)
        if plain and x.shape[1] > 1 and not torch.compiler.is_exporting():
            (w,) = whole([w_hh])
            y, held = scan(
                product(x.transpose(0, 1), w_ih, b_ih),
                w,
                b_hh,
                state.h,
                state.held_h,
                nonlinearity=self.rnn.nonlinearity,
                threshold=thresholds[1],
                block=self.block,
            )
            return y.transpose(0, 1), DeltaRNNState(y[-1], held_x, held)
        f, h, held, hs = self._function(), state.h, state.held_h, []
        for gates in projected_frames(x, w_ih, b_ih):
            held = hold(h, held, thresholds[1], self.block)
            h = f(gates + product(held, w_hh, b_hh))
            hs.append(h)
        return join_frames(hs), DeltaRNNState(h, held_x, held)


EXAMPLES = {
    "tanh": Example(lambda: RNN(8, 6)),
    "relu": Example(lambda: RNN(8, 6, nonlinearity="relu")),
    "no_bias": Example(lambda: RNN(8, 6, bias=False)),
    "delta": Example(lambda: RNN(8, 6, threshold=(0.8, 0.1))),
    "delta_blocks": Example(lambda: RNN(8, 8, threshold=(0.8, 0.1), block=4)),
}
