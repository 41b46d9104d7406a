"""A weight matrix as two thin ones, W = outer inner, which are multiplied one after the other.

A `Factored` module stands in its owner where the parameter was: `rnn.weight_hh_l0` becomes
`rnn.weight_hh_l0.outer` and `rnn.weight_hh_l0.inner`. What steps frame by frame reads it with
`read_weight` and multiplies with `product`, so that a captured step holds two small products;
torch's fused kernels, which run whole sequences, take the matrix made whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from edgernn.layout import Layout


@dataclass(frozen=True, slots=True)
class Factors:
    """outer (R, r) and inner (r, C), or (r, C, K) of a convolution, as they are at this step."""

    outer: Tensor
    inner: Tensor

    def __getitem__(self, rows: slice) -> Factors:
        """Some rows of the matrix; all of the inner factor."""
        return Factors(self.outer[rows], self.inner)

    def whole(self) -> Tensor:
        """The matrix that the two make, (R, C) or (R, C, K)."""
        made = self.outer @ self.inner.flatten(1)
        return made.reshape(len(made), *self.inner.shape[1:])


Weight = Tensor | Factors


class Factored(nn.Module):
    """Two factors in the place of a parameter of a module.

    kind, gates: of the matrix that they stand for, as in `compress.matrices`.

    Shapes: outer (R, r); inner (r, C) or (r, C, K).
    """

    def __init__(self, outer: Tensor, inner: Tensor, kind: str, gates: int) -> None:
        super().__init__()
        self.outer, self.inner = nn.Parameter(outer), nn.Parameter(inner)
        tensors = {"outer": (f"{gates} rows", "rank"), "inner": ("rank", *[""] * (inner.dim() - 1))}
        self.layout = Layout(tensors, {"outer": kind, "inner": kind})

    def read(self) -> Factors:
        """The factors behind what masks and grids lie on them."""
        return Factors(self.outer, self.inner)


def read_weight(owner: nn.Module, parameter: str) -> Weight:
    """A weight of a module, once for all frames of a chunk."""
    weight: Any = getattr(owner, parameter)
    return _read(weight)


def _read(weight: Tensor | Factored) -> Weight:
    return weight.read() if isinstance(weight, Factored) else weight


def read_weights(rnn: nn.RNNBase) -> list[Weight]:
    """The weights of the first layer of a torch RNN, in torch's order."""
    given: Any = rnn.all_weights[0]
    return [_read(w) for w in given]


def whole(weights: Sequence[Weight]) -> list[Tensor]:
    """Weights as torch's fused kernels take them."""
    return [w.whole() if isinstance(w, Factors) else w for w in weights]


def product(x: Tensor, weight: Weight, bias: Tensor | None = None) -> Tensor:
    """W x + b: (..., C) -> (..., R), by one product or by two."""
    if isinstance(weight, Factors):
        return F.linear(F.linear(x, weight.inner), weight.outer, bias)
    return F.linear(x, weight, bias)


class FactoredLinear(nn.Linear):
    """torch's layer with two factors for its weight."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """As `nn.Linear`."""
        return product(input, read_weight(self, "weight"), self.bias)


class FactoredConv1d(nn.Conv1d):
    """torch's layer with two factors for its weight: a convolution to r channels, then 1x1."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """As `nn.Conv1d`."""
        weight = read_weight(self, "weight")
        assert isinstance(weight, Factors)
        narrow = self._conv_forward(input, weight.inner, None)
        return F.conv1d(narrow, weight.outer.unsqueeze(2), self.bias)


class _WholeWeights(nn.RNNBase):
    """Gives torch's fused kernels whole matrices for the time of one call."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As torch's."""
        before: Any = self._flat_weights
        given: Any = [getattr(self, name) for name in self._flat_weights_names]
        self._flat_weights = [*whole([_read(one) for one in given])]
        try:
            return super().forward(*args, **kwargs)
        finally:
            self._flat_weights = before

    def _update_flat_weights(self) -> None:
        """Nothing: torch would look its parameters up once more."""


class FactoredRNN(_WholeWeights, nn.RNN):
    """torch's cell with two factors for some of its matrices."""


class FactoredGRU(_WholeWeights, nn.GRU):
    """torch's cell with two factors for some of its matrices."""


class FactoredLSTM(_WholeWeights, nn.LSTM):
    """torch's cell with two factors for some of its matrices."""


TWINS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: FactoredLinear,
    nn.Conv1d: FactoredConv1d,
    nn.RNN: FactoredRNN,
    nn.GRU: FactoredGRU,
    nn.LSTM: FactoredLSTM,
}


def factor(owner: nn.Module, parameter: str, factored: Factored) -> None:
    """Put two factors in the place of a parameter; torch's own modules become their twins here."""
    delattr(owner, parameter)
    setattr(owner, parameter, factored)
    owner.__class__ = TWINS.get(type(owner), type(owner))
