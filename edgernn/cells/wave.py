"""Wave RNN: places on a ring, from each of which what was heard travels on to the next."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.factored import product, read_weight
from edgernn.frames import fold_frames, need_frames, projected_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class WaveState(NamedTuple):
    """What a wave RNN remembers: the channels of every place."""

    h: Tensor  # (B, N, C)


class WaveRNN(Streaming):
    """h' = relu(u * h + V x + b), u * a convolution around a ring of N places of C channels.

    It begins as a wave: u moves each channel one place on, and V feeds the first place alone, all
    of it ones; both learn. scattered=True begins V small and everywhere, normal with a deviation
    of 0.001.

    A u that fades by nothing, as at the beginning, forgets no rounding: an integer state drifts.

    Weights: `weight_hh` (C, K C) is u, the channels of the K places around one after the other.

    Shapes: x (B, T, I) -> y (B, T, N C), place by place; state h (B, N, C).
    Raises: ShapeError if x's last axis is not I, for a kernel that is even, below 3 or
        longer than the ring, or no channel.
    Source: Keller et al. 2023, arXiv:2309.08045, beginnings as in the authors' code.
    """

    layout = Layout(
        {"weight_ih": ("", "in"), "weight_hh": ("", "")},
        kinds={"weight_ih": "input", "weight_hh": "recurrent"},
        sizes={"input_size": "in"},
        output="",
    )

    def __init__(
        self,
        input_size: int,
        places: int,
        channels: int = 1,
        *,
        kernel_size: int = 3,
        scattered: bool = False,
    ) -> None:
        super().__init__()
        if channels < 1 or not 3 <= kernel_size <= places or kernel_size % 2 == 0:
            raise ShapeError(
                f"WaveRNN: a kernel of {kernel_size} on {places} places of {channels} channels; "
                "need a channel, and an odd kernel of 3 or more within the ring"
            )
        self.input_size, self.places, self.channels = input_size, places, channels
        self.kernel_size = kernel_size
        self.weight_ih = nn.Parameter(torch.zeros(places * channels, input_size))
        self.weight_hh = nn.Parameter(torch.zeros(channels, kernel_size * channels))
        self.bias = nn.Parameter(torch.zeros(places, channels))
        with torch.no_grad():
            if scattered:
                self.weight_ih.normal_(std=0.001)
            else:
                self.weight_ih[:channels] = 1.0
            before = kernel_size // 2 - 1  # the tap of the place before
            self.weight_hh[:, before * channels : (before + 1) * channels].fill_diagonal_(1.0)

    def initial_state(self, batch: int) -> State:
        return WaveState(self.new_zeros(batch, self.places, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.input_size)
        weight, shape = read_weight(self, "weight_hh"), (len(x), self.places, self.channels)

        def frame(own: Tensor, state: WaveState) -> tuple[Tensor, WaveState]:
            around = product(self._around(state.h), weight)
            h = torch.relu(around + own.reshape(shape) + self.bias)
            return h.flatten(1), WaveState(h)

        return fold_frames(frame, projected_frames(x, read_weight(self, "weight_ih"), None), state)

    def _around(self, h: Tensor) -> Tensor:
        """The channels of each place and of those around it: (B, N, C) -> (B, N, K C)."""
        side = self.kernel_size // 2
        ring = torch.cat([h[:, -side:], h, h[:, :side]], dim=1)
        return torch.cat([ring[:, k : k + self.places] for k in range(self.kernel_size)], dim=2)


EXAMPLES = {
    "wave": Example(lambda: WaveRNN(8, 6, 2)),
    "scattered": Example(lambda: WaveRNN(8, 7, 3, kernel_size=5, scattered=True)),
}
