"""End-to-end memory network: a ring of the last frames, read several times a frame."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError, UnknownName
from edgernn.layers.attention import HEARD
from edgernn.layers.linear import Linear
from edgernn.scans.linear import at_once
from edgernn.state import State
from edgernn.streaming import Example, Streaming

TIED = ("layer", "adjacent")


class MemN2NState(NamedTuple):
    """The frames remembered, each embedded in all ways it is read, and whether there was one."""

    ring: Tensor  # (B, N - 1, E H)
    heard: Tensor  # (B, N - 1), 1 or 0


class MemN2N(Streaming):
    """A frame asks, and the memory of the last N frames, itself among them, answers K times.

        m_i = A x[t - i] + T_A[i];  c_i = C x[t - i] + T_C[i];  u_1 = B x[t]
        o = sum_i softmax_i(u_k . m_i) c_i
        tied by "layer":     u_{k+1} = U u_k + o, the same A and C for all hops
        tied as "adjacent":  u_{k+1} = u_k + o, and C of one hop is A of the next

    i is the age of a frame in the ring. y is u_{K+1}; the paper's answer is a `Linear` of it.

    Weights: `times` (E, N, H), the T of each embedding, begin as normal numbers of deviation 0.1.

    Shapes: x (B, T, I) -> y (B, T, H); state ring (B, N - 1, E H), heard (B, N - 1), with E = 2
        embeddings tied by layer, K + 1 adjacent.
    Raises: ShapeError for a memory below 2 frames, no hop, or x of another width; UnknownName for
        another tie.
    Source: Sukhbaatar et al. 2015, arXiv:1503.08895. Differs: a frame is embedded as the paper's
        sentence is, and remembered before it asks, so that no memory is empty. Our choice: A, B
        and C begin with deviation 1 / (4 sqrt(I)), which embeds a frame of unit variance about as
        the paper's 0.1 does a sentence of six words.
    """

    parallel = "window"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        memory: int = 8,
        hops: int = 3,
        tied: str = "layer",
    ) -> None:
        super().__init__()
        if memory < 2 or hops < 1:
            raise ShapeError(
                f"MemN2N: a memory of {memory} frames and {hops} hops; need at least 2 and 1"
            )
        if tied not in TIED:
            raise UnknownName("tie", tied, TIED)
        self.hidden_size, self.memory, self.hops, self.tied = hidden_size, memory, hops, tied
        self.embeddings = 2 if tied == "layer" else hops + 1
        self.query = Linear(input_size, hidden_size, bias=False)
        self.embed = Linear(input_size, self.embeddings * hidden_size, bias=False)
        self.times = nn.Parameter(0.1 * torch.randn(self.embeddings, memory, hidden_size))
        for layer in (self.query, self.embed):
            nn.init.normal_(layer.linear.weight, std=0.25 * input_size**-0.5)
        if tied == "layer":
            self.onward = Linear(hidden_size, hidden_size, bias=False)

    def initial_state(self, batch: int) -> State:
        ring = self.new_zeros(batch, self.memory - 1, self.embeddings * self.hidden_size)
        return MemN2NState(ring, torch.zeros_like(ring[..., 0]))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frames, (u, _) = x.shape[1], self.query.step(x, ())
        ring = torch.cat([state.ring, self.embed.step(x, ())[0]], dim=1)
        heard = torch.cat([state.heard, torch.ones_like(u[..., 0])], dim=1)
        embedded = self._windows(ring, frames)
        embedded = embedded.reshape(*embedded.shape[:3], self.embeddings, self.hidden_size)
        known = HEARD * self._windows(heard, frames)
        for hop in range(self.hops):
            asked = 0 if self.tied == "layer" else hop
            m, c = (embedded[..., at, :] + self.times[at] for at in (asked, asked + 1))
            scores = torch.matmul(m, u.unsqueeze(-1)).squeeze(-1)
            share = torch.softmax(scores + known, dim=-1)
            o = torch.matmul(share.unsqueeze(-2), c).squeeze(-2)
            u = (self.onward.step(u, ())[0] if self.tied == "layer" else u) + o
        return u, MemN2NState(ring[:, frames:], heard[:, frames:])

    def _windows(self, x: Tensor, frames: int) -> Tensor:
        """What each frame reads, oldest first: (B, T + N - 1, ...) -> (B, T, N, ...)."""
        if at_once(frames):
            return x.unfold(1, self.memory, 1).movedim(-1, 2)
        each = [x[:, t : t + self.memory].unsqueeze(1) for t in range(frames)]
        return each[0] if frames == 1 else torch.cat(each, dim=1)


EXAMPLES = {
    "layer": Example(lambda: MemN2N(8, 6)),
    "adjacent": Example(lambda: MemN2N(8, 6, memory=4, hops=2, tied="adjacent")),
}
