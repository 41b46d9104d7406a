"""Gated FSMN: a memory of dilated convolutions, and a gate that reads it."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layers.conv import Conv1d
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class GatedFSMN(Streaming):
    """The recurrent part of MossFormer2, which has no recurrence: all frames go at once.

        u, v = w + conv(w) of w = silu(W LN(x));  m_0 = P relu(L u)
        m_{n+1} = prelu(LN(sum_{k <= n} conv_{n,k}(m_k))), of dilation 2^n
        y = x + v * (u + m_depth)

    Each convolution is of a channel alone and reads the frame and what came before it: `kernel`
    frames in the memory, `smooth` of them in the branches.

    Shapes: x (B, T, C) -> y (B, T, C); state by convolution, its past.
    Raises: ShapeError for no memory, or x of another width.
    Source: Zhao et al. 2023, arXiv:2312.11825; the memory: Zhang et al. 2018, arXiv:1803.05030.
        Differs: windows end at the frame where the paper's are centred; norms are of a frame, not
        of all frames, one for both branches; the dense net adds up what each convolution makes of
        each memory before it.
    """

    parallel = "convolution"

    def __init__(
        self,
        channels: int,
        *,
        kernel: int = 5,
        depth: int = 2,
        smooth: int = 4,
        inner: int | None = None,
    ) -> None:
        super().__init__()
        if min(kernel, depth, smooth) < 1:
            raise ShapeError(
                f"GatedFSMN: kernel {kernel}, depth {depth}, smooth {smooth}; need at least 1 each"
            )
        self.depth = depth
        self.norm = LayerNorm(channels)
        self.input = Linear(channels, 2 * channels)
        self.smooth = Conv1d(2 * channels, 2 * channels, smooth, groups=2 * channels, bias=False)
        self.widen = Linear(channels, inner or channels)
        self.narrow = Linear(inner or channels, channels, bias=False)
        self.convs = nn.ModuleDict(
            {
                f"memory{n}_{k}": Conv1d(
                    channels, channels, kernel, dilation=2**n, groups=channels, bias=False
                )
                for n in range(depth)
                for k in range(n + 1)
            }
        )
        self.norms = nn.ModuleList(LayerNorm(channels) for _ in range(depth))
        self.slopes = nn.Parameter(torch.full((depth, channels), 0.25))

    def initial_state(self, batch: int) -> State:
        states = {name: conv.initial_state(batch) for name, conv in self._windows().items()}
        return {name: state for name, state in states.items() if state != ()}

    def _windows(self) -> dict[str, Streaming]:
        """All that remembers, by name."""
        return {"smooth": self.smooth, **{n: cast(Streaming, c) for n, c in self.convs.items()}}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after, windows = {}, self._windows()

        def convolved(name: str, of: Tensor) -> Tensor:
            y, new = windows[name].step(of, state.get(name, ()))
            if name in state:
                after[name] = new
            return y

        w, _ = self.input.step(self.norm.step(x, ())[0], ())
        w = w * torch.sigmoid(w)
        u, v = (w + convolved("smooth", w)).chunk(2, dim=-1)
        memory = [self.narrow.step(torch.relu(self.widen.step(u, ())[0]), ())[0]]
        for n in range(self.depth):
            made = convolved(f"memory{n}_0", memory[0])
            for k in range(1, n + 1):
                made = made + convolved(f"memory{n}_{k}", memory[k])
            made = self.norms[n](made)
            memory.append(torch.relu(made) - self.slopes[n] * torch.relu(-made))
        return x + v * (u + memory[-1]), after


EXAMPLES = {
    "default": Example(lambda: GatedFSMN(8)),
    "deep": Example(lambda: GatedFSMN(8, kernel=3, depth=3, smooth=1, inner=5)),
}
