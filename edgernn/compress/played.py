"""A compiled model in the place of the network that it was made from, to be judged by a Task."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgernn.runtime import Session
from edgernn.state import State
from edgernn.streaming import Streaming


class Played(Streaming):
    """Steps a session over whole streams, each row from the initial state.

    Only `forward` is meant: the state of a live stream stays in the session.
    Shapes: as the step's, x (B, T, ...) -> y (B, T * ratio, ...).
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session, self.timing = session, session.timing

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        rows = [self._row(row) for row in x.detach().cpu().numpy()]
        return torch.from_numpy(np.stack(rows)), state

    def _row(self, row: Any) -> Any:
        self.session.reset()
        block = self.timing.block
        frames = [row[None, at : at + block] for at in range(0, len(row), block)]
        outputs = [np.asarray(self.session.step(frame)) for frame in frames]
        return np.concatenate([y.reshape(-1, *y.shape[2:]) for y in outputs])
