"""ConvLSTM: frames are maps, and each place of a map hears the places around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming

Heard = Callable[[Tensor], Tensor]  # what each place hears of all: (..., P, C) -> (..., P, K C)


class NodeLSTMState(NamedTuple):
    """What an LSTM remembers at each of its places: its last output and its cell."""

    h: Tensor  # (B, P, H)
    c: Tensor  # (B, P, H)


class NodeLSTM(nn.Module):
    """One LSTM with peepholes at all of P places, whose products read what each place hears.

        i, f = sigmoid(W heard(x) + U heard(h) + p * c + b);  c' = f * c + i * tanh(W_g ... + b_g)
        o = sigmoid(W_o heard(x) + U_o heard(h) + p_o * c' + b_o);  h' = o * tanh(c')

    Rows of `input` and `recurrent` are in the order i, f, g, o; `peepholes` (3, Q, H) are those of
    i, f, o, with Q = P places or 1 for all. times: how many features a place hears for each one
    that there is.

    Shapes: x (B, T, P, C) -> y (B, T, P, H); state h, c (B, P, H).
    """

    def __init__(self, channels: int, hidden: int, *, times: int, places: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.input = nn.Linear(times * channels, 4 * hidden)
        self.recurrent = nn.Linear(times * hidden, 4 * hidden, bias=False)
        self.peepholes = nn.Parameter(torch.zeros(3, places, hidden))

    def forward(self, x: Tensor, state: State, heard: Heard) -> tuple[Tensor, State]:
        """Step a chunk."""
        p_i, p_f, p_o = self.peepholes.unbind(0)

        def frame(made: Tensor, state: NodeLSTMState) -> tuple[Tensor, NodeLSTMState]:
            i, f, g, o = (made + self.recurrent(heard(state.h))).chunk(4, dim=-1)
            i, f = torch.sigmoid(i + p_i * state.c), torch.sigmoid(f + p_f * state.c)
            c = f * state.c + i * torch.tanh(g)
            h = torch.sigmoid(o + p_o * c) * torch.tanh(c)
            return h, NodeLSTMState(h, c)

        return fold_frames(frame, split_frames(self.input(heard(x))), state)


def around(x: Tensor, kernel: tuple[int, int]) -> Tensor:
    """What a convolution reads at each place: (..., R, S, C) -> (..., R, S, high wide C)."""
    (rows, columns), (high, wide) = x.shape[-3:-1], kernel
    x = F.pad(x, (0, 0, wide // 2, wide // 2, high // 2, high // 2))
    return torch.cat(
        [x[..., r : r + rows, s : s + columns, :] for r in range(high) for s in range(wide)], dim=-1
    )


def check_places(name: str, places: int, *sizes: int) -> None:
    """Raises: ShapeError unless frames of these sizes hold as many channels at every place."""
    if places < 1 or any(size < 1 or size % places for size in sizes):
        both = " and ".join(map(str, sizes))
        raise ShapeError(f"{name}: {places} places must divide the {both} channels of a frame")


class ConvLSTM(Streaming):
    """An LSTM whose products are convolutions over a map of `grid` = (rows, columns) places.

    The gates are those of `NodeLSTM`, with a peephole for each place. A frame is a map, place
    after place, row after row, the channels of a place together. kernel: odd, of both axes, zeros
    beyond the edges. In time nothing is convolved: a frame is a step.

    Shapes: x (B, T, I) -> y (B, T, H), I and H those of all places; state h, c (B, P, H / P).
    Raises: ShapeError for places that do not divide I and H, an even kernel, or x of another width.
    Source: Shi et al. 2015, arXiv:1506.04214.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        grid: tuple[int, int] = (2, 2),
        kernel: int = 3,
    ) -> None:
        super().__init__()
        places = grid[0] * grid[1] if min(grid) > 0 else 0
        check_places("ConvLSTM", places, input_size, hidden_size)
        if kernel < 1 or kernel % 2 == 0:
            raise ShapeError(f"ConvLSTM: a kernel of {kernel}; need an odd one")
        self.input_size, self.hidden_size, self.grid, self.kernel = (
            input_size,
            hidden_size,
            grid,
            kernel,
        )
        self.lstm = NodeLSTM(
            input_size // places, hidden_size // places, times=kernel * kernel, places=places
        )

    def initial_state(self, batch: int) -> State:
        places = self.grid[0] * self.grid[1]
        h = self.new_zeros(batch, places, self.hidden_size // places)
        return NodeLSTMState(h, torch.zeros_like(h))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        places = self.grid[0] * self.grid[1]

        def heard(of: Tensor) -> Tensor:
            before = of.shape[:-2]
            seen = around(of.reshape(*before, *self.grid, -1), (self.kernel, self.kernel))
            return seen.reshape(*before, places, -1)

        y, after = self.lstm(x.reshape(*x.shape[:2], places, -1), state, heard)
        return y.reshape(*x.shape[:2], self.hidden_size), after


EXAMPLES = {
    "default": Example(lambda: ConvLSTM(8, 12)),
    "bands": Example(lambda: ConvLSTM(8, 8, grid=(1, 4), kernel=3)),
}
