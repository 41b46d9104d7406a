"""Our own forms of a step, what each is compared with, and how much faster it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.delta import SILENCE, SPEECH

KINDS = ("fp32", "int8", "int4")  # the number types of the others
ZEROS = 0.75


@dataclass(frozen=True, slots=True)
class Variant:
    """One of our rows.

    against: kinds of other runtimes of which the fastest is the measure.
    pruned: the block of which three in four are zero; delta: columns that are held together, and
    share: of columns that its stream moves. goals: times faster, by shape.
    """

    name: str
    number_type: str
    against: tuple[str, ...]
    pruned: tuple[int, int] | None = None
    delta: int = 0
    share: float = 0.0
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return f"{self.name}, {self.number_type}"

    @property
    def network(self) -> tuple[object, ...]:
        """Variants with the same one run the same compiled step."""
        return self.number_type, self.pruned, self.delta


def _goals(kws: float, kbd: float, asr: float) -> dict[str, float]:
    return {"kws": kws, "kbd": kbd, "asr": asr}


def _pruned(rows: int, cols: int, goals: Mapping[str, float] | None = None) -> Variant:
    name = f"75 % zero {rows}x{cols} blocks" if rows * cols > 1 else "75 % zero, anywhere"
    return Variant(name, "w8a8", ("int8",), pruned=(rows, cols), goals=goals or {})


def _delta(number_type: str, block: int, silent: bool, goals: Mapping[str, float]) -> Variant:
    share = SILENCE if silent else SPEECH
    name = f"delta, {100 * share:.0f} % of columns"
    name += f" in blocks of {block}" if block > 1 else ""
    against = ("int8",) if number_type == "w8a8" else ("int8", "int4")
    return Variant(name, number_type, against, delta=block, share=share, goals=goals)


DENSE = (
    Variant("dense", "fp32", ("fp32",)),
    Variant("dense", "w8a8", ("int8",), goals=_goals(3.0, 1.3, 1.4)),
    Variant("dense", "w4a8", ("int4",), goals=_goals(3.0, 1.4, 1.3)),
    Variant("dense", "w4a8-row", ("int4",), goals=_goals(3.0, 1.4, 1.3)),
    Variant("dense", "w2a8-row", ("int4",)),
)
SPARSE = (
    _pruned(16, 4, _goals(4.0, 3.7, 5.0)),
    *(_pruned(rows, cols) for rows, cols in ((8, 4), (4, 4), (16, 1), (1, 1))),
)
DELTA = tuple(
    _delta(number_type, block, silent, goals)
    for number_type, block, speech, silence in (
        ("w8a8", 1, _goals(4, 3, 3), _goals(5, 6, 8)),
        ("w8a8", 4, _goals(4, 3, 3), _goals(5, 6, 8)),
        ("w4a8", 1, _goals(4, 3, 3), _goals(5, 6, 6)),
        ("w4a8-row", 1, _goals(4, 3, 3), _goals(5, 6, 6)),
    )
    for silent, goals in ((False, speech), (True, silence))
)
SHIPPED = DENSE[:2]  # of a model that has weights of its own


def variants(name: str, shapes: Mapping[str, int]) -> tuple[Variant, ...]:
    """What is measured of a workload."""
    return (*DENSE, *SPARSE, *DELTA) if name in shapes else SHIPPED
