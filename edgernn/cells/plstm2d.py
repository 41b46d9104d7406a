"""pLSTM on images whose rows arrive as frames: pixels hear those above and those beside them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from edgernn.cells.plstm import OPEN, parts
from edgernn.errors import ShapeError, UnknownName
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.scans.linear import recur
from edgernn.state import State
from edgernn.streaming import Example, Streaming

GATES = {"P": 4, "D": 7}  # of a head and a direction
DIRECTIONS = 2  # to the right and to the left


class PLSTM2DState(NamedTuple):
    """What a pLSTM of an image remembers: the same on the edges down to the next row."""

    down: Tensor  # (B, directions, columns, heads, K, V)


class _Node(NamedTuple):
    """The gates of pixels in a direction, (B, columns, heads, 1, 1): S, T and M of `PLSTM2D`."""

    s_r: Tensor
    s_d: Tensor
    t_rl: Tensor
    t_du: Tensor
    t_ru: Tensor
    t_dl: Tensor
    m_l: Tensor
    m_u: Tensor


class PLSTM2D(Streaming):
    """A pLSTM on a grid, whose edges lead right and down.

        C_right = T_rl C_left + T_ru C_up + S_r k^T v;  C_down = T_dl C_left + T_du C_up + S_d k^T v
        y = W_o GroupNorm(q (M_l C_left + M_u C_up) + D (q k) v)

    mode: P, a direction that is kept: T_rl = T_ru = A T, T_dl = T_du = (1 - A) T, S_r = A S,
    S_d = (1 - A) S, M_l = M_u = M, by gates S, T, M, A. D, all that lies below and ahead: T_dl = 0,
    so that one path leads from a pixel to another, by gates S_r, S_d, T_rl, T_du, T_ru, M_l, M_u.

    A row is whole when it comes, so each is also passed from right to left, by gates of its own,
    and both are added. Rows further down cannot be heard: of the paper's four orientations these
    are the two that a stream has. Along a row the recurrence is a scan, in training.

    Shapes: x (B, T, columns * P) -> y of the same, pixel by pixel; state down
        (B, 2, columns, heads, K, K), K = P / heads.
    Raises: ShapeError for columns that do not divide the channels, or heads those of a pixel, or if
        x's last axis is another; UnknownName for another mode.
    Source: Poeppel et al. 2025, arXiv:2506.11997. Differs: as `PLSTM`; the two orientations that a
        stream has. Our choice: where T begins; A begins spread over heads from sigmoid(-2) to
        sigmoid(2), as in the authors' code.
    """

    def __init__(self, channels: int, heads: int, columns: int = 4, *, mode: str = "P") -> None:
        super().__init__()
        if columns < 1 or channels % columns or heads < 1 or channels // columns % heads:
            raise ShapeError(
                f"PLSTM2D: {columns} columns must divide {channels} channels, and {heads} heads "
                "those of each pixel"
            )
        if mode not in GATES:
            raise UnknownName("mode", mode, list(GATES))
        self.channels, self.heads, self.columns, self.mode = channels, heads, columns, mode
        pixel = channels // columns
        gates = DIRECTIONS * GATES[mode] * heads
        self.input = Linear(pixel, 3 * pixel + gates + heads)
        self.norm = GroupNorm(heads, pixel)
        self.output = Linear(pixel, pixel, bias=False)
        with torch.no_grad():
            bias = self.input.linear.bias[3 * pixel : 3 * pixel + gates]
            each = bias.view(DIRECTIONS, GATES[mode], heads)
            if mode == "P":
                each[:, 1], each[:, 3] = OPEN, torch.linspace(-2, 2, heads)
            else:
                each[:, 2:5] = OPEN

    def initial_state(self, batch: int) -> State:
        keys = self.channels // self.columns // self.heads
        shape = batch, DIRECTIONS, self.columns, self.heads, keys, keys
        return PLSTM2DState(self.new_zeros(*shape))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        pixels = x.reshape(len(x), -1, self.channels // self.columns)
        made, _ = self.input.step(pixels, ())
        rows = split_frames(made.reshape(*x.shape[:2], -1))
        heard, after = fold_frames(self._row, rows, state)
        y, _ = self.norm.step(heard.reshape(pixels.shape), ())
        return self.output.step(y, ())[0].reshape(x.shape), after

    def _row(self, made: Tensor, state: PLSTM2DState) -> tuple[Tensor, PLSTM2DState]:
        pixel = self.channels // self.columns
        made = made.reshape(len(made), self.columns, -1)
        q, k, v, gates = parts(made, pixel, self.heads)
        gates = torch.sigmoid(gates)
        own = gates[..., -self.heads :, None]
        read = own * (q * k).sum(-1, keepdim=True) * v
        new, downs = k.unsqueeze(-1) * v.unsqueeze(-2), []
        for way in range(DIRECTIONS):
            node, up = self._node(gates, way), state.down[:, way]
            left = _along(node.t_rl, node.t_ru * up + node.s_r * new, back=way == 1)
            downs.append(node.t_dl * left + node.t_du * up + node.s_d * new)
            seen = node.m_l * left + node.m_u * up
            read = read + torch.matmul(q.unsqueeze(-2), seen).squeeze(-2)
        return read.flatten(1), PLSTM2DState(torch.stack(downs, dim=1))

    def _node(self, gates: Tensor, way: int) -> _Node:
        count, heads = GATES[self.mode], self.heads
        g = [
            gates[..., (way * count + n) * heads : (way * count + n + 1) * heads, None, None]
            for n in range(count)
        ]
        if self.mode == "D":
            s_r, s_d, t_rl, t_du, t_ru, m_l, m_u = g
            return _Node(s_r, s_d, t_rl, t_du, t_ru, torch.zeros_like(t_ru), m_l, m_u)
        s, t, m, ahead = g
        right, down = ahead * t, (1 - ahead) * t
        return _Node(ahead * s, (1 - ahead) * s, right, down, right, down, m, m)


def _along(fade: Tensor, told: Tensor, *, back: bool) -> Tensor:
    """What comes to each pixel along its row: (B, columns, ...); back: from the right."""
    first = torch.zeros_like(told[:, :1])
    if told.shape[1] == 1:
        return first
    leaving = slice(1, None) if back else slice(0, -1)  # of the last pixel nothing is heard
    fade, told = fade[:, leaving], told[:, leaving]
    if back:
        leaves, _ = recur(_turned(fade), _turned(told), first[:, 0])
        return torch.cat([_turned(leaves), first], dim=1)
    leaves, _ = recur(fade, told, first[:, 0])
    return torch.cat([first, leaves], dim=1)


def _turned(x: Tensor) -> Tensor:
    """Columns in the other order."""
    return torch.cat([x[:, n : n + 1] for n in range(x.shape[1] - 1, -1, -1)], dim=1)


EXAMPLES = {
    "p": Example(lambda: PLSTM2D(32, 1, 2), channels=32),
    "p_heads": Example(lambda: PLSTM2D(16, 2), channels=16),
    "d": Example(lambda: PLSTM2D(12, 1, 3, mode="D"), channels=12),
}
