"""GSS: a gated block whose state spaces run on few channels and are spread over many."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.dss import DSS
from edgernn.errors import ShapeError
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class GSS(Streaming):
    """One whole block, its norm and its shortcut with it.

        n = LayerNorm(x);  v = gelu(W_v n + b_v);  u = gelu(W_u n + b_u)
        y = x + W_o ((W_y DSS(LayerNorm(u)) + b_y) * v) + b_o

    width: channels of the state spaces, by default C / 4, rounded up; expand: v has expand * C.
    Their states begin at random rates at dt = 1, which the paper finds enough.

    Shapes: x (B, T, C) -> y (B, T, C); state re, im (B, width, N).
    Raises: ShapeError for sizes below 1, or x of another width.
    Source: Mehta et al. 2022, arXiv:2206.13947. Differs: dt is trained, and frequencies are
        weights themselves, not logarithms; rates begin below 2.
    """

    parallel = "chunks"

    def __init__(
        self, channels: int, states: int = 16, *, width: int | None = None, expand: int = 4
    ) -> None:
        super().__init__()
        width = -(-channels // 4) if width is None else width
        if min(channels, width, expand) < 1:
            raise ShapeError(
                f"GSS: channels {channels}, width {width} and expand {expand} must each be at "
                "least 1"
            )
        self.norm = LayerNorm(channels)
        self.gate = Linear(channels, expand * channels)
        self.input = Linear(channels, width)
        self.inner_norm = LayerNorm(width)
        self.ssm = DSS(width, states, dt=(1.0, 1.0), begin="random")
        self.spread = Linear(width, expand * channels)
        self.output = Linear(expand * channels, channels)

    def initial_state(self, batch: int) -> State:
        return self.ssm.initial_state(batch)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        n, _ = self.norm.step(x, ())
        v, u = (F.gelu(layer.step(n, ())[0]) for layer in (self.gate, self.input))
        mixed, after = self.ssm.step(self.inner_norm.step(u, ())[0], state)
        y, _ = self.output.step(self.spread.step(mixed, ())[0] * v, ())
        return x + y, after


EXAMPLES = {
    "default": Example(lambda: GSS(8, 4)),
    "wide": Example(lambda: GSS(8, 3, width=5, expand=2)),
}
