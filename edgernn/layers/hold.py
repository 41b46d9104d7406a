"""Hold: pass on what has moved by more than a threshold, repeat the last value of the rest.

What stands behind it then needs only the columns that moved: the compiler keeps the sums of the
product as state and adds `weight[:, moved] @ difference`, which is exact in integers and bounded in
its error in floats.

Gradients pass a hold as if nothing were held (the straight-through rule): what is repeated is
trained as if it were new, so that thresholds do not cut a network off from what it hears.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.frames import join_frames, need_frames, split_frames
from edgernn.layout import elementwise
from edgernn.state import State
from edgernn.streaming import Example, Streaming

BLOCKS = (1, 4)  # 4: what an instruction for dot products reads at once


class HoldState(NamedTuple):
    """What was last passed on."""

    held: Tensor  # (B, C)


def moved(x: Tensor, held: Tensor, threshold: float, block: int = 1) -> Tensor:
    """Which elements are passed on: (B, C) and (B, C) -> boolean (B, C).

    block 1: those with |x - held| > threshold. block 4: all of each 4 neighbours of which the
    root mean square of x - held is greater; the last block may be shorter.
    """
    d = x - held
    if block == 1:
        return d.abs() > threshold
    channels = x.shape[1]
    squares, rest = d * d, channels % block
    limit: Any = _limit(threshold, block)
    if rest:
        squares = F.pad(squares, (0, block - rest))
        limit = x.new_full((squares.shape[1] // block, 1), limit)
        limit[-1] = _limit(threshold, rest)
    sums = squares.reshape(x.shape[0], -1, block).sum(dim=-1, keepdim=True)
    blocks: Tensor = (sums > limit).expand(-1, -1, block).reshape(x.shape[0], -1)
    return blocks[:, :channels] if rest else blocks


@lru_cache(maxsize=256)
def _limit(threshold: float, count: int) -> float:
    """What the sum of `count` squares is compared with, from the threshold in float32."""
    return count * torch.tensor(threshold, dtype=torch.float32).item() ** 2


class _Held(torch.autograd.Function):
    """`hold` for each of x (T, B, C), from held (B, C) on; the gradient of x is that of y."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, held: Tensor, threshold: float, block: int) -> Tensor:
        frames = torch.empty_like(x)
        for given, kept in zip(x, frames, strict=True):
            held = torch.where(moved(given, held, threshold, block), given, held, out=kept)
        return frames

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return dy, None, None, None


def _passed(x: Tensor, held: Tensor, threshold: float, block: int) -> Tensor:
    return _Held.apply(x, held, threshold, block)  # type: ignore[no-any-return,no-untyped-call]


def hold(x: Tensor, held: Tensor, threshold: float, block: int = 1) -> Tensor:
    """What is passed on, which is also what is held next: (B, C) and (B, C) -> (B, C)."""
    if torch.is_grad_enabled() and not torch.compiler.is_exporting():
        return _passed(x.unsqueeze(0), held, threshold, block).squeeze(0)
    return torch.where(moved(x, held, threshold, block), x, held)


def hold_frames(x: Tensor, held: Tensor, threshold: float, block: int = 1) -> tuple[Tensor, Tensor]:
    """`hold` for each frame of a chunk: (B, T, C) and (B, C) -> (B, T, C) and the last frame."""
    if not torch.compiler.is_exporting():
        passed = _passed(x.transpose(0, 1).contiguous(), held, threshold, block)
        return passed.transpose(0, 1), passed[-1]
    frames = []
    for frame in split_frames(x):
        held = hold(frame, held, threshold, block)
        frames.append(held)
    return join_frames(frames), held


def check_hold(name: str, threshold: float, block: int) -> None:
    """Raises: ShapeError for a threshold below zero or another block than 1 and 4."""
    if not 0 <= threshold < float("inf"):
        raise ShapeError(f"{name}: threshold {threshold} must be finite and at least 0")
    if block not in BLOCKS:
        raise ShapeError(f"{name}: block {block} must be one of {', '.join(map(str, BLOCKS))}")


def threshold_pair(
    name: str, threshold: float | tuple[float, float], block: int
) -> tuple[float, float]:
    """The thresholds of a cell's input and of its hidden state; one number serves both.

    Raises: ShapeError as `check_hold`.
    """
    pair = threshold if isinstance(threshold, tuple) else (threshold, threshold)
    for one in pair:
        check_hold(name, one, block)
    return pair


class Hold(Streaming):
    """y = x where x has moved since it was last passed on, else what was passed on then.

        y[t] = x[t] if |x[t] - y[t-1]| > threshold else y[t-1];  y[-1] = 0         block=1
        y[t] = x[t] in every 4 channels with rms(x[t] - y[t-1]) > threshold        block=4

    The threshold is in the units of x; 0 passes every change on. With block=4 the last block is
    what remains of the channels. A NaN never passes. Gradients pass as if nothing were held.

    Shapes: x (B, T, C) -> y (B, T, C); state held (B, C).
    Raises: ShapeError if x's last axis is not C, for a threshold below 0 or another block.
    Source: Neil et al. 2016, arXiv:1612.05571. Differs: blocks of 4 are ours.
    """

    layout = elementwise(size="channels")

    def __init__(self, channels: int, threshold: float, block: int = 1) -> None:
        super().__init__()
        check_hold("Hold", threshold, block)
        self.channels, self.threshold, self.block = channels, threshold, block

    def initial_state(self, batch: int) -> State:
        return HoldState(self.new_zeros(batch, self.channels))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        y, held = hold_frames(x, state.held, self.threshold, self.block)
        return y, HoldState(held)

    def extra_repr(self) -> str:
        return f"{self.channels}, threshold={self.threshold}, block={self.block}"


EXAMPLES = {
    "hold": Example(lambda: Hold(8, 0.8)),
    "hold_blocks": Example(lambda: Hold(8, 0.8, 4)),
    "hold_blocks_and_rest": Example(lambda: Hold(6, 0.8, 4), channels=6),
    "hold_rest_alone": Example(lambda: Hold(3, 0.8, 4), channels=3),
}
