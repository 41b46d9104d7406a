"""Round weights to the integers that the compiler will store, in training already.

Steps (scale times gain of each chunk) are those that `graph.integer_weights` finds, searched anew
every few steps, or are learned. A weight that lies on such a grid is found on it again by the
compiler: what was trained is what runs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from edgernn.compress.matrices import as_rows, as_weight
from edgernn.graph.integer_weights import GAIN_TOP, LEVELS, integer_weights

TERNARY = (-1, 1)


class Grid(nn.Module):
    """A weight's nearest point on its grid of integers times steps; gradients pass straight on.

    Learned steps: Esser et al. 2020, arXiv:1902.08153 (LSQ), whose gradient stops where a weight
    is clipped. Searched steps differ: no gradient stops, for the search follows the weights.

    Shapes: `step` (rows, chunks of columns).
    """

    step: Tensor

    def __init__(
        self,
        weight: Tensor,
        bits: int,
        chunk: int = 0,
        *,
        ternary: bool = False,
        learned: bool = False,
    ) -> None:
        super().__init__()
        self.bits, self.chunk, self.learned = bits, chunk, learned
        self.low, self.high = TERNARY if ternary else LEVELS[bits]
        step = self.found(weight)
        if learned:
            self.step = nn.Parameter(step)
        else:
            self.register_buffer("step", step)

    @torch.no_grad()
    def found(self, weight: Tensor) -> Tensor:
        """The steps of least squared error for this weight."""
        rows = as_rows(weight).cpu().numpy().astype(np.float64)
        made = integer_weights(rows, self.bits, self.chunk, levels=(self.low, self.high))
        step = made.scale[:, None] * (1 if made.gain is None else made.gain)
        return torch.from_numpy(step).to(weight)

    @torch.no_grad()
    def search(self, weight: Tensor) -> None:
        """Follow the weights; learned steps follow their gradient instead."""
        if not self.learned:
            self.step.copy_(self.found(weight))

    def _steps(self) -> Tensor:
        """The step of each column, or of each row; chunks have whole-numbered gains of a row's."""
        step = self.step
        if self.learned:
            step = step.abs().clamp_min(1e-8)
        if not self.chunk:
            return step
        if self.learned:
            scale = step.detach().amax(1, keepdim=True) / GAIN_TOP
            whole = (step.detach() / scale).round().clamp_min(1) * scale
            step = step + (whole - step).detach()
        return step.repeat_interleave(self.chunk, 1)

    def forward(self, weight: Tensor) -> Tensor:
        rows = as_rows(weight)
        step = self._steps()[:, : rows.shape[1]]
        if self.learned:
            rounded = _learned(rows, step, self.low, self.high)
        else:
            rounded = (rows / step).round().clamp(self.low, self.high) * step
            rounded = rounded.detach() + (rows - rows.detach())  # on the grid to the bit
        return as_weight(rounded, weight.shape)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Setting a weight sets the one beneath."""
        return weight


def _learned(rows: Tensor, step: Tensor, low: int, high: int) -> Tensor:
    """LSQ's rounding, with the gradient of each step scaled by 1 / sqrt(weights in it * high)."""
    share = 1 / (rows.shape[1] * high) ** 0.5
    step = step * share + (step * (1 - share)).detach()
    ratio = (rows / step).clamp(low, high)
    return (ratio + (ratio.round() - ratio).detach()) * step
