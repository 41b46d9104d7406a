"""A bidirectional recurrent layer by chunks: some frames ahead in the place of the whole future."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.errors import ShapeError
from edgernn.layers.late import Late
from edgernn.state import State
from edgernn.streaming import Example, Streaming
from edgernn.timing import Timing


class ChunkedState(NamedTuple):
    """Frames that wait for what comes, and the state of the forward direction."""

    past: Tensor  # (B, ahead, C)
    forward: Any


class Chunked(Streaming):
    """y = [forward; backward]: the first goes on for ever, the second reads a chunk from its end.

    Of each chunk of frames, the backward cell reads it and the `ahead` frames behind it, from zero
    on, the newest first. So y comes `ahead` frames late, and is near to what a layer gives that
    reads all of the future first (Zhang et al. 2016, arXiv:1510.08983: latency-controlled BLSTM).

    Shapes: x (B, n * chunk, C) -> y (B, n * chunk, H + H'); state past (B, ahead, C), forward that
        of the forward cell, begun with the first frame that is real.
    Raises: ShapeError for a chunk below 1, or frames ahead below 0.
    """

    def __init__(
        self, forward: Streaming, backward: Streaming, channels: int, *, chunk: int, ahead: int
    ) -> None:
        super().__init__()
        if chunk < 1 or ahead < 0:
            raise ShapeError(f"Chunked: chunk {chunk}, ahead {ahead}; need at least 1 and 0")
        self.onward = Late(forward, ahead) if ahead else forward
        self.backward = backward
        self.channels, self.chunk, self.ahead = channels, chunk, ahead
        self.timing = Timing(chunk, delay=ahead)

    def initial_state(self, batch: int) -> State:
        past = self.new_zeros(batch, self.ahead, self.channels)
        begun = self.onward.initial_state(batch)
        return ChunkedState(past, begun) if self.ahead else {"forward": begun}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        frames = x.shape[1]
        if x.dim() != 3 or x.shape[2] != self.channels or not frames or frames % self.chunk:
            raise ShapeError(
                f"Chunked: x is {tuple(x.shape)}; need (batch, n * {self.chunk}, {self.channels})"
            )
        forward = state.forward if self.ahead else state["forward"]
        both = torch.cat([state.past, x], dim=1) if self.ahead else x
        onward, forward = self.onward.step(both[:, :frames], forward)
        back = []
        for at in range(0, frames, self.chunk):
            window = _turned(both[:, at : at + self.chunk + self.ahead])
            told, _ = self.backward.step(window, self.backward.initial_state(x.shape[0]))
            back.append(_turned(told)[:, : self.chunk])
        y = torch.cat([onward, torch.cat(back, dim=1)], dim=2)
        if not self.ahead:
            return y, {"forward": forward}
        return y, ChunkedState(both[:, frames:], forward)

    def extra_repr(self) -> str:
        return f"chunk={self.chunk}, ahead={self.ahead}"


def _turned(x: Tensor) -> Tensor:
    """Frames from the last to the first."""
    if not torch.compiler.is_exporting():
        return x.flip(1)
    return torch.cat([x[:, t : t + 1] for t in reversed(range(x.shape[1]))], dim=1)


EXAMPLES = {
    "gru": Example(lambda: Chunked(GRU(8, 5), GRU(8, 5), 8, chunk=4, ahead=3)),
    "lstm": Example(lambda: Chunked(LSTM(8, 5), LSTM(8, 4), 8, chunk=2, ahead=0)),
}
