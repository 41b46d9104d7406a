"""The same affine map of every frame."""

from __future__ import annotations

from torch import Tensor, nn

from edgernn.frames import need_frames
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class Linear(Streaming):
    """y = W x + b, frame by frame. Weights: an `nn.Linear` called `linear`.

    Shapes: x (B, T, C) -> y (B, T, C'); no state.
    Raises: ShapeError if x's last axis is not C.
    """

    layout = Layout(chain=("linear",))

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=bias)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.linear.in_features)
        return self.linear(x), state


EXAMPLES = {
    "linear": Example(lambda: Linear(8, 5)),
    "no_bias": Example(lambda: Linear(8, 5, bias=False)),
}
