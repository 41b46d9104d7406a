"""Universal Transformer: one block for all depths, and each frame halts by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.halting import Halted, revised
from edgernn.layers.attention import WindowAttention
from edgernn.layers.linear import Linear
from edgernn.layers.norm import LayerNorm
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class UniversalTransformer(Streaming):
    """The same block again and again over each frame, until the frame has had enough.

        a = LN(h + P_n + attention(h + P_n));  h' = LN(a + W_2 relu(W_1 a))
        p_n = sigmoid(w . h + b);  y as `halting.revised` weighs the h'

    Attention is that of `WindowAttention` over `left` frames before each and itself, at each depth
    over the frames as they are at that depth, so that the state holds a window a depth. `most` is
    the greatest number of revisions, which a device always computes.

    Weights: `depths` (most, C), which is P, begins at 0; `halt` (C,) and `halt_bias` are w and b,
    which begins at 1.

    Shapes: x (B, T, C) -> y (B, T, C); state by depth as that of a `WindowAttention`.
    Raises: ShapeError for no depth, a threshold that is no share, or as `WindowAttention`.
    Source: Dehghani et al. 2018, arXiv:1807.03819. Differs: a window in the place of all frames,
        places told by trained biases of distance, depths by trained numbers, where the paper adds
        sines for both; a frame that has halted is still revised for others to attend to, as in the
        authors' listing, where the text copies it; y sums the revisions by their weights, as
        Graves 2016, arXiv:1603.08983, where the listing mixes each with what there is.
    """

    parallel = "window"

    def __init__(
        self,
        channels: int,
        heads: int = 2,
        left: int = 7,
        *,
        most: int = 3,
        threshold: float = 0.99,
        inner: int | None = None,
    ) -> None:
        super().__init__()
        if most < 1 or not 0 < threshold < 1:
            raise ShapeError(
                f"UniversalTransformer: {most} depths, threshold {threshold:g}; need at least 1, "
                "and a threshold between 0 and 1"
            )
        self.channels, self.most, self.threshold = channels, most, threshold
        wide = inner or 4 * channels
        self.attention = WindowAttention(channels, heads, left)
        self.after_attention, self.after_transition = LayerNorm(channels), LayerNorm(channels)
        self.widen, self.narrow = Linear(channels, wide), Linear(wide, channels)
        self.halt = nn.Parameter(torch.empty(channels).uniform_(-1, 1) * channels**-0.5)
        self.halt_bias = nn.Parameter(torch.ones(1))
        self.depths = nn.Parameter(torch.zeros(most, channels))

    def initial_state(self, batch: int) -> State:
        return {f"depth{n}": self.attention.initial_state(batch) for n in range(self.most)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        made, after = self._revised(x, state)
        return made.y, after

    def ponder(self, x: Tensor) -> Tensor:
        """What the revisions of each frame cost, (B, T, 1), for a loss to keep small."""
        return self._revised(x, self.initial_state(x.shape[0]))[0].ponder

    def _revised(self, x: Tensor, state: State) -> tuple[Halted, State]:
        need_frames(self, x, self.channels)
        after = {}

        def revise(h: Tensor, n: int) -> Tensor:
            name = f"depth{n}"
            h = h + self.depths[n]
            seen, after[name] = self.attention.step(h, state[name])
            a, _ = self.after_attention.step(h + seen, ())
            told, _ = self.narrow.step(torch.relu(self.widen.step(a, ())[0]), ())
            return self.after_transition.step(a + told, ())[0]

        def probability(h: Tensor) -> Tensor:
            return torch.sigmoid((h * self.halt).sum(-1, keepdim=True) + self.halt_bias)

        made = revised(x, probability, revise, most=self.most, threshold=self.threshold)
        return made, after


EXAMPLES = {
    "default": Example(lambda: UniversalTransformer(8)),
    "deep": Example(lambda: UniversalTransformer(8, 1, 2, most=5, threshold=0.9, inner=6)),
}
