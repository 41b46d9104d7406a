"""Which matrix bears how few bits: the rise of the loss with each of them rounded alone.

    found = sensitivity(network, loss, batches)
    but = choose_bits(found, 0.02)      # as the table [compress.quantize.but] beside "w8a8"

The export's number type `mixed` then stores each matrix in these bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgernn.compress.grid import Grid
from edgernn.compress.matrices import Matrix, chosen, matrices
from edgernn.errors import ModelError
from edgernn.graph.integer_weights import row_bytes
from edgernn.graph.number_type import find_number_type
from edgernn.train.method import Batch

TYPES = ("w2a8-row", "w2a8", "w4a8-row", "w4a8", "w8a8")
WIDEST = "w8a8"
ROW_BYTES = 8  # of each row's start and multiplier, whatever its bits

Loss = Callable[[nn.Module, Batch], Tensor | float]


@dataclass(frozen=True, slots=True)
class Trial:
    """One matrix in a number type, all others exact: the loss's rise, and the bytes stored."""

    matrix: str
    number_type: str
    rise: float
    stored_bytes: int


def sensitivity(
    network: nn.Module,
    loss: Loss,
    batches: Iterable[Batch],
    *,
    types: Sequence[str] = TYPES,
    only: Sequence[str] = ("*",),
) -> list[Trial]:
    """Round each matrix alone to each number type, without training, and measure the loss.

    loss: of a batch; it is called in eval mode, and must not be random. The network is left as it
    was, to the bit. Raises: ModelError without batches, or for a name that fits no matrix.
    """
    kept = list(batches)
    base = mean_loss(network, loss, kept)
    trials = []
    for matrix in chosen(matrices(network), only, "sensitivity"):
        for name in types:
            before = _round(matrix, name)
            rise = mean_loss(network, loss, kept) - base
            _restore(matrix, before)
            trials.append(Trial(matrix.name, name, rise, stored_bytes(matrix.shape, name)))
    return trials


def joint_rise(
    network: nn.Module, loss: Loss, batches: Iterable[Batch], types: Mapping[str, str]
) -> float:
    """The rise of the loss with all of these matrices rounded at once: name -> number type."""
    kept = list(batches)
    base = mean_loss(network, loss, kept)
    rounded = [m for m in matrices(network) if m.name in types]
    before = [_round(matrix, types[matrix.name]) for matrix in rounded]
    rise = mean_loss(network, loss, kept) - base
    for matrix, weight in zip(rounded, before, strict=True):
        _restore(matrix, weight)
    return rise


@torch.no_grad()
def mean_loss(network: nn.Module, loss: Loss, batches: Sequence[Batch]) -> float:
    """The mean over batches, in eval mode. Raises: ModelError without a batch."""
    if not batches:
        raise ModelError("sensitivity: needs at least one batch to measure the loss on")
    training = network.training
    network.eval()
    try:
        return sum(float(loss(network, batch)) for batch in batches) / len(batches)
    finally:
        network.train(training)


def stored_bytes(shape: tuple[int, int], number_type: str) -> int:
    """Bytes of a matrix in flash, without the padding of tiles."""
    (rows, columns), type_ = shape, find_number_type(number_type)
    return rows * (row_bytes(columns, type_.weight_bits, type_.chunk) + ROW_BYTES)


def choose_bits(found: Sequence[Trial], allowed: float) -> dict[str, str]:
    """Few bytes under an allowed rise of the loss: number types other than `w8a8`, by matrix.

    Greedy: of all steps to fewer bytes that the rest of the allowance covers, the one with the
    least rise for each byte saved, until there is none. Rises are taken to add up, which
    `joint_rise` then shows; those below zero count as none.

    Raises: ModelError if a matrix was not tried in `w8a8`.
    """
    trials: dict[str, list[Trial]] = {}
    for trial in found:
        trials.setdefault(trial.matrix, []).append(trial)
    now = {}
    for name, tried in trials.items():
        widest = [trial for trial in tried if trial.number_type == WIDEST]
        if not widest:
            raise ModelError(f"choose_bits: {name} was not tried in {WIDEST}")
        now[name] = widest[0]
    left = allowed - sum(_rise(trial) for trial in now.values())
    while True:
        steps = [
            (more / saved, -saved, trial)
            for name, tried in trials.items()
            for trial in tried
            if (saved := now[name].stored_bytes - trial.stored_bytes) > 0
            and (more := _rise(trial) - _rise(now[name])) <= max(left, 0.0)
        ]
        if not steps:
            return {m: t.number_type for m, t in now.items() if t.number_type != WIDEST}
        best = min(steps, key=lambda step: step[:2])[2]
        left -= _rise(best) - _rise(now[best.matrix])
        now[best.matrix] = best


def _rise(trial: Trial) -> float:
    return max(trial.rise, 0.0)


@torch.no_grad()
def _round(matrix: Matrix, number_type: str) -> Tensor:
    """Put a matrix on the grid of a number type; gives what it was."""
    type_ = find_number_type(number_type)
    before = matrix.original.detach().clone()
    grid = Grid(before, type_.weight_bits, type_.chunk)
    matrix.original.copy_(grid(before))
    return before


@torch.no_grad()
def _restore(matrix: Matrix, weight: Tensor) -> None:
    matrix.original.copy_(weight)
