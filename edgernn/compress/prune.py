"""Prune: choose which weights are zero, at once or along a schedule, and keep them so in training.

Sources: magnitude and the cubic schedule, Zhu and Gupta 2017, arXiv:1710.01878; blocks in RNNs,
Narang et al. 2017, arXiv:1711.02782; movement, Sanh et al. 2020, arXiv:2005.07683; group lasso,
Wen et al. 2016, arXiv:1608.03665; a dense diagonal, Valin and Skoglund 2019, arXiv:1810.11846.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgernn.compress.matrices import Matrix, as_rows, as_weight, chosen, matrices
from edgernn.compress.parametrized import attach, attached
from edgernn.compress.pattern import Pattern, parse_pattern
from edgernn.errors import ModelError
from edgernn.factored import Factored
from edgernn.train.method import Batch, Method

BUDGETS, SCORES = ("global", "matrix", "gate"), ("magnitude", "movement")


@dataclass(frozen=True, slots=True)
class Prune:
    """How to prune.

    sparsity: share of zeros at the end, in [0, 1); of N:M patterns it follows from the pattern.
    budget: `global` ranks the blocks of all matrices together, `matrix` and `gate` each apart.
    only: names or kinds of matrices (see `matrices.chosen`).
    keep_diagonal: the diagonals of a cell's recurrent gates stay, beside the budget.
    begin, end, every: steps between which sparsity rises by the cubic rule, and how often; all
        at once before step `begin` if end is 0.
    lasso: weight of the sum over blocks of sqrt(size) * norm, added to the loss.
    """

    sparsity: float = 0.0
    pattern: str = "unstructured"
    budget: str = "matrix"
    only: tuple[str, ...] = ("*",)
    score: str = "magnitude"
    keep_diagonal: bool = False
    begin: int = 0
    end: int = 0
    every: int = 50
    lasso: float = 0.0

    def __post_init__(self) -> None:
        shape = parse_pattern(self.pattern)
        if shape.of:
            implied = 1 - shape.keep / shape.of
            if self.sparsity not in (0.0, implied):
                raise ModelError(
                    f"prune: sparsity {self.sparsity}, but {self.pattern} means {implied:g}"
                )
            object.__setattr__(self, "sparsity", implied)
        elif not 0 <= self.sparsity < 1:
            raise ModelError(f"prune: sparsity {self.sparsity}; need at least 0 and below 1")
        for name, value, known in (
            ("budget", self.budget, BUDGETS),
            ("score", self.score, SCORES),
        ):
            if value not in known:
                raise ModelError(f"prune: {name} {value!r}; need one of {', '.join(known)}")
        if self.every < 1 or not 0 <= self.begin <= max(self.begin, self.end):
            raise ModelError(f"prune: begin {self.begin}, every {self.every}; need >= 0 and >= 1")
        if 0 < self.end <= self.begin:
            raise ModelError(f"prune: end {self.end} must lie behind begin {self.begin}")
        if self.score == "movement" and not self.end:
            raise ModelError("prune: movement is scored in training; give begin and end")

    def sparsity_at(self, step: int) -> float:
        """The share of zeros wanted before this step."""
        if step < self.begin:
            return 0.0
        done = 1.0 if not self.end else min(1.0, (step - self.begin) / (self.end - self.begin))
        return self.sparsity * (1 - (1 - done) ** 3)

    def due(self, step: int) -> bool:
        """Whether masks are made anew before this step."""
        if not self.end:
            return step == self.begin
        return self.begin <= step <= self.end and (
            step == self.end or (step - self.begin) % self.every == 0
        )


class Masked(nn.Module):
    """weight * mask; with `scored`, movement scores gather too and gradients pass the mask."""

    mask: Tensor
    score: Tensor

    def __init__(self, weight: nn.Parameter, *, scored: bool = False) -> None:
        super().__init__()
        self.scored = scored
        self.register_buffer("mask", torch.ones(weight.shape, dtype=torch.bool))
        if scored:
            self.register_buffer("score", torch.zeros_like(weight, requires_grad=False))
            weight.register_post_accumulate_grad_hook(self._moved)  # type: ignore[no-untyped-call]

    def _moved(self, weight: Tensor) -> None:
        """Adds -w dL/dw: what grows away from zero scores high."""
        assert weight.grad is not None
        with torch.no_grad():
            self.score -= weight * weight.grad

    def forward(self, weight: Tensor) -> Tensor:
        masked = weight * self.mask
        return weight + (masked - weight).detach() if self.scored else masked

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Setting a weight sets the one beneath."""
        return weight


class Pruner(Method):
    """Keeps masks on the matrices of a network."""

    def __init__(self, how: Prune) -> None:
        self.how, self.pattern = how, parse_pattern(how.pattern)
        self.pruned: list[Matrix] = []

    def attach(self, network: nn.Module) -> None:
        """Put a mask of ones on each matrix; a one-shot pruning is due before the first step."""
        self.pruned = chosen(matrices(network), self.how.only, "prune")
        for matrix in self.pruned:
            scored = self.how.score == "movement"
            attach(matrix, Masked(matrix.original, scored=scored))

    def before_step(self, network: nn.Module, step: int) -> None:
        """Make the masks anew where the schedule says so."""
        if self.how.due(step):
            self.prune(self.how.sparsity_at(step))

    def extra(self, network: nn.Module, batch: Batch, output: Tensor) -> Tensor | float:
        """Group lasso over the blocks of the weights beneath the masks."""
        total: Tensor | float = 0.0
        if not self.how.lasso:
            return total
        for matrix in self.pruned:
            squares = self.pattern.scores(as_rows(matrix.original) ** 2)
            size = self.pattern.rows * self.pattern.cols
            total = total + size * (squares + 1e-12).sqrt().sum()  # sqrt(size) * norm
        return self.how.lasso * total

    @torch.no_grad()
    def prune(self, sparsity: float) -> None:
        """Set the masks so that this share of the blocks is zero."""
        scores = {m.name: as_rows(self._elements(m)) for m in self.pruned}
        masks = make_masks(self.pruned, scores, self.pattern, sparsity, self.how.budget)
        for matrix in self.pruned:
            mask = masks[matrix.name]
            if self.how.keep_diagonal and has_diagonal(matrix):
                mask = mask | diagonal(matrix)
            attached(matrix, Masked).mask.copy_(as_weight(mask, matrix.original.shape))

    def _elements(self, matrix: Matrix) -> Tensor:
        if self.how.score == "movement":
            return attached(matrix, Masked).score  # type: ignore[no-any-return]
        return matrix.original.abs()


def has_diagonal(matrix: Matrix) -> bool:
    """Whether it leads from a cell's units to the same units; a factor of such a one does not."""
    return matrix.kind == "recurrent" and not isinstance(matrix.owner, Factored)


def diagonal(matrix: Matrix) -> Tensor:
    """The mask (R, C) of the diagonals of a cell's recurrent gates."""
    rows, cols = matrix.shape
    eye = torch.eye(rows // matrix.gates, cols, dtype=torch.bool, device=matrix.original.device)
    return eye.repeat(matrix.gates, 1)


def make_masks(
    found: Sequence[Matrix],
    scores: Mapping[str, Tensor],
    pattern: Pattern,
    sparsity: float,
    budget: str,
) -> dict[str, Tensor]:
    """Boolean masks (R, C) by name: in each budget's pool the blocks of least score are zero.

    A block belongs to the gate that its middle row lies in. Equal scores go by order.
    """
    if pattern.of:
        return {m.name: pattern.kept_of_each(scores[m.name], sparsity) for m in found}
    blocks = {m.name: pattern.scores(scores[m.name]) for m in found}
    kept = {name: torch.ones_like(score, dtype=torch.bool) for name, score in blocks.items()}
    for pool in _pools(found, blocks, pattern, budget):
        ranked = torch.cat([blocks[name][rows].flatten() for name, rows in pool])
        drop = torch.zeros_like(ranked, dtype=torch.bool)
        drop[ranked.argsort(stable=True)[: round(sparsity * len(ranked))]] = True
        at = 0
        for name, rows in pool:
            part = kept[name][rows]
            part &= ~drop[at : at + part.numel()].reshape(part.shape)
            at += part.numel()
    return {m.name: pattern.spread(kept[m.name], m.shape) for m in found}


def _pools(
    found: Sequence[Matrix], blocks: Mapping[str, Tensor], pattern: Pattern, budget: str
) -> list[list[tuple[str, slice]]]:
    """What is ranked together: rows of blocks, by matrix."""
    if budget == "global":
        return [[(m.name, slice(None)) for m in found]]
    if budget == "matrix":
        return [[(m.name, slice(None))] for m in found]
    pools = []
    for matrix in found:
        height = matrix.shape[0] / matrix.gates
        count = len(blocks[matrix.name])
        gate = [min(int((i + 0.5) * pattern.rows / height), matrix.gates - 1) for i in range(count)]
        for g in range(matrix.gates):
            if g in gate:
                first = gate.index(g)
                pools.append([(matrix.name, slice(first, first + gate.count(g)))])
    return pools
