"""The weight matrices of a network, seen as the compiler stores them: rows are outputs.

A method of compression works on these, whatever module owns them: ours, or torch's own `nn.GRU`,
`nn.LSTM`, `nn.RNN`, `nn.Linear` and `nn.Conv1d` inside a module of yours, or a cell of yours that
declares a `Layout`. Of a matrix in factors both are listed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn
from torch.nn.utils import parametrize

from edgernn.errors import ModelError
from edgernn.factored import Factored
from edgernn.layout import layout_of


@dataclass(frozen=True, slots=True)
class Matrix:
    """One weight: rows x columns, whatever the shape of its parameter.

    name: the parameter's, in the network's state dict before anything is attached to it.
    kind: `input`, `recurrent` or `projection` of a cell, `linear`, `conv`, `embedding`.
    gates: blocks of rows, one for each gate of a cell, else 1.
    """

    name: str
    owner: nn.Module
    parameter: str
    kind: str
    gates: int = 1

    @property
    def weight(self) -> Tensor:
        """The weight as the network sees it: masked and rounded, if it is."""
        weight: Tensor = getattr(self.owner, self.parameter)
        return weight

    @property
    def original(self) -> nn.Parameter:
        """What is trained: the parameter beneath masks and rounding."""
        if parametrize.is_parametrized(self.owner, self.parameter):
            below: Any = self.owner.parametrizations
            return below[self.parameter].original  # type: ignore[no-any-return]
        return getattr(self.owner, self.parameter)  # type: ignore[no-any-return]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows = self.original.shape[0]
        return rows, self.original.numel() // rows

    @property
    def looked_up(self) -> bool:
        """Whether its rows are vectors of a table, and no part of a product."""
        return self.kind == "embedding"

    def __str__(self) -> str:
        rows, columns = self.shape
        return f"{self.name} ({rows}x{columns})"


def as_rows(weight: Tensor) -> Tensor:
    """A parameter (R, ...) as rows and columns; a convolution's (O, I, K) as (O, K I)."""
    if weight.dim() == 3:
        weight = weight.transpose(1, 2)
    return weight.reshape(weight.shape[0], -1)


def as_weight(rows: Tensor, shape: Sequence[int]) -> Tensor:
    """The inverse of `as_rows`, for a parameter of this shape."""
    if len(shape) == 3:
        out, width, kernel = shape
        return rows.reshape(out, kernel, width).transpose(1, 2)
    return rows.reshape(*shape)


def _of(module: nn.Module) -> Iterator[tuple[str, str, int]]:
    """Parameter, kind and gates of a module's own matrices."""
    layout = layout_of(module)
    factored = {name for name, child in module.named_children() if isinstance(child, Factored)}
    if layout is None:
        return
    for parameter, kind in layout.kinds.items():
        if parameter not in factored:
            yield parameter, kind, layout.axes(parameter)[0].gates


def matrices(network: nn.Module) -> list[Matrix]:
    """All weight matrices of a network, in its own order.

    Grouped convolutions are left out (a row of a depthwise one has a handful of weights), and
    embeddings, which are looked up and not multiplied.
    """
    return [matrix for matrix in with_tables(network) if not matrix.looked_up]


def with_tables(network: nn.Module) -> list[Matrix]:
    """`matrices`, and the tables of embeddings: all that the compiler stores in few bits."""
    found = []
    for path, module in network.named_modules():
        if isinstance(module, parametrize.ParametrizationList):
            continue
        for parameter, kind, gates in _of(module):
            name = f"{path}.{parameter}" if path else parameter
            found.append(Matrix(name, module, parameter, kind, gates))
    return found


def chosen(found: Sequence[Matrix], only: Sequence[str], where: str) -> list[Matrix]:
    """The matrices whose name or kind fits one of the patterns, such as `rnn.*` or `recurrent`.

    Raises: ModelError for a pattern that fits none, with the names that there are.
    """
    kept: dict[str, Matrix] = {}
    for pattern in only:
        fits = [m for m in found if m.kind == pattern or fnmatchcase(m.name, pattern)]
        if not fits:
            names = ", ".join(f"{m.name} ({m.kind})" for m in found) or "none"
            raise ModelError(f"{where}: no weight matrix fits {pattern!r}; there are {names}")
        kept |= {m.name: m for m in fits}
    return [m for m in found if m.name in kept]
