"""A torch step that is driven as a bundle's session is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from edgernn.streaming import Streaming


class TorchSession:
    """Unit axes may be left out; the state is the network's own."""

    def __init__(self, step: Streaming, labels: Sequence[str], frame_ms: float) -> None:
        self.network, self.labels, self.frame_ms = step.eval(), tuple(labels), frame_ms
        self.timing = step.timing
        self.reset()

    def reset(self) -> None:
        self._state = self.network.initial_state(1)

    @torch.no_grad()
    def step(self, frame: Any) -> Any:
        x = torch.from_numpy(np.asarray(frame))
        tokens = not x.is_floating_point()
        x = x.reshape((1, -1) if tokens else (1, self.timing.block, -1))
        y, self._state = self.network.step(x, self._state)
        return y.numpy()

    @property
    def state(self) -> Any:
        return self._state

    def load_state(self, state: Any) -> None:
        self._state = state
