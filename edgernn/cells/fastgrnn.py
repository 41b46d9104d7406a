"""FastGRNN: a gated cell whose gate and candidate share one pair of matrices."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class FastGRNNState(NamedTuple):
    """What a FastGRNN remembers: its last output."""

    h: Tensor  # (B, H)


class FastGRNN(Streaming):
    """Gated cell with one weight pair for gate and candidate; bias in the order z, c.

        z = sigmoid(W x + U h + b_z);  c = tanh(W x + U h + b_c)
        h' = (zeta (1 - z) + nu) * c + z * h

    zeta and nu are sigmoids of what is stored, which begins at 1 and -4; the weights begin normal
    with a deviation of 0.1, the biases at 1, as in the authors' code. The paper's thin W and U are
    `compress.low_rank`, its sparse ones `compress.prune`.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I.
    Source: Kusupati et al. 2018, arXiv:1901.02358.
    """

    layout = Layout(
        {"weight_ih": ("h", "in"), "weight_hh": ("h", "h"), "bias": ("2 h",)},
        kinds={"weight_ih": "input", "weight_hh": "recurrent"},
        sizes={"input_size": "in", "hidden_size": "h"},
        units=("h",),
        output="h",
    )

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight_ih = nn.Parameter(torch.randn(hidden_size, input_size) * 0.1)
        self.weight_hh = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.bias = nn.Parameter(torch.ones(2 * hidden_size))
        self.zeta, self.nu = nn.Parameter(torch.tensor([1.0])), nn.Parameter(torch.tensor([-4.0]))

    def initial_state(self, batch: int) -> State:
        return FastGRNNState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        n, weight = self.hidden_size, read_weight(self, "weight_hh")
        zeta, nu = torch.sigmoid(self.zeta), torch.sigmoid(self.nu)

        def frame(own: Tensor, state: FastGRNNState) -> tuple[Tensor, FastGRNNState]:
            both = own + product(state.h, weight)
            z, c = torch.sigmoid(both + self.bias[:n]), torch.tanh(both + self.bias[n:])
            h = (zeta * (1 - z) + nu) * c + z * state.h
            return h, FastGRNNState(h)

        return fold_frames(frame, projected_frames(x, read_weight(self, "weight_ih"), None), state)


EXAMPLES = {"default": Example(lambda: FastGRNN(8, 6))}
