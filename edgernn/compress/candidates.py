"""What is worth trying on a network: each candidate is a `[compress]` table and a number type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from edgernn.compress.delta import restful
from edgernn.compress.matrices import matrices

CONTROL = "dense w8a8"  # equal extra steps, nothing else: what all others are judged beside
NARROWER = (0.75, 0.5)  # of the hidden units that a smaller dense network keeps
DEVIATIONS = 0.4  # threshold of a held signal in its standard deviations
REST = {"l1": 0.2, "ramp": 100}
RANK = 0.3  # of the full rank of a cell's matrices
BLOCKS = (("16x4", 0.75), ("4x4", 0.5))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to compress: what is told to the recipe, and how the result is exported.

    compress: of the table `[compress]`. others: of the recipe's other values, such as `steps`.
    """

    name: str
    number_type: str
    compress: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)


def candidates(network: nn.Module, number_types: Sequence[str]) -> list[Candidate]:
    """Sensible combinations for a network, the most promising first; the control is the first.

    By facts measured on recurrent nets of 128 to 256 units (docs/compression.md): int8 and int4
    first, then what stands still, a smaller dense network, low rank, blocks last. A smaller dense
    network stands beside every form that leaves weights out.
    """
    found = [Candidate(CONTROL, "w8a8")]
    found += [_quantized(name) for name in ("w4a8", "w4a8-row", "w2a8", "w2a8-row")]
    still = dict.fromkeys(restful(network), DEVIATIONS)
    if still:
        found += [
            _with("delta", {"delta": {"relative": still, **REST}}, t) for t in ("w8a8", "w4a8")
        ]
    widths = _widths(network)
    for share in NARROWER:
        sizes = {name: max(8, round(size * share / 8) * 8) for name, size in widths.items()}
        if sizes != widths:
            for type_ in ("w8a8", "w4a8"):
                found.append(_with(f"{share:.0%} of the units", {"units": sizes}, type_))
    kinds = {matrix.kind for matrix in matrices(network)}
    if "recurrent" in kinds:
        found.append(_with("low rank", {"low_rank": {"input": RANK, "recurrent": RANK}}, "w8a8"))
        for pattern, sparsity in BLOCKS:
            for type_ in ("w8a8", "w4a8"):
                found.append(_zero(pattern, sparsity, type_))
    return [one for one in found if one.number_type in number_types]


def _zero(pattern: str, sparsity: float, number_type: str) -> Candidate:
    """Zero blocks in cells, their units in the order that gathers what is large."""
    prune = {
        "pattern": pattern,
        "sparsity": sparsity,
        "budget": "gate",
        "only": ["input", "recurrent"],
    }
    order = {"pattern": pattern, "sparsity": sparsity, "matrices": prune["only"]}
    table = {"permute": order, "prune": [prune]}
    return _with(f"{sparsity:.0%} zero {pattern}", table, number_type)


def _quantized(number_type: str) -> Candidate:
    return Candidate(
        f"dense {number_type}", number_type, {"quantize": {"number_type": number_type}}
    )


def _with(name: str, table: dict[str, Any], number_type: str) -> Candidate:
    if number_type != "w8a8":
        table = {**table, "quantize": {"number_type": number_type}}
    return Candidate(f"{name}, {number_type}", number_type, table)


def _widths(network: nn.Module) -> dict[str, int]:
    """Hidden units of recurrent layers and channels of convolutions, by the layer's name."""
    found = {}
    for name, module in network.named_modules():
        owner, _, own = name.rpartition(".")
        if isinstance(module, nn.RNNBase):
            found[owner if own == "rnn" else name] = module.hidden_size
        elif isinstance(module, nn.Conv1d) and module.groups == 1:
            found[owner if own == "conv" else name] = module.out_channels
    return found
