"""Multiple temporal perspectives: RWKV-4 hears the past in several mixtures at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgernn.cells.rwkv4 import RWKV4State, first_bonus, first_decay, wkv
from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.scans.log_sums import NOTHING
from edgernn.state import State
from edgernn.streaming import Delay, DelayState, Example, Streaming


class Perspectives(Streaming):
    """RWKV-4's time mixing P times, each with mixtures and sums of its own; matrices are shared.

        y_p = time mixing of x by m_k,p, m_v,p, m_r,p
        y = sum_p softmax(W_p mean_p y_p)_p y_p

    All that P perspectives add are 3 C mixtures each and the P C weights of the sum.

    Weights: as `RWKV4`, the mixtures (P, C). They begin as its own do, to a power of 2^p: each
    perspective looks back further than the one before.

    Shapes: x (B, T, C) -> y (B, T, C); state past.past (B, 1, C), log_sum, mean (B, P, C).
    Raises: ShapeError for no perspective, or if x's last axis is not C.
    Source: Dumitru et al. 2024, arXiv:2402.02625, the sum as in the authors' code. Differs: there
        perspectives are summed behind the last layer, here behind each. Our choice: where mixtures
        begin.
    """

    parallel = "scan"

    def __init__(self, channels: int, perspectives: int = 3) -> None:
        super().__init__()
        if perspectives < 1:
            raise ShapeError(f"Perspectives: {perspectives} perspectives; need at least 1")
        self.shift = Delay(1, channels)
        place = torch.arange(float(channels)) / channels
        powers = 2.0 ** torch.arange(perspectives)[:, None]
        self.mix_k, self.mix_v = nn.Parameter(place**powers), nn.Parameter(place**powers)
        self.mix_r = nn.Parameter(place ** (powers / 2))
        self.decay = nn.Parameter(first_decay(channels))
        self.bonus = nn.Parameter(first_bonus(channels))
        self.key, self.value, self.receptance, self.output = (
            Linear(channels, channels, bias=False) for _ in range(4)
        )
        self.weight = Linear(channels, perspectives, bias=False)

    def initial_state(self, batch: int) -> State:
        mean = self.new_zeros(batch, *self.mix_k.shape)
        return RWKV4State(DelayState(torch.zeros_like(mean[:, :1])), mean + NOTHING, mean)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, len(self.decay))
        before, past = self.shift.step(x, state.past)
        k, v, r = (
            self._each(layer, before.unsqueeze(2) + mix * (x - before).unsqueeze(2))
            for layer, mix in (
                (self.key, self.mix_k),
                (self.value, self.mix_v),
                (self.receptance, self.mix_r),
            )
        )
        heard, log_sum, mean = wkv(k, v, self.decay, self.bonus, (state.log_sum, state.mean))
        each = self._each(self.output, torch.sigmoid(r) * heard)
        share = torch.softmax(self.weight.step(each.mean(2), ())[0], dim=-1)
        return (share.unsqueeze(-1) * each).sum(2), RWKV4State(past, log_sum, mean)

    def _each(self, layer: Linear, x: Tensor) -> Tensor:
        """A product of each perspective: (B, T, P, C)."""
        return layer.step(x.flatten(1, 2), ())[0].reshape(x.shape)


EXAMPLES = {
    "three": Example(lambda: Perspectives(16), channels=16),
    "one": Example(lambda: Perspectives(8, 1)),
}
