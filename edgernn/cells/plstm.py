"""pLSTM: gates by which the nodes of a sequence write to edges, pass on what comes, and read it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.scans.chunkwise import linear_attention
from edgernn.state import State
from edgernn.streaming import Example, Streaming

OPEN = 4.0  # where the bias of transitions begins: sigmoid(4) is 0.98; our choice


class PLSTMState(NamedTuple):
    """What a pLSTM remembers: values by keys on the edge to the next frame."""

    edge: Tensor  # (B, heads, K, V)


class PLSTM(Streaming):
    """A pLSTM on a sequence; rows of the one product are q, k, v, and S, T, M, D of each head.

        y = W_o GroupNorm(M q C + D (q k) v);  C' = T C + S k^T v;  k divided by sqrt(K)

    S writes a node to the edge that leaves it, T passes on what comes in, M reads what comes in,
    D reads the node itself. All are sigmoids.

    Shapes: x (B, T, C) -> y (B, T, C); state edge (B, heads, K, K), K = C / heads.
    Raises: ShapeError for heads that do not divide C, or if x's last axis is not C.
    Source: Poeppel et al. 2025, arXiv:2506.11997. Differs: transitions are numbers (J = 1 of the
        paper), and neither a convolution in front nor a way around. Our choice: where T begins.
    """

    parallel = "chunks"

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"PLSTM: {heads} heads must divide {channels} channels")
        self.channels, self.heads = channels, heads
        self.input = Linear(channels, 3 * channels + 4 * heads)
        self.norm = GroupNorm(heads, channels)
        self.output = Linear(channels, channels, bias=False)
        with torch.no_grad():
            self.input.linear.bias[3 * channels + heads : 3 * channels + 2 * heads] = OPEN

    def initial_state(self, batch: int) -> State:
        keys = self.channels // self.heads
        return PLSTMState(self.new_zeros(batch, self.heads, keys, keys))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        made, _ = self.input.step(x, ())
        q, k, v, gates = parts(made, self.channels, self.heads)
        source, log_pass, mark, own = (
            gates[..., n * self.heads : (n + 1) * self.heads, None] for n in range(4)
        )
        source, mark, own = (torch.sigmoid(gate) for gate in (source, mark, own))
        nothing = torch.zeros_like(q[0, 0])
        log_pass = F.logsigmoid(log_pass)
        read, edge = linear_attention(mark * q, source * k, v, log_pass, state.edge, bonus=nothing)
        read = read + own * (q * k).sum(-1, keepdim=True) * v
        y, _ = self.norm.step(read.flatten(2), ())
        return self.output.step(y, ())[0], PLSTMState(edge)


def parts(made: Tensor, channels: int, heads: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """q, k divided by sqrt(K), and v, (..., heads, K), and the gates behind them."""
    q, k, v = (
        made[..., n * channels : (n + 1) * channels].reshape(*made.shape[:-1], heads, -1)
        for n in range(3)
    )
    return q, k * (channels / heads) ** -0.5, v, made[..., 3 * channels :]


EXAMPLES = {
    "one_head": Example(lambda: PLSTM(16, 1), channels=16),
    "heads": Example(lambda: PLSTM(8, 2)),
}
