"""The recurrent cell that neural architecture search found."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgernn.cells.lstm import LSTMState
from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class NASCell(Streaming):
    """A tree over eight gates of the input and the last output; rows of the weights in this order.

        a_k = W_k x + b_k,  u_k = U_k h,  s_k = a_k + u_k,  k = 0 ... 7
        p = tanh(tanh(sigmoid(s_0) * relu(s_1)) + c)
        q = tanh(sigmoid(s_2) + relu(a_3 * u_3))
        r = tanh(tanh(s_4) * sigmoid(s_5));  v = sigmoid(tanh(s_6) + sigmoid(s_7))
        c' = p * q;  h' = tanh(c' * tanh(r + v))

    Weights begin uniform within 1 / sqrt(H), the bias at 0: our choice.

    Shapes: x (B, T, I) -> y (B, T, H); state h, c (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Zoph and Le 2017, arXiv:1611.01578, its figure of the cell, with biases as its authors'
        later code has them.
    """

    layout = Layout(
        {"weight_ih": ("8 h", "in"), "weight_hh": ("8 h", "h"), "bias": ("8 h",)},
        kinds={"weight_ih": "input", "weight_hh": "recurrent"},
        sizes={"input_size": "in", "hidden_size": "h"},
        units=("h",),
        output="h",
    )

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.empty(8 * hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(8 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.zeros(8 * hidden_size))
        for weight in (self.weight_ih, self.weight_hh):
            nn.init.uniform_(weight, -(hidden_size**-0.5), hidden_size**-0.5)

    def initial_state(self, batch: int) -> State:
        h, c = (self.new_zeros(batch, self.hidden_size) for _ in "hc")
        return LSTMState(h, c)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        frames = projected_frames(x, read_weight(self, "weight_ih"), self.bias)
        weight = read_weight(self, "weight_hh")
        return fold_frames(
            lambda own, at: self._frame(own, product(at.h, weight), at), frames, state
        )

    def _frame(self, own: Tensor, past: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        n = self.hidden_size
        a, u = ([each[:, k * n : (k + 1) * n] for k in range(8)] for each in (own, past))
        s = [a[k] + u[k] for k in range(8)]
        p = torch.tanh(torch.tanh(torch.sigmoid(s[0]) * torch.relu(s[1])) + state.c)
        q = torch.tanh(torch.sigmoid(s[2]) + torch.relu(a[3] * u[3]))
        r = torch.tanh(torch.tanh(s[4]) * torch.sigmoid(s[5]))
        v = torch.sigmoid(torch.tanh(s[6]) + torch.sigmoid(s[7]))
        c = p * q
        h = torch.tanh(c * torch.tanh(r + v))
        return h, LSTMState(h, c)


EXAMPLES = {"default": Example(lambda: NASCell(8, 6))}
