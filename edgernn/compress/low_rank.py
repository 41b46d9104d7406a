"""Low rank: a weight matrix as the product of two thin ones, by its largest singular values.

    [compress.low_rank]
    recurrent = 0.25               # by kind: a share of the full rank
    "head.linear.weight" = 8       # by name: the rank itself

Sources: Sainath et al. 2013, Low-rank matrix factorization for deep neural network training; of
recurrent networks, Prabhavalkar et al. 2016, arXiv:1603.08042. Differs: each matrix has factors of
its own, of equal norm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from edgernn.compress.matrices import Matrix, as_rows, as_weight, chosen, matrices
from edgernn.errors import ModelError
from edgernn.factored import TWINS, Factored, factor


@dataclass(frozen=True, slots=True)
class LowRank:
    """Which matrices are factored.

    ranks: by name or kind (see `matrices.chosen`), the last that fits: a whole number, or a share
        of the full rank, below 1.
    """

    ranks: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_table(cls, table: Mapping[str, Any]) -> LowRank:
        """The table of a recipe: ranks by name. Raises: ModelError for what is no rank."""
        return cls(table)

    def __post_init__(self) -> None:
        for name, rank in self.ranks.items():
            share = type(rank) is float and 0 < rank < 1
            if not share and (type(rank) is not int or rank < 1):
                raise ModelError(
                    f"low_rank: {name} = {rank!r}; need a whole number of at least 1, or a share "
                    "of the full rank between 0 and 1"
                )

    def apply(self, network: nn.Module) -> None:
        """Factor the matrices. Raises: ModelError for a name that fits none, too great a rank."""
        found = matrices(network)
        ranks: dict[str, float] = {}
        for pattern, rank in self.ranks.items():
            ranks |= {m.name: rank for m in chosen(found, [pattern], "low_rank")}
        for matrix in found:
            if matrix.name in ranks:
                split(matrix, whole_rank(matrix, ranks[matrix.name]))


def whole_rank(matrix: Matrix, rank: float) -> int:
    """A rank or a share of the full one as a number. Raises: ModelError if it saves nothing."""
    rows, columns = matrix.shape
    wanted = rank if isinstance(rank, int) else max(1, round(rank * min(rows, columns)))
    most = (rows * columns - 1) // (rows + columns)
    if wanted > most:
        raise ModelError(
            f"low_rank: {matrix}: rank {wanted} takes {wanted * (rows + columns):,} weights, the "
            f"matrix itself {rows * columns:,}; need a rank of at most {most}"
        )
    return wanted


def split(matrix: Matrix, rank: int) -> None:
    """Put factors of this rank in the place of a matrix.

    Raises: ModelError for a class derived from one of torch's, which may use its weight otherwise.
    """
    owner = matrix.owner
    torchs = isinstance(owner, tuple(TWINS))
    if torchs and type(owner) not in {*TWINS, *TWINS.values()}:
        raise ModelError(
            f"low_rank: {matrix}: {type(owner).__name__} may read its weight in a way of its own; "
            "leave it out with names of other matrices"
        )
    outer, inner = truncated(matrix.original.detach(), rank)
    factor(owner, matrix.parameter, Factored(outer, inner, matrix.kind, matrix.gates))


def truncated(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The nearest matrix of this rank as two factors of equal norm: (R, r) and (r, ...)."""
    rows = as_rows(weight)
    left, values, right = torch.linalg.svd(rows.double(), full_matrices=False)
    root = values[:rank].sqrt()
    outer, inner = left[:, :rank] * root, root[:, None] * right[:rank]
    shape = (rank, *weight.shape[1:])
    return outer.to(weight).contiguous(), as_weight(inner, shape).to(weight).contiguous()
