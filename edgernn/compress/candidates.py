"""What is worth trying on a network: each candidate is a `[compress]` table and a number type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from edgernn.compress.matrices import GATES, matrices

CONTROL = "dense w8a8"  # equal extra steps, nothing else: what all others are judged beside
NARROWER = (0.75, 0.5)  # of the hidden units that a smaller dense network keeps
BLOCKS = (("16x4", 0.75), ("4x4", 0.5))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to compress: what is told to the recipe, and how the result is exported."""

    name: str
    number_type: str
    compress: Mapping[str, Any] = field(default_factory=dict)


def candidates(network: nn.Module, number_types: Sequence[str]) -> list[Candidate]:
    """Sensible combinations for a network, the most promising first; the control is the first.

    By facts measured on recurrent nets of 128 to 256 units (docs/compression.md): int8 and int4
    first, then a smaller dense network, low rank, blocks last. A smaller dense network stands
    beside every form that leaves weights out.
    """
    found = [Candidate(CONTROL, "w8a8")]
    found += [_quantized(name) for name in ("w4a8", "w4a8-row", "w2a8", "w2a8-row")]
    cells = _cells(network)
    for share in NARROWER:
        sizes = {name: max(8, round(size * share / 8) * 8) for name, size in cells.items()}
        if sizes != cells and sizes:
            for type_ in ("w8a8", "w4a8"):
                found.append(_with(f"{share:.0%} of the units", {"units": sizes}, type_))
    if cells:
        only = ["input", "recurrent"]
        ranks = {m.name: _rank(m.shape) for m in matrices(network) if m.kind in only}
        found.append(_with("low rank", {"low_rank": ranks}, "w8a8"))
        for pattern, sparsity in BLOCKS:
            prune = {"pattern": pattern, "sparsity": sparsity, "budget": "gate", "only": only}
            for type_ in ("w8a8", "w4a8"):
                found.append(_with(f"{sparsity:.0%} zero {pattern}", {"prune": [prune]}, type_))
    return [one for one in found if one.number_type in number_types]


def _quantized(number_type: str) -> Candidate:
    return Candidate(
        f"dense {number_type}", number_type, {"quantize": {"number_type": number_type}}
    )


def _with(name: str, table: dict[str, Any], number_type: str) -> Candidate:
    if number_type != "w8a8":
        table = {**table, "quantize": {"number_type": number_type}}
    return Candidate(f"{name}, {number_type}", number_type, table)


def _cells(network: nn.Module) -> dict[str, int]:
    """Hidden units of each recurrent layer, by the name of the module that holds torch's."""
    found = {}
    for name, module in network.named_modules():
        if isinstance(module, tuple(GATES)) and isinstance(module, nn.RNNBase):
            owner = name.rpartition(".")[0] if name.endswith(".rnn") else name
            found[owner] = module.hidden_size
    return found


def _rank(shape: tuple[int, int]) -> int:
    """A rank at which two factors have half of a matrix's weights, a multiple of 4."""
    rows, cols = shape
    return max(4, round(rows * cols / (2 * (rows + cols)) / 4) * 4)
