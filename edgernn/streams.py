"""Long streams of real frames through torch: what every artifact is compared with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgernn.backend import Array
from edgernn.errors import DataError

if TYPE_CHECKING:
    from edgernn.streaming import Streaming

CHUNK = 500  # steps that torch runs at once


@dataclass(frozen=True, slots=True)
class TorchStream:
    """Frames of one step and what torch makes of them; arrays (N, ...), leaves after the last."""

    frames: Array
    outputs: Array
    state: dict[str, Array]


def cut_to_steps(streams: Iterable[Array], block: int) -> Array:
    """Streams (1, T, ...) as steps (N, 1, block, ...). Raises: DataError if none is long enough."""
    parts = [s[:, : s.shape[1] // block * block] for s in streams]
    parts = [p.reshape(-1, 1, block, *p.shape[2:]) for p in parts if p.shape[1]]
    if not parts:
        raise DataError(f"no example is as long as one block of {block} frames")
    return np.concatenate(parts)


def lengthened(frames: Array, count: int) -> Array:
    """`count` steps: the examples over and over, each round at another level."""
    rounds = -(-count // len(frames))
    if not np.issubdtype(frames.dtype, np.floating):
        return np.concatenate([frames] * rounds)[:count]
    levels = np.array([0.5, 1.0, 0.25, 0.8], np.float32)
    return np.concatenate([frames * levels[k % 4] for k in range(rounds)])[:count]


def through_torch(module: Streaming, frames: Array) -> TorchStream:
    """Torch over steps (N, 1, block, ...), in chunks, from the initial state."""
    outputs: list[Array] = []
    leaves: dict[str, Array] = {}
    for y, leaves in _chunks(module, frames, max(1, len(frames) // CHUNK)):  # noqa: B007
        outputs.append(y)
    return TorchStream(frames, np.concatenate(outputs), leaves)


def step_by_step(module: Streaming, frames: Array) -> Iterator[tuple[Array, dict[str, Array]]]:
    """Torch's output (1, ...) and state leaves after every single step."""
    yield from _chunks(module, frames, len(frames))


def _chunks(
    module: Streaming, frames: Array, parts: int
) -> Iterator[tuple[Array, dict[str, Array]]]:
    import torch

    from edgernn.state import named_leaves

    state = module.initial_state(1)
    for part in np.array_split(frames, parts):
        with torch.no_grad():
            y, state = module.step(torch.from_numpy(part.reshape(1, -1, *part.shape[3:])), state)
        leaves = {name: leaf.numpy() for name, leaf in named_leaves(state).items()}
        yield y.numpy().reshape(len(part), 1, -1, *y.shape[2:]), leaves
