"""What a unit of work costs on a target: tables fitted on counted kernels, one file a target.

`prices/TARGET.json` is written by `python -m benchmarks.cost_model --write`; see docs/estimate.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from edgernn.target import Target


@dataclass(frozen=True, slots=True)
class Prices:
    """Of one core. Each maps a kind of work to what a unit of it costs.

    instructions, cycles: of a step, by what it does; no cycles where a core's manual gives none.
    flash: bytes of code, by what is written. error: the median against counts, a share.
    """

    core: str
    instructions: Mapping[str, float]
    cycles: Mapping[str, float] | None
    flash: Mapping[str, float]
    error: float


def prices_of(target: Target) -> list[Prices]:
    """The tables of a target, one a core that is told apart; none where nothing was counted."""
    path = resources.files("edgernn.estimate") / "prices" / f"{target.name}.json"
    if not path.is_file():
        return []
    table = json.loads(path.read_text(encoding="utf-8"))
    return [
        Prices(core, row["instructions"], row.get("cycles"), table["flash"], row["error"])
        for core, row in table["cores"].items()
    ]


def total(amounts: Mapping[str, float], prices: Mapping[str, float]) -> float:
    """What all of it costs; a kind without a price costs nothing, see `unpriced`."""
    return sum(amount * prices.get(kind, 0.0) for kind, amount in amounts.items())


def unpriced(amounts: Mapping[str, float], prices: Mapping[str, float]) -> list[str]:
    """Kinds of work that no counted step had."""
    return sorted(kind for kind, amount in amounts.items() if amount and kind not in prices)
