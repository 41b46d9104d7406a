"""Latency-controlled bidirectional LSTM: a chunk of frames and some ahead, read backwards."""

from __future__ import annotations

from edgernn.cells.lstm import LSTM
from edgernn.layers.chunked import Chunked
from edgernn.streaming import Example


class LatencyControlledBLSTM(Chunked):
    """The layer `Chunked` of two LSTMs: y = [forward; backward].

    The forward one goes on for ever. The backward one reads each chunk and the `ahead` frames
    behind it from the newest to the oldest, from zero on; so chunks come whole, and y is late by
    `ahead` frames.

    Shapes: x (B, n * chunk, I) -> y (B, n * chunk, 2 H); state past (B, ahead, I), forward that of
        the forward LSTM, and the frames that it has waited for.
    Raises: ShapeError for a chunk below 1, frames ahead below 0, or x of another width.
    Source: Zhang et al. 2016, arXiv:1510.08983.
    """

    parallel = "chunks"

    def __init__(
        self, input_size: int, hidden_size: int, *, chunk: int = 4, ahead: int = 2
    ) -> None:
        forward, backward = (LSTM(input_size, hidden_size) for _ in range(2))
        super().__init__(forward, backward, input_size, chunk=chunk, ahead=ahead)


EXAMPLES = {
    "default": Example(lambda: LatencyControlledBLSTM(8, 5)),
    "not_ahead": Example(lambda: LatencyControlledBLSTM(8, 5, chunk=2, ahead=0)),
}
