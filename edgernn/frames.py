"""Frames in and out of a layer: what it is fed is checked here, once, in one wording."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from edgernn.errors import ShapeError, TimingError
from edgernn.factored import Weight, product
from edgernn.streaming import Streaming

Read = Callable[[str, Tensor], Tensor]
Frame = TypeVar("Frame")
After = TypeVar("After")


def need_frames(layer: Streaming, x: Tensor, channels: int) -> None:
    """Check that x is (B, n * block, channels) with n >= 1.

    Raises: ShapeError for another shape, TimingError for a part of a block.
    """
    name, block = type(layer).__name__, layer.timing.block
    if x.dim() != 3 or x.shape[2] != channels:
        raise ShapeError(f"{name}: x is {tuple(x.shape)}; need (batch, frames, {channels})")
    if x.shape[1] == 0 or x.shape[1] % block:
        raise TimingError(f"{name}: {x.shape[1]} frames; need a whole number of blocks of {block}")


def projected_frames(x: Tensor, weight: Weight, bias: Tensor | None) -> list[Tensor]:
    """W x + b for each frame of a chunk, by one product: (B, T, C) -> T tensors (B, C')."""
    if x.shape[1] == 1:
        return [product(x.squeeze(1), weight, bias)]
    return split_frames(product(x, weight, bias))


def split_frames(x: Tensor) -> list[Tensor]:
    """(B, T, C) -> T tensors (B, C)."""
    if x.shape[1] == 1:
        return [x.squeeze(1)]
    if torch.compiler.is_exporting():  # slices, which every exporter has
        return [x[:, t : t + 1].squeeze(1) for t in range(x.shape[1])]
    return list(x.unbind(1))  # whose gradients are put together once, not added frame by frame


def join_frames(frames: Sequence[Tensor]) -> Tensor:
    """T tensors (B, C) -> (B, T, C)."""
    rows = [frame.unsqueeze(1) for frame in frames]
    return rows[0] if len(rows) == 1 else torch.cat(rows, dim=1)


def fold_frames(
    frame: Callable[[Frame, After], tuple[Tensor, After]], frames: Iterable[Frame], state: After
) -> tuple[Tensor, After]:
    """One frame after the other, each from the state that the last one left: (B, T, C), state."""
    ys = []
    for given in frames:
        y, state = frame(given, state)
        ys.append(y)
    return join_frames(ys), state


def as_it_is(name: str, x: Tensor) -> Tensor:
    """What a product of a cell reads, as it is; rounding may be put in this function's place."""
    return x
