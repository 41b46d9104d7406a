"""Griffin: blocks of a gated linear recurrence or of local attention, each with a gated MLP."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.mqa import LocalMQA
from edgernn.cells.rglru import RGLRU
from edgernn.errors import ShapeError, UnknownName
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import RMSNorm
from edgernn.state import State
from edgernn.streaming import Example, Streaming

MIXES = ("recurrent", "attention")


class HawkState(NamedTuple):
    """What a recurrent mix remembers: the frames its window still sees, and its RG-LRU."""

    window: State
    rglru: State


class Hawk(Streaming):
    """The recurrent mix of Griffin: y = W_o (gelu(W_g x + b_g) * RGLRU(conv(W_x x + b_x))) + b_o.

    width: R, channels of the recurrence, by default 4 C / 3, rounded up. kernel_size: frames of the
    window, the last one with it; each channel is convolved alone. radius: as that of the `RGLRU`.

    Shapes: x (B, T, C) -> y (B, T, C); state window.past (B, kernel_size - 1, R), rglru.h (B, R).
    Raises: ShapeError for a width or kernel_size below 1, a radius that is none, or x of another
        width.
    Source: De et al. 2024, arXiv:2402.19427.
    """

    parallel = "scan"

    def __init__(
        self,
        channels: int,
        width: int | None = None,
        *,
        kernel_size: int = 4,
        radius: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__()
        width = -(-4 * channels // 3) if width is None else width
        if width < 1:
            raise ShapeError(f"Hawk: a width of {width}; need at least 1")
        self.gate, self.input = Linear(channels, width), Linear(channels, width)
        self.window = Conv1d(width, width, kernel_size, groups=width)
        self.rglru = RGLRU(width, radius=radius)
        self.output = Linear(width, channels)

    def initial_state(self, batch: int) -> State:
        return HawkState(self.window.initial_state(batch), self.rglru.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        heard, window = self.window.step(self.input.step(x, ())[0], state.window)
        mixed, rglru = self.rglru.step(heard, state.rglru)
        gate = F.gelu(self.gate.step(x, ())[0])
        return self.output.step(gate * mixed, ())[0], HawkState(window, rglru)


class Griffin(Streaming):
    """One residual block, with biases that the formula leaves out.

        u = x + mix(RMSNorm(x));  n = RMSNorm(u);  y = u + W_o (gelu(W_g n) * W_u n)

    mix: "recurrent", a `Hawk` of `radius`, or "attention", a `LocalMQA` of `heads` and `left`. The
    paper takes two of the first and one of the second in turn. expand: the MLP has expand * C
    channels.

    Shapes: x (B, T, C) -> y (B, T, C); state that of the mix.
    Raises: as `Hawk` and `LocalMQA`; ShapeError for an expand below 1, UnknownName for another mix.
    Source: De et al. 2024, arXiv:2402.19427.
    """

    def __init__(
        self,
        channels: int,
        mix: str = "recurrent",
        *,
        heads: int = 2,
        left: int = 15,
        expand: int = 3,
        radius: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        super().__init__()
        if mix not in MIXES:
            raise UnknownName("mix", mix, MIXES)
        if expand < 1:
            raise ShapeError(f"Griffin: expand {expand}; need at least 1")
        attends = mix == "attention"
        self.mix: Streaming = (
            LocalMQA(channels, heads, left) if attends else Hawk(channels, radius=radius)
        )
        self.parallel = self.mix.parallel
        self.norm, self.mlp_norm = RMSNorm(channels), RMSNorm(channels)
        self.gate, self.up = (Linear(channels, expand * channels) for _ in range(2))
        self.down = Linear(expand * channels, channels)

    def initial_state(self, batch: int) -> State:
        return self.mix.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        mixed, after = self.mix.step(self.norm.step(x, ())[0], state)
        u = x + mixed
        n, _ = self.mlp_norm.step(u, ())
        inner = F.gelu(self.gate.step(n, ())[0]) * self.up.step(n, ())[0]
        return u + self.down.step(inner, ())[0], after


EXAMPLES = {
    "recurrent": Example(lambda: Griffin(8, radius=(0.5, 0.95))),
    "attention": Example(lambda: Griffin(8, "attention", left=5, expand=1)),
    "hawk": Example(lambda: Hawk(8, 6)),
}
