"""Delta rule fast weights: a matrix memory that unlearns what a key had before it writes anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.errors import ShapeError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.scans.chunkwise import linear_attention
from edgernn.scans.delta import delta_rule
from edgernn.state import State
from edgernn.streaming import Example, Streaming

LEAST = 1e-5  # added to the sum of a key's features, as in the authors' code


class DeltaNetState(NamedTuple):
    """What a DeltaNet remembers: values by features of keys."""

    memory: Tensor  # (B, heads, F, V)


class DeltaNet(Streaming):
    """Fast weights programmed by the delta rule; rows of the one product are q, k, v, beta.

        k^ = f(k) / sum f(k);  q^ = f(q) / sum f(q);  beta = sigmoid(W_b x), one a head
        S' = S + beta k^ (v - k^ S)^T;  y = W_o (q^ S')

    features: f, `dpfp` (relu([k, -k]) times itself shifted by 1 to nu places, 2 nu K features),
    `elu` (elu(k) + 1) or `softmax`. additive: S' = S + beta k^ v^T, which unlearns nothing.

    Shapes: x (B, T, C) -> y (B, T, C); state memory (B, heads, F, C / heads).
    Raises: ShapeError for heads that do not divide C, a nu below 1 or as long as the shifts go
        around, or x of another width; UnknownName for other features.
    Source: Schlag et al. 2021, arXiv:2102.11174; in chunks: Yang et al. 2024, arXiv:2406.06484.
    """

    parallel = "chunks"

    def __init__(
        self,
        channels: int,
        heads: int,
        *,
        features: str = "dpfp",
        nu: int = 1,
        additive: bool = False,
    ) -> None:
        super().__init__()
        if heads < 1 or channels % heads:
            raise ShapeError(f"DeltaNet: {heads} heads must divide {channels} channels")
        if features not in FEATURES:
            raise UnknownName("features", features, list(FEATURES))
        self.width = channels // heads
        if not 1 <= nu < 2 * self.width:
            raise ShapeError(f"DeltaNet: nu {nu}; need 1 to {2 * self.width - 1}")
        self.channels, self.heads, self.features = channels, heads, features
        self.nu, self.additive = nu, additive
        self.input = Linear(channels, 3 * channels + heads, bias=False)
        self.output = Linear(channels, channels, bias=False)

    def initial_state(self, batch: int) -> State:
        many = self.width * (2 * self.nu if self.features == "dpfp" else 1)
        return DeltaNetState(self.new_zeros(batch, self.heads, many, self.width))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        c, made = self.channels, self.input.step(x, ())[0]
        q, k, v = (
            made[..., at * c : (at + 1) * c].reshape(*x.shape[:2], self.heads, -1)
            for at in range(3)
        )
        beta = torch.sigmoid(made[..., 3 * c :]).unsqueeze(-1)
        q, k = (self._featured(each) for each in (q, k))
        if self.additive:
            keep = torch.zeros_like(k[:1, :1, :1, :1])
            y, memory = linear_attention(q, beta * k, v, keep, state.memory)
        else:
            write = beta * k
            y, memory = delta_rule(q, write, v, None, state.memory, a=k, b=-write)
        return self.output.step(y.flatten(2), ())[0], DeltaNetState(memory)

    def _featured(self, x: Tensor) -> Tensor:
        """Features of sum 1, none below 0: (..., K) -> (..., F)."""
        made = FEATURES[self.features](x, self.nu)
        return made / (made.sum(-1, keepdim=True) + LEAST)


def dpfp(x: Tensor, nu: int) -> Tensor:
    """The deterministic parameter-free projection: (..., K) -> (..., 2 nu K)."""
    both = torch.relu(torch.cat([x, -x], dim=-1))
    shifted = [torch.cat([both[..., by:], both[..., :by]], dim=-1) for by in range(1, nu + 1)]
    return torch.cat([both * other for other in shifted], dim=-1)


FEATURES: dict[str, Callable[[Tensor, int], Tensor]] = {
    "dpfp": dpfp,
    "elu": lambda x, nu: F.elu(x) + 1,
    "softmax": lambda x, nu: torch.softmax(x, dim=-1),
}

EXAMPLES = {
    "dpfp": Example(lambda: DeltaNet(8, 1, nu=4)),  # of few features a key may have next to none
    "heads": Example(lambda: DeltaNet(8, 2)),
    "elu": Example(lambda: DeltaNet(8, 2, features="elu")),
    "softmax": Example(lambda: DeltaNet(8, 1, features="softmax")),
    "additive": Example(lambda: DeltaNet(8, 2, additive=True)),
}
