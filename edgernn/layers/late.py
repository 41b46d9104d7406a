"""Beginning late: what comes before a stream's first real frame must not be heard.

A layer that looks ahead gives its first frame late, and before it something that describes nothing.
A sequence begins with its first frame, so a layer behind it begins there too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgernn.cells.gru import GRU
from edgernn.errors import TimingError
from edgernn.state import State, from_leaves, named_leaves
from edgernn.streaming import Example, Streaming


class BlankState(NamedTuple):
    """Frames that were taken for zeros so far."""

    waited: Tensor  # (B, 1)


class Blank(Streaming):
    """Zeros in the place of the first `frames` frames.

    Shapes: x (B, T, C) -> y (B, T, C); state waited (B, 1).
    """

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames

    def initial_state(self, batch: int) -> State:
        return BlankState(self.new_zeros(batch, 1))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        waited, frames = state.waited, []
        for t in range(x.shape[1]):
            frame = x if x.shape[1] == 1 else x[:, t : t + 1]
            frames.append(torch.where(waited[:, None] > self.frames - 0.5, frame, 0.0 * frame))
            waited = (waited + 1).clamp(max=self.frames)
        return frames[0] if len(frames) == 1 else torch.cat(frames, dim=1), BlankState(waited)

    def extra_repr(self) -> str:
        return str(self.frames)


class LateState(NamedTuple):
    """Frames that were passed over so far, and the state of what begins behind them."""

    waited: Tensor  # (B, 1)
    inner: Any


class Late(Streaming):
    """A layer that begins with frame `frames`: until then its state is the initial one.

    What it gives for those frames means nothing.

    Shapes: as those of the layer; state waited (B, 1), inner that of the layer.
    Raises: TimingError for a layer that takes more than a frame at a time.
    """

    def __init__(self, inner: Streaming, frames: int) -> None:
        super().__init__()
        if inner.timing.block != 1 or inner.timing.ratio != 1:
            raise TimingError(f"Late: {type(inner).__name__} takes blocks of {inner.timing.block}")
        self.inner, self.frames = inner, frames
        self.timing = inner.timing

    def initial_state(self, batch: int) -> State:
        return LateState(self.new_zeros(batch, 1), self.inner.initial_state(batch))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        waited, inner = state.waited, state.inner
        frames, exporting = x.shape[1], torch.compiler.is_exporting()
        ys, t = [], 0
        while t < frames and (exporting or bool((waited < self.frames).any())):
            y, after = self.inner.step(x[:, t : t + 1] if frames > 1 else x, inner)
            inner = _begun(waited > self.frames - 0.5, after, inner)
            waited = (waited + 1).clamp(max=self.frames)
            ys.append(y)
            t += 1
        if t < frames:
            y, inner = self.inner.step(x[:, t:] if t else x, inner)
            ys.append(y)
        return ys[0] if len(ys) == 1 else torch.cat(ys, dim=1), LateState(waited, inner)

    def extra_repr(self) -> str:
        return f"frames={self.frames}"


def _begun(begun: Tensor, after: State, before: State) -> State:
    """The state behind a frame in the rows that have begun, (B, 1), the one before in others."""
    old = named_leaves(before)
    new = {
        name: torch.where(begun.view(-1, *(1,) * (leaf.dim() - 1)), leaf, old[name])
        for name, leaf in named_leaves(after).items()
    }
    return from_leaves(before, new)


EXAMPLES = {
    "blank": Example(lambda: Blank(3)),
    "late": Example(lambda: Late(GRU(8, 5), 2)),
}
