"""Mel-frequency cepstral coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.frontend.logmel import LogMel, Matrix
from edgernn.state import State
from edgernn.streaming import Example, Streaming


def dct(inputs: int, outputs: int) -> Matrix:
    """Orthonormal DCT-II, (inputs, outputs): x @ dct gives the first `outputs` coefficients."""
    k, n = np.arange(outputs), np.arange(inputs)
    matrix: Matrix = np.cos(np.pi * np.outer(2 * n + 1, k) / (2 * inputs)) * np.sqrt(2 / inputs)
    matrix[:, 0] *= np.sqrt(0.5)
    return matrix


class MFCC(Streaming):
    """The first coefficients of the orthonormal DCT-II of each log-mel frame.

    Further arguments are those of `LogMel`.

    Shapes: x (B, n * hop, 1) -> y (B, n, coefficients); state past as in `LogMel`.
    Raises: ShapeError for more coefficients than mels.
    Source: Davis and Mermelstein 1980.
    """

    dct: Tensor

    def __init__(self, coefficients: int = 13, **logmel: Any) -> None:
        super().__init__()
        self.logmel = LogMel(**logmel)
        if not 1 <= coefficients <= self.logmel.mels:
            raise ShapeError(
                f"MFCC: coefficients {coefficients} must be from 1 to the {self.logmel.mels} mels"
            )
        self.timing = self.logmel.timing
        matrix = torch.tensor(dct(self.logmel.mels, coefficients), dtype=torch.float32)
        self.register_buffer("dct", matrix, persistent=False)

    def initial_state(self, batch: int) -> State:
        return self.logmel.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = self.logmel.step(x, state)
        return torch.matmul(y, self.dct), after


EXAMPLES = {
    "default": Example(MFCC, channels=1),
    "short": Example(
        lambda: MFCC(5, sample_rate_hz=8000, window=64, hop=40, mels=8, low_hz=100), channels=1
    ),
}
