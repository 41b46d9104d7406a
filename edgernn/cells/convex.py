"""A recurrence whose outputs are convex in its inputs, and no steeper than a bound."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.factored import product, read_weight, whole
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class ConvexState(NamedTuple):
    """What an input-convex RNN remembers: its last output."""

    h: Tensor  # (B, H)


class ConvexLipschitzRNN(Streaming):
    """h' = relu(W x + U h + b), where W and U have no negative weight and no norm above a bound.

    So each output is convex in all inputs so far, rises with each of them, and moves by no more
    than the sum over frames of lipschitz^(frames since + 1) |x moved by|.

    W and U stand for max(0, what is stored), divided by sqrt(max row sum * max column sum) /
    lipschitz where that is above 1: it is no less than their largest singular value.

    lipschitz: of one product, above 0. Stored weights begin uniform between 0 and 2 over the root
    of rows times columns, with a norm of about 1: our choice.

    Shapes: x (B, T, I) -> y (B, T, H); state h (B, H).
    Raises: ShapeError if x's last axis is not I, or for a bound that is not above 0.
    Source: Wang and Wu 2024, arXiv:2401.07494. Differs: a bound on the norm in closed form, which
        always holds, where the paper iterates towards singular values of 1 and clips afterwards.
    """

    layout = Layout(
        {"weight_ih": ("h", "in"), "weight_hh": ("h", "h"), "bias": ("h",)},
        kinds={"weight_ih": "input", "weight_hh": "recurrent"},
        sizes={"input_size": "in", "hidden_size": "h"},
        units=("h",),
        output="h",
    )

    def __init__(self, input_size: int, hidden_size: int, *, lipschitz: float = 1.0) -> None:
        super().__init__()
        if not 0 < lipschitz < float("inf"):
            raise ShapeError(f"ConvexLipschitzRNN: lipschitz {lipschitz:g}; need it above 0")
        self.input_size, self.hidden_size, self.lipschitz = input_size, hidden_size, lipschitz
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(hidden_size, hidden_size))
        for weight in (self.weight_ih, self.weight_hh):
            nn.init.uniform_(weight, 0.0, 2 * weight.numel() ** -0.5)
        self.bias = nn.Parameter(torch.zeros(hidden_size))

    def initial_state(self, batch: int) -> State:
        return ConvexState(self.new_zeros(batch, self.hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        weight_ih, weight_hh = self.bounded("weight_ih"), self.bounded("weight_hh")

        def frame(own: Tensor, state: ConvexState) -> tuple[Tensor, ConvexState]:
            h = torch.relu(own + product(state.h, weight_hh))
            return h, ConvexState(h)

        return fold_frames(frame, projected_frames(x, weight_ih, self.bias), state)

    def bounded(self, name: str) -> Tensor:
        """The matrix that a stored weight stands for."""
        weight = torch.relu(whole([read_weight(self, name)])[0])
        norm = torch.sqrt(weight.sum(0).amax(0) * weight.sum(1).amax(0))
        return weight * (self.lipschitz / norm.clamp_min(self.lipschitz))


EXAMPLES = {
    "default": Example(lambda: ConvexLipschitzRNN(8, 6)),
    "fading": Example(lambda: ConvexLipschitzRNN(8, 6, lipschitz=0.5)),
}
