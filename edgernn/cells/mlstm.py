"""mLSTM of the xLSTM: a memory of values by keys, with exponential input gates."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import join_frames, split_frames
from edgernn.layers.linear import Linear
from edgernn.layers.norm import GroupNorm
from edgernn.scans.chunkwise import linear_attention
from edgernn.scans.linear import at_once
from edgernn.state import State
from edgernn.streaming import Example, Streaming

LEAST = 1e-6  # of a forget gate, so that its logarithm is finite; our choice
FORGET = (3.0, 6.0)  # the biases of forget gates begin between these, evenly, as in xLSTM's code


class MLSTMState(NamedTuple):
    """What an mLSTM remembers: values by keys, the sum of keys beside them, and the stabiliser."""

    memory: Tensor  # (B, heads, K, V + 1), the normaliser as the last column
    most: Tensor  # (B, heads)


class MLSTM(Streaming):
    """The matrix memory; rows of the one product are q, k, v, o, then i, f, one a head.

        C' = sigmoid(f) C + e^i k v^T;  n' = sigmoid(f) n + e^i k;  k scaled by K^(-1/2)
        y = sigmoid(o) * GroupNorm((q C') / max(|q n'|, 1))

    Kept divided by e^m, m' = max(log sigmoid(f) + m, i), so that no exponential overflows; y is the
    same whatever m is. Whole sequences go in chunks, with m of every frame by a running maximum.
    At first gates depend on their biases alone. The norm is that of each head; without it y has no
    bound where q n' passes 0.

    Shapes: x (B, T, I) -> y (B, T, H); state memory (B, heads, H / heads, H / heads + 1), most
        (B, heads).
    Raises: ShapeError for heads that do not divide H, or x of another width.
    Source: Beck et al. 2024, arXiv:2405.04517. The norm before the output gate: Beck et al. 2025,
        arXiv:2503.13427. Differs: a forget gate keeps 1e-6 at least; without the convolution and
        the skip path of the paper's block.
    """

    parallel = "chunks"

    def __init__(self, input_size: int, hidden_size: int, heads: int) -> None:
        super().__init__()
        if heads < 1 or hidden_size % heads:
            raise ShapeError(f"MLSTM: {heads} heads must divide {hidden_size} units")
        self.hidden_size, self.heads = hidden_size, heads
        self.input = Linear(input_size, 4 * hidden_size)
        self.gates = Linear(input_size, 2 * heads)
        self.norm = GroupNorm(heads, hidden_size)
        nn.init.zeros_(self.gates.linear.weight)
        with torch.no_grad():
            self.gates.linear.bias[:heads].normal_(0, 0.1)
            self.gates.linear.bias[heads:].copy_(torch.linspace(*FORGET, heads))

    def initial_state(self, batch: int) -> State:
        width = self.hidden_size // self.heads
        memory = self.new_zeros(batch, self.heads, width, width + 1)
        return MLSTMState(memory, torch.zeros_like(memory[:, :, 0, 0]))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        q, k, v, o = self.input.step(x, ())[0].chunk(4, dim=-1)
        q, k, v = (part.reshape(*x.shape[:2], self.heads, -1) for part in (q, k, v))
        i, f = self.gates.step(x, ())[0].chunk(2, dim=-1)
        log_keep = torch.log(torch.sigmoid(f).clamp_min(LEAST))
        most, last = _running_most(log_keep, i, state.most)
        before = torch.cat([state.most.unsqueeze(1), most[:, :-1]], dim=1)
        k = k * (torch.exp(i - most) * k.shape[-1] ** -0.5).unsqueeze(-1)
        v = torch.cat([v, torch.ones_like(v[..., :1])], dim=-1)
        log_decay = (log_keep + before - most).unsqueeze(-1)
        y, memory = linear_attention(q, k, v, log_decay, state.memory)
        least = torch.exp(-most).unsqueeze(-1)
        y = (y[..., :-1] / torch.maximum(y[..., -1:].abs(), least)).flatten(2)
        y, _ = self.norm.step(y, ())
        return torch.sigmoid(o) * y, MLSTMState(memory, last)


def _running_most(log_keep: Tensor, i: Tensor, most: Tensor) -> tuple[Tensor, Tensor]:
    """Of every frame m (B, T, heads), and the last: m' = max(log_keep + m, i).

    It is the maximum of what began as i and has faded since, so that it is read off the sums.
    """
    if at_once(i.shape[1]):
        total = log_keep.cumsum(1)
        highest = torch.maximum((i - total).cummax(1).values, most.unsqueeze(1))
        return total + highest, (total + highest)[:, -1]
    made = []
    for keep, new in zip(split_frames(log_keep), split_frames(i), strict=True):
        faded = keep + most
        most = torch.where(faded > new, faded, new)  # floats, whatever i is
        made.append(most)
    return join_frames(made), most


def _trained() -> MLSTM:
    """One whose gates hear the input, as they do not at first."""
    unit = MLSTM(16, 32, 2)
    nn.init.normal_(unit.gates.linear.weight, std=0.5)
    return unit


EXAMPLES = {
    "trained": Example(_trained, channels=16),
    "new": Example(lambda: MLSTM(8, 6, 1)),
}
