"""Points: what was tried, what it costs and what it answers; which of them lie on the frontier."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from edgernn.compress.budget import Budget
from edgernn.errors import ModelError

COSTS = ("flash_bytes", "ram_bytes", "instructions", "latency_us", "macs")


@dataclass(frozen=True, slots=True)
class Run:
    """One candidate with one seed, measured. Costs that cannot be had for the target are None.

    value: of the compiled model; trained: of the network that it was compiled from.
    flash_bytes: the linked image on a chip, else the library. ram_bytes: state, scratch and, on a
    chip, stack. recipe: the fingerprint of what it was trained by.
    """

    name: str
    seed: int
    number_type: str
    value: float
    trained: float
    recipe: str
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    instructions: float | None = None
    latency_us: float | None = None
    macs: int | None = None
    folder: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Point:
    """One candidate over its seeds. noise: standard deviation of its value; None for one seed."""

    name: str
    number_type: str
    value: float
    noise: float | None
    costs: Mapping[str, float | None]
    runs: tuple[Run, ...] = field(repr=False)

    @property
    def best(self) -> Run:
        """The run with the first seed: the one that is delivered, chosen by no figure."""
        return self.runs[0]

    def at(self, cost: str) -> float:
        """A cost that is known."""
        value = self.costs[cost]
        assert value is not None
        return value


def gathered(runs: Iterable[Run]) -> list[Point]:
    """Runs by candidate, in the order of their first appearance."""
    by_name: dict[str, list[Run]] = {}
    for run in runs:
        by_name.setdefault(run.name, []).append(run)
    return [_point(name, sorted(found, key=lambda r: r.seed)) for name, found in by_name.items()]


def _point(name: str, runs: Sequence[Run]) -> Point:
    values = [run.value for run in runs]
    noise = statistics.stdev(values) if len(values) > 1 else None
    costs: dict[str, float | None] = {}
    for cost in COSTS:
        each = [getattr(run, cost) for run in runs]
        costs[cost] = None if None in each else statistics.fmean(each)
    mean = statistics.fmean(values)
    return Point(name, runs[0].number_type, mean, noise, costs, tuple(runs))


def frontier(points: Sequence[Point], cost: str, *, higher: bool) -> list[Point]:
    """The points that no other beats in both the value and this cost, the cheapest first."""
    sign = 1 if higher else -1
    known = [p for p in points if p.costs[cost] is not None]
    known.sort(key=lambda p: (p.costs[cost], -sign * p.value))
    kept: list[Point] = []
    for point in known:
        if not kept or sign * point.value > sign * kept[-1].value:
            kept.append(point)
    return kept


def choose(
    points: Sequence[Point],
    reference: Point,
    budget: Budget,
    max_loss: float | None,
    *,
    higher: bool,
) -> Point:
    """The best point: within the budget the best value, or, where none is given, the fewest bytes.

    max_loss: what the value may lose beside the reference's.
    Raises: ModelError if nothing meets them, with the nearest point.
    """
    sign = 1 if higher else -1

    def loss(point: Point) -> float:
        return sign * (reference.value - point.value)

    def within(point: Point) -> bool:
        return max_loss is None or loss(point) <= max_loss + 1e-12

    fitting = [p for p in points if not budget.excess(p.costs)]
    good = [p for p in fitting if within(p)]
    if not good:
        raise ModelError(_nothing(points, fitting, budget, max_loss, loss))
    if budget.limits:
        return min(good, key=lambda p: (loss(p), p.costs["flash_bytes"] or 0))
    return min(good, key=lambda p: (p.costs["flash_bytes"] or 0, loss(p)))


def doubts(
    points: Sequence[Point],
    best: Point,
    reference: Point,
    budget: Budget,
    max_loss: float | None,
    *,
    higher: bool,
) -> list[str]:
    """Other points that the best was chosen before by less than the noise of both; a line each.

    Within a budget those are points of nearly the same value; without one, points that are smaller
    than the best and miss the allowed loss by little. Points of one seed have no noise to tell by.
    """
    sign = 1 if higher else -1
    found = []
    for point in points:
        if point is best or budget.excess(point.costs):
            continue
        noise = _joint(point, best if budget.limits else reference)
        behind = sign * (best.value - point.value)
        missed = sign * (reference.value - point.value) - (max_loss or 0.0)
        smaller = (point.costs["flash_bytes"] or 0) < (best.costs["flash_bytes"] or 0)
        if budget.limits and noise and behind <= noise:
            found.append(f"{point.name} is {behind:.2g} behind")
        elif not budget.limits and noise and smaller and max_loss is not None and missed <= noise:
            found.append(f"{point.name} is smaller and misses the allowed loss by {missed:.2g}")
    return found


def _joint(one: Point, other: Point) -> float:
    """Standard deviation of the difference of two points' values; 0 where it is not known."""
    if one.noise is None or other.noise is None:
        return 0.0
    return math.hypot(one.noise, other.noise)


def _nothing(
    points: Sequence[Point],
    fitting: Sequence[Point],
    budget: Budget,
    max_loss: float | None,
    loss: Callable[[Point], float],
) -> str:
    """One line for what nothing meets: by how much the nearest misses it."""
    if fitting:
        near = min(fitting, key=loss)
        where = f"within {budget}" if budget.limits else "tried"
        return (
            f"nothing {where} loses at most {max_loss:g}; the nearest, {near.name}, loses "
            f"{loss(near):.4g}"
        )
    near = min(points, key=lambda p: budget.excess(p.costs))
    figures = []
    for name, limit in budget.limits.items():
        value = near.costs.get(name)
        if value is None:
            figures.append(f"{name} unknown")
        elif value > limit:
            figures.append(f"{name} {value:,.0f}")
    return f"nothing tried fits {budget}; the nearest is {near.name} with {', '.join(figures)}"
