"""LSSL: a dense state space a channel that remembers by Legendre polynomials."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import join_frames, need_frames, split_frames
from edgernn.layout import Layout
from edgernn.scans.convolution import CHUNK, by_chunks
from edgernn.scans.linear import at_once
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class LSSLState(NamedTuple):
    """What an LSSL remembers: N coefficients of each channel."""

    s: Tensor  # (B, C, N)


class LSSL(Streaming):
    """The state space ds/dt = A s + b u of HiPPO-LegS, at a pace of its own for each channel.

        s' = turn s + take u;  y = c s' + d u
        turn = (1 - dt/2 A)^-1 (1 + dt/2 A);  take = (1 - dt/2 A)^-1 dt b   (bilinear)
        A[n, k] = -sqrt((2n + 1) (2k + 1)) below the diagonal, -(n + 1) on it;  b[n] = sqrt(2n + 1)

    That is LSSL-f, the paper's with A, b and dt fixed: `turn` (C, N, N) and `take` (C, N) are
    buffers, dense, with dt drawn between the two of `dt`, evenly in its logarithm. Trained are
    `mix` (C, N), which is c, and `skip` (C,), which is d; both begin normal, c with deviation
    N^(-1/2), which is our choice. A channel has one output; behind those of the paper's layer come
    GELU and a product.

    Shapes: x (B, T, C) -> y (B, T, C); state s (B, C, N).
    Raises: ShapeError for fewer than one state, a range of dt that is none, or x of another width.
    Source: Gu et al. 2021, arXiv:2110.13985.
    """

    turn: Tensor
    take: Tensor

    layout = Layout(
        {"mix": ("in", ""), "skip": ("in",), "turn": ("in", "", ""), "take": ("in", "")},
        sizes={"channels": "in"},
        output="in",
    )
    parallel = "chunks"

    def __init__(
        self, channels: int, states: int = 16, *, dt: tuple[float, float] = (1e-3, 1e-1)
    ) -> None:
        super().__init__()
        if min(channels, states) < 1:
            raise ShapeError(f"LSSL: {channels} channels of {states} states; need at least 1")
        if not 0 < dt[0] <= dt[1]:
            raise ShapeError(f"LSSL: dt from {dt[0]:g} to {dt[1]:g}; need 0 < low <= high")
        self.channels, self.states = channels, states
        low, high = (math.log(end) for end in dt)
        turn, take = bilinear(*legs(states), torch.exp(low + (high - low) * torch.rand(channels)))
        self.register_buffer("turn", turn.float())
        self.register_buffer("take", take.float())
        self.mix = nn.Parameter(torch.randn(channels, states) * states**-0.5)
        self.skip = nn.Parameter(torch.randn(channels))

    def initial_state(self, batch: int) -> State:
        return LSSLState(self.new_zeros(batch, self.channels, self.states))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        if at_once(x.shape[1]):
            return self._chunks(x, state.s)
        s, ys = state.s, []
        for now in split_frames(x):
            s = torch.matmul(self.turn, s.unsqueeze(-1)).squeeze(-1) + self.take * now[..., None]
            ys.append((self.mix * s).sum(-1) + self.skip * now)
        return join_frames(ys), LSSLState(s)

    def _chunks(self, x: Tensor, s: Tensor) -> tuple[Tensor, State]:
        size = min(CHUNK, x.shape[1])
        powers = self._powers(size)
        said = torch.einsum("cn,cknm->cmk", self.mix, powers)
        heard = torch.einsum("cknm,cm->ckn", powers, self.take)
        kernel = torch.einsum("cn,ckn->ck", self.mix, heard[:, :size])
        kernel = torch.cat([kernel[:, :1] + self.skip[:, None], kernel[:, 1:]], dim=1)
        y, s = by_chunks(
            x, s, kernel, said=said, heard=heard, kept=lambda s, n: s @ powers[:, n].mT
        )
        return y, LSSLState(s)

    def _powers(self, most: int) -> Tensor:
        """Turn to the powers of 0 to `most`, (C, most + 1, N, N), twice as many at a time."""
        eye = torch.eye(self.states).to(self.turn)
        powers = torch.stack([eye.expand_as(self.turn), self.turn], dim=1)
        while powers.shape[1] <= most:
            powers = torch.cat([powers, powers[:, 1:] @ powers[:, -1:]], dim=1)
        return powers[:, : most + 1]


def legs(states: int) -> tuple[Tensor, Tensor]:
    """A (N, N) and b (N,) of HiPPO-LegS, in double."""
    n = torch.arange(states, dtype=torch.float64)
    root = torch.sqrt(2 * n + 1)
    return -torch.outer(root, root).tril(-1) - torch.diag(n + 1), root


def bilinear(a: Tensor, b: Tensor, dt: Tensor) -> tuple[Tensor, Tensor]:
    """What A and b do in a step of each dt (C,): (C, N, N) and (C, N)."""
    eye, half = torch.eye(len(b)).to(a), dt.to(a)[:, None, None] / 2 * a
    take = torch.linalg.solve(eye - half, dt.to(a)[:, None] * b)
    return torch.linalg.solve(eye - half, eye + half), take


EXAMPLES = {
    "default": Example(lambda: LSSL(8, 4, dt=(0.02, 0.5))),
    "one_pace": Example(lambda: LSSL(8, 3, dt=(0.2, 0.2))),
}
