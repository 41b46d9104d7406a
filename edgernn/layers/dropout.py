"""Dropout in training; nothing in a step that is exported."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError
from edgernn.layout import elementwise
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class Dropout(Streaming):
    """In training each value is zero with probability p, the others 1 / (1 - p) of theirs.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: ShapeError for a p below 0 or above 1.
    """

    layout = elementwise()

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ShapeError(f"Dropout: p {p}; need a probability between 0 and 1")
        self.p = p

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return F.dropout(x, self.p, self.training), state

    def extra_repr(self) -> str:
        return f"p={self.p}"


EXAMPLES = {"dropout": Example(lambda: Dropout(0.5))}
