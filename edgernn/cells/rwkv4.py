"""RWKV-4: each channel's mean of all it has heard, weighted by keys and by how long ago."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edgernn.frames import need_frames
from edgernn.layers.linear import Linear
from edgernn.scans.linear import recur
from edgernn.scans.log_sums import NOTHING, log_sums
from edgernn.state import State
from edgernn.streaming import Delay, DelayState, Example, Streaming


class RWKV4State(NamedTuple):
    """What an RWKV-4 remembers: the frame before, and of each channel's sums log and mean."""

    past: Any  # of `Delay`
    log_sum: Tensor  # (B, C)
    mean: Tensor  # (B, C)


class RWKV4(Streaming):
    """Time mixing; each of k, v, r hears a mixture of this frame and the one before.

        k = W_k (m_k x + (1 - m_k) x_before);  v, r likewise
        wkv[t] = (sum_{i<t} e^(k[i] - (t-1-i) w) v[i] + e^(u + k[t]) v[t]) / (the same without v)
        y = W_o (sigmoid(r) * wkv)

    The sums are kept as the logarithm of the lower and as the quotient, which is exact and never
    overflows; a whole sequence is two scans. They stay in floating point whatever the products'
    type.

    Weights: `mix_k`, `mix_v`, `mix_r` (C,), `decay` (C,), the logarithm of w, and `bonus` (C,),
    which is u. They begin as those of the first layer of the paper's code.

    Shapes: x (B, T, C) -> y (B, T, C); state past.past (B, 1, C), log_sum, mean (B, C).
    Raises: ShapeError if x's last axis is not C.
    Source: Peng et al. 2023, arXiv:2305.13048. Differs: the sums are not kept divided by the
        exponential of a running maximum; no matrix begins at 0.
    """

    parallel = "scan"

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shift = Delay(1, channels)
        place = torch.arange(float(channels)) / channels
        self.mix_k, self.mix_v = nn.Parameter(place.clone()), nn.Parameter(place.clone())
        self.mix_r = nn.Parameter(place**0.5)
        self.decay = nn.Parameter(first_decay(channels))
        self.bonus = nn.Parameter(first_bonus(channels))
        self.key, self.value, self.receptance, self.output = (
            Linear(channels, channels, bias=False) for _ in range(4)
        )

    def initial_state(self, batch: int) -> State:
        mean = self.new_zeros(batch, len(self.decay))
        return RWKV4State(DelayState(mean.unsqueeze(1)), mean + NOTHING, mean)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        k, v, r, past = self.mixed(x, state.past)
        heard, log_sum, mean = wkv(k, v, self.decay, self.bonus, (state.log_sum, state.mean))
        y, _ = self.output.step(torch.sigmoid(r) * heard, ())
        return y, RWKV4State(past, log_sum, mean)

    def mixed(self, x: Tensor, past: State) -> tuple[Tensor, Tensor, Tensor, State]:
        """k, v and r (B, T, C), and what the next chunk has before its first frame."""
        need_frames(self, x, len(self.decay))
        before, past = self.shift.step(x, past)
        k, v, r = (
            layer.step(before + mix * (x - before), ())[0]
            for layer, mix in (
                (self.key, self.mix_k),
                (self.value, self.mix_v),
                (self.receptance, self.mix_r),
            )
        )
        return k, v, r, past


def wkv(
    k: Tensor, v: Tensor, decay: Tensor, bonus: Tensor, sums: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Each frame's mean, and the last log of the sum and mean: k, v (B, T, ...), the rest (...)."""
    fade, k = -torch.exp(decay), torch.where(k < NOTHING, NOTHING, k)  # floats, whatever k is
    before, behind = log_sums(k, sums[0], fade)
    share = torch.sigmoid(k - before - fade)
    means, mean = recur(1 - share, share * v, sums[1])
    older = torch.cat([sums[1].unsqueeze(1), means[:, :-1]], dim=1)
    own = torch.sigmoid(bonus + k - before)
    return older + own * (v - older), behind[:, -1], mean


def first_decay(channels: int) -> Tensor:
    """Where the logarithm of w begins: from -5, of the slowest channel, to 3."""
    return -5 + 8 * (torch.arange(float(channels)) / max(1, channels - 1)) ** 0.7


def first_bonus(channels: int) -> Tensor:
    """Where u begins: log 0.3, and by turns half less, nothing, or half more."""
    return 0.5 * ((torch.arange(float(channels)) + 1) % 3 - 1) + torch.log(torch.tensor(0.3))


EXAMPLES = {"rwkv4": Example(lambda: RWKV4(16), channels=16)}
