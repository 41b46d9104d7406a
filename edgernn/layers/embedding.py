"""A vector for each token."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgernn.errors import ShapeError
from edgernn.layout import Layout
from edgernn.state import State
from edgernn.streaming import Example, Streaming


class Embedding(Streaming):
    """y[t] = weight[x[t]]. Weights: an `nn.Embedding` called `embedding`.

    Shapes: x (B, T), int64 tokens below num_embeddings -> y (B, T, C); no state.
    Raises: ShapeError if x is not (B, T) of integers.
    """

    layout = Layout(chain=("embedding",))

    def __init__(self, num_embeddings: int, channels: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_embeddings, channels)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if x.dim() != 2 or x.dtype not in (torch.int64, torch.int32):
            raise ShapeError(
                f"Embedding: x is {x.dtype} {tuple(x.shape)}; need (batch, frames) integer tokens"
            )
        return self.embedding(x), state


EXAMPLES = {"embedding": Example(lambda: Embedding(11, 8), tokens=11)}
