"""Fixed statistics of a data set, applied to every frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from edgernn.errors import ShapeError
from edgernn.frames import need_frames
from edgernn.layout import elementwise
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class Normalize(Streaming):
    """y = (x - mean) * scale with one constant pair a channel, neither trained nor quantized.

    The buffers `mean` and `scale` are saved with the weights, so a training run may measure them:
    `layer.fit(features)`.

    Shapes: x (B, T, C) -> y (B, T, C); no state.
    Raises: ShapeError if x's last axis is not C, or the two differ in length.
    """

    mean: Tensor
    scale: Tensor

    layout = elementwise("mean", "scale", size="channels")

    def __init__(
        self,
        channels: int,
        mean: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        for name, given, default in (("mean", mean, 0.0), ("scale", scale, 1.0)):
            value = torch.tensor([default] * channels if given is None else list(given))
            if value.shape != (channels,):
                raise ShapeError(
                    f"Normalize: {name} has {len(value)} values for {channels} channels"
                )
            self.register_buffer(name, value.float())

    def fit(self, features: Tensor, *, least: float = 1e-3) -> None:
        """Set the buffers to the mean and 1 / deviation of features (..., C)."""
        rows = features.reshape(-1, self.channels)
        self.mean.copy_(rows.mean(dim=0))
        self.scale.copy_(1 / rows.std(dim=0).clamp(min=least))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        need_frames(self, x, self.channels)
        return (x - self.mean) * self.scale, state


EXAMPLES = {
    "default": Example(lambda: Normalize(8)),
    "given": Example(lambda: Normalize(4, [1.0, 2.0, 3.0, 4.0], [0.5, 1.0, 2.0, 4.0]), channels=4),
}
