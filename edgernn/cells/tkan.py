"""TKAN: an LSTM whose output gate is made by recurring Kolmogorov-Arnold layers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class TKANState(NamedTuple):
    """What a TKAN remembers: its last output, its cell, and what each sub-layer remembers."""

    h: Tensor  # (B, H)
    c: Tensor  # (B, H)
    sub: Tensor  # (B, L, D)


class KAN(nn.Module):
    """A Kolmogorov-Arnold layer: a trained function of each input to each output, summed.

        y = W silu(x) + S B(x);  B_j(x) = b(x / d - j), d the distance of knots
        b(u) = (relu(2 - |u|)^3 - 4 relu(1 - |u|)^3) / 6, the cubic B-spline

    grid: how many intervals there are between `span`; so grid + 3 splines an input.

    Shapes: x (..., I) -> y (..., O).
    Source: Liu et al. 2024, arXiv:2404.19756.
    """

    centres: Tensor

    def __init__(
        self, inputs: int, outputs: int, *, grid: int, span: tuple[float, float] = (-1.0, 1.0)
    ) -> None:
        super().__init__()
        low, high = span
        self.distance = (high - low) / grid
        self.register_buffer("centres", low + self.distance * (torch.arange(grid + 3.0) - 1))
        self.silu = nn.Linear(inputs, outputs, bias=False)
        self.splines = nn.Linear(inputs * (grid + 3), outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """All the functions."""
        y: Tensor = self.silu(x * torch.sigmoid(x)) + self.splines(self.bases(x).flatten(-2))
        return y

    def bases(self, x: Tensor) -> Tensor:
        """The splines of each input: (..., I) -> (..., I, grid + 3)."""
        apart = ((x.unsqueeze(-1) - self.centres) / self.distance).abs()
        outer, inner = torch.relu(2 - apart), torch.relu(1 - apart)
        return (outer * outer * outer - 4 * inner * inner * inner) / 6


class TKAN(Streaming):
    """Gates i, f and the candidate as an LSTM has them; o reads L sub-layers, each with a memory.

        s_l = W_l x + U_l r_l;  z_l = KAN_l(s_l);  r_l' = a_l * r_l + e_l * z_l
        o = sigmoid(W_o [z_1, ..., z_L] + b_o)
        c' = f * c + i * tanh(W_c x + U_c h + b_c);  h' = o * tanh(c')

    Weights: `input` and `recurrent` hold the rows i, f, c; `sub_input` those of all W_l,
    `sub_recurrent` the U_l; `keep`, `add` (L, D) are a and e. Biases of f begin at 1, `keep` and
    `add` at 1/2.

    Shapes: x (B, T, I) -> y (B, T, H); state h, c (B, H), sub (B, L, D).
    Raises: ShapeError for no sub-layer, no interval, or x of another width.
    Source: Genet and Inzirillo 2024, arXiv:2405.07344; a and e of a channel each, and tanh, as in
        the authors' code. Our choice: splines of third order alone, where `keep` and `add` begin.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        sublayers: int = 2,
        sub_size: int | None = None,
        grid: int = 5,
    ) -> None:
        super().__init__()
        if sublayers < 1 or grid < 1:
            raise ShapeError(
                f"TKAN: {sublayers} sub-layers, {grid} intervals of a grid; need at least 1 each"
            )
        self.input_size, self.hidden_size = input_size, hidden_size
        width = sub_size or input_size
        self.input = nn.Linear(input_size, 3 * hidden_size)
        self.recurrent = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        nn.init.constant_(self.input.bias[hidden_size : 2 * hidden_size], 1.0)
        self.sub_input = nn.Linear(input_size, sublayers * width, bias=False)
        self.sub_recurrent = nn.ModuleList(
            nn.Linear(width, width, bias=False) for _ in range(sublayers)
        )
        self.kans = nn.ModuleList(KAN(width, width, grid=grid) for _ in range(sublayers))
        self.keep, self.add = (nn.Parameter(torch.full((sublayers, width), 0.5)) for _ in range(2))
        self.output = nn.Linear(sublayers * width, hidden_size)

    def initial_state(self, batch: int) -> State:
        h = self.new_zeros(batch, self.hidden_size)
        return TKANState(h, torch.zeros_like(h), self.new_zeros(batch, *self.keep.shape))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        n, (layers, width) = self.hidden_size, self.keep.shape

        def frame(made: tuple[Tensor, Tensor], state: TKANState) -> tuple[Tensor, TKANState]:
            gates, reads = made[0] + self.recurrent(state.h), made[1]
            z = []
            for at in range(layers):
                own = reads[:, at * width : (at + 1) * width]
                z.append(self.kans[at](own + self.sub_recurrent[at](state.sub[:, at])))
            told = z[0] if layers == 1 else torch.cat(z, dim=-1)
            i, f = torch.sigmoid(gates[:, : 2 * n]).chunk(2, dim=-1)
            c = f * state.c + i * torch.tanh(gates[:, 2 * n :])
            h = torch.sigmoid(self.output(told)) * torch.tanh(c)
            sub = self.keep * state.sub + self.add * told.reshape(-1, layers, width)
            return h, TKANState(h, c, sub)

        made = zip(split_frames(self.input(x)), split_frames(self.sub_input(x)), strict=True)
        return fold_frames(frame, made, state)


EXAMPLES = {
    "default": Example(lambda: TKAN(8, 6, sub_size=4)),
    "one": Example(lambda: TKAN(8, 6, sublayers=1, sub_size=3, grid=4)),
}
