"""Budgets: what a compressed model may take of its target, such as `flash=64KB`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgernn.errors import ModelError

_NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-zµ]*)")
BYTES = {"": 1, "B": 1, "KB": 1024, "KiB": 1024, "MB": 1024**2, "MiB": 1024**2}
COUNTS = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9}
TIMES = {"us": 1, "µs": 1, "ms": 1e3}  # a time without a unit would be a guess
KINDS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "flash": ("flash_bytes", BYTES),
    "ram": ("ram_bytes", BYTES),
    "instructions": ("instructions", COUNTS),
    "macs": ("macs", COUNTS),
    "latency": ("latency_us", TIMES),
}


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that a point may have of a figure, by the figure's name."""

    limits: Mapping[str, float]

    def excess(self, figures: Mapping[str, float | None]) -> float:
        """How far a point lies beyond its budget: the worst figure's ratio to its limit, or 0.

        A figure that was not measured meets no budget.
        """
        worst = 0.0
        for name, limit in self.limits.items():
            value = figures.get(name)
            ratio = float("inf") if value is None else value / limit
            worst = max(worst, ratio if ratio > 1 else 0.0)
        return worst

    def __str__(self) -> str:
        return ", ".join(f"{name} <= {limit:,.6g}" for name, limit in self.limits.items())


def parse_budget(words: Sequence[str], *, firmware: bool) -> Budget:
    """Budgets from words such as `flash=64KB`, several of them or joined by commas.

    firmware: on a chip there are instructions and no times; elsewhere it is the reverse.
    Raises: ModelError naming the word.
    """
    limits: dict[str, float] = {}
    for word in (one.strip() for text in words for one in text.split(",")):
        key, _, value = word.partition("=")
        found = _NUMBER.fullmatch(value)
        if key not in KINDS or not found:
            raise ModelError(f"budget {word!r}: need one of {', '.join(KINDS)}, as flash=64KB")
        name, units = KINDS[key]
        if found[2] not in units:
            raise ModelError(f"budget {word!r}: unit {found[2]!r}; need {_listed(units)}")
        if firmware and key == "latency":
            raise ModelError(f"budget {word!r}: an emulator has no times; use instructions=")
        if not firmware and key == "instructions":
            raise ModelError(f"budget {word!r}: nothing counts them here; use latency=")
        limits[name] = float(found[1]) * units[found[2]]
        if not limits[name]:
            raise ModelError(f"budget {word!r}: nothing fits into 0")
    return Budget(limits)


def _listed(units: Mapping[str, float]) -> str:
    return ", ".join(unit or "none" for unit in units)


def parse_loss(text: str) -> float:
    """An allowed loss: `1pt` is a hundredth of an accuracy, a plain number is one of any figure.

    Raises: ModelError.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(pt|)", text)
    if not found:
        raise ModelError(f"max-loss {text!r}: need points such as 1pt, or a number such as 0.02")
    return float(found[1]) / (100 if found[2] else 1)
