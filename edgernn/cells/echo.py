"""A recurrence that forgets where it began, over a window that may look ahead."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnknownName
from edgernn.factored import product, read_weight, whole
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.layers.conv import Conv1d
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming

STEEPEST = {"sigmoid": 0.25, "tanh": 1.0}  # slope of each function


class EchoState(NamedTuple):
    """What an echo-state RNN remembers beside its window: its last output."""

    h: Tensor  # (B, H)


class EchoStateRNN(Streaming):
    """h' = f(sum_k W_k x[t + k] + U h + b), k = -past ... lookahead; f sigmoid or tanh.

    The window is the moving average (MA), U h the auto-regression (AR). Each row of U counts as if
    scaled down until steepest(f) * sum_j |U_ij| <= fade, so that two states under one input come
    nearer by this factor a frame, in the largest of their differences: the echo-state property,
    which the paper has as max_i sum_j |U_ij| <= 4 for a sigmoid. Look-ahead is a delay (`timing`).

    fade: above 0 and below 1.

    Weights: the window is a Conv1d, W and b; U is `weight_hh`, uniform within 1 / sqrt(H): our
    choice.

    Shapes: x (B, T, I) -> y (B, T, H); state rnn.h (B, H) and window.past (B, past + lookahead, I).
    Raises: ShapeError if x's last axis is not I, for a fade outside of 0 and 1; UnknownName for
        another f; TimingError for a look-ahead below 0.
    Source: Chen and Deng 2014, arXiv:1311.6091. Differs: the bound holds by scaling at every
        frame, where the paper trains towards it by a primal-dual method.
    """

    layout = Layout(
        {"weight_hh": ("out", "out")},
        kinds={"weight_hh": "recurrent"},
        sizes={"hidden_size": "out"},
        chain=("window",),
    )

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        past: int = 0,
        lookahead: int = 0,
        nonlinearity: str = "sigmoid",
        fade: float = 0.99,
    ) -> None:
        super().__init__()
        if nonlinearity not in STEEPEST:
            raise UnknownName("nonlinearity", nonlinearity, STEEPEST)
        if not 0 < fade < 1 or past < 0:
            raise ShapeError(
                f"EchoStateRNN: fade {fade:g} and past {past}; need 0 < fade < 1 and past >= 0"
            )
        self.hidden_size, self.nonlinearity, self.fade = hidden_size, nonlinearity, fade
        span = past + lookahead + 1
        self.window = Conv1d(input_size, hidden_size, span, lookahead=lookahead)
        self.timing = self.window.timing
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        nn.init.uniform_(self.weight_hh, -(hidden_size**-0.5), hidden_size**-0.5)

    def initial_state(self, batch: int) -> State:
        window = self.window.initial_state(batch)
        rnn = EchoState(self.new_zeros(batch, self.hidden_size))
        return {"window": window, "rnn": rnn} if window else {"rnn": rnn}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.window.in_channels)
        f = torch.sigmoid if self.nonlinearity == "sigmoid" else torch.tanh
        seen, window = self.window.step(x, state.get("window", ()))
        weight = read_weight(self, "weight_hh")
        rows = STEEPEST[self.nonlinearity] * whole([weight])[0].abs().sum(1)
        scale = self.fade / rows.clamp_min(self.fade)

        def frame(own: Tensor, state: EchoState) -> tuple[Tensor, EchoState]:
            h = f(own + scale * product(state.h, weight))
            return h, EchoState(h)

        y, rnn = fold_frames(frame, split_frames(seen), state["rnn"])
        after: dict[str, Any] = {"window": window, "rnn": rnn}
        return y, {name: after[name] for name in state}


EXAMPLES = {
    "one_frame": Example(lambda: EchoStateRNN(8, 6)),
    "window": Example(lambda: EchoStateRNN(8, 6, past=2, lookahead=1)),
    "tanh": Example(lambda: EchoStateRNN(8, 6, past=1, nonlinearity="tanh", fade=0.5)),
}
