"""Spatial row recurrence: the rows of a map come one after the other, each told by the last."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from edgernn.cells.convlstm import around, check_places
from edgernn.errors import ShapeError
from edgernn.frames import fold_frames, need_frames, split_frames
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class SpatialRowsState(NamedTuple):
    """What a row is told: the row before it, as it was given out."""

    row: Tensor  # (B, columns, C / columns)


class SpatialRows(Streaming):
    """y[t] = x[t] + relu(W * y[t - 1]), a convolution along the row; frames are rows.

    What streams are the rows, from the top down: one frame is one row of a map, column after
    column, the channels of a column together. The paper's sweeps to the right and to the left are
    those of a map whose frames are columns; its sweep upwards begins with the last row, which a
    stream does not have. kernel: odd, of columns, zeros beyond the edges; the paper's is 9.

    Shapes: x (B, T, C) -> y (B, T, C), C that of all columns; state row (B, columns, C / columns).
    Raises: ShapeError for columns that do not divide C, an even kernel, or x of another width.
    Source: Pan et al. 2017, arXiv:1712.06080 (SCNN, downwards). Our choice: W begins as torch's
        linear layers do.
    """

    def __init__(self, channels: int, *, columns: int = 4, kernel: int = 3) -> None:
        super().__init__()
        check_places("SpatialRows", columns, channels)
        if kernel < 1 or kernel % 2 == 0:
            raise ShapeError(f"SpatialRows: a kernel of {kernel}; need an odd one")
        self.channels, self.columns, self.kernel = channels, columns, kernel
        maps = channels // columns
        self.told = nn.Linear(kernel * maps, maps, bias=False)

    def initial_state(self, batch: int) -> State:
        row = self.new_zeros(batch, self.columns, self.channels // self.columns)
        return SpatialRowsState(row)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)

        def frame(row: Tensor, state: SpatialRowsState) -> tuple[Tensor, SpatialRowsState]:
            seen = around(state.row.unsqueeze(1), (1, self.kernel)).squeeze(1)
            row = row + torch.relu(self.told(seen))
            return row, SpatialRowsState(row)

        rows = x.reshape(*x.shape[:2], self.columns, -1)
        y, after = fold_frames(frame, split_frames(rows), state)
        return y.reshape(x.shape), after


EXAMPLES = {
    "default": Example(lambda: SpatialRows(8, columns=2)),
    "one_column": Example(lambda: SpatialRows(8, columns=1, kernel=1)),
}
