"""Offsets for buffers such that what is alive together never overlaps.

A buffer is a list of parts with lives of their own, so that the part of a concatenation that is
not made yet may lie over something else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes `start` to `end` of a buffer, alive from action `first` to `last`."""

    start: int
    end: int
    first: int
    last: int

    def meets(self, other: Part) -> bool:
        """Whether both are alive at one time."""
        return self.first <= other.last and other.first <= self.last


Parts = Mapping[str, list[Part]]


def aligned(nbytes: int, align: int) -> int:
    """Bytes rounded up to whole units of an alignment."""
    return -(-nbytes // align) * align


def live_bytes(parts: Parts, count: int) -> list[int]:
    """Bytes alive at each of `count` actions."""
    live = [0] * (count + 1)
    for part in (part for some in parts.values() for part in some):
        live[part.first] += part.end - part.start
        live[part.last + 1] -= part.end - part.start
    for k in range(count):
        live[k + 1] += live[k]
    return live[:count]


def pack(
    parts: Parts, aligns: Mapping[str, int], over: set[tuple[str, str]], effort: int
) -> dict[str, int]:
    """Offsets of all buffers; the pairs `over` may lie exactly on top of each other.

    Buffers are placed one by one, each at the lowest free offset; several orders are tried, then
    neighbours of the best one, until nothing is wasted or `effort` pairs have been looked at.
    """
    size = {name: max(part.end for part in some) for name, some in parts.items()}
    first = {name: min(part.first for part in some) for name, some in parts.items()}
    last = {name: max(part.last for part in some) for name, some in parts.items()}
    live = live_bytes(parts, max(last.values(), default=-1) + 1)
    keys: list[Callable[[str], tuple[int, ...]]] = [
        lambda n: (-size[n], first[n], last[n]),
        lambda n: (-size[n] * (last[n] - first[n] + 1), first[n]),
        lambda n: (first[n] - last[n], -size[n]),
        lambda n: (first[n], -size[n]),
        lambda n: (-max(live[first[n] : last[n] + 1]), -size[n]),
    ]
    best: dict[str, int] = {}
    order: list[str] = []
    total = 0
    rng = random.Random(0)
    for k in range(len(keys) + effort // max(len(parts), 20) ** 2):
        trial = sorted(sorted(parts), key=keys[k]) if k < len(keys) else list(order)
        if k >= len(keys):
            name = trial.pop(rng.randrange(len(trial)))
            trial.insert(rng.randrange(len(trial) + 1), name)
        offsets = _placed(trial, parts, aligns, over)
        reach = max((at + size[n] for n, at in offsets.items()), default=0)
        if not order or reach < total or (k >= len(keys) and reach == total):
            best, order, total = offsets, trial, reach
        if total <= max(live, default=0):
            break
    return best


def _placed(
    order: list[str], parts: Parts, aligns: Mapping[str, int], over: set[tuple[str, str]]
) -> dict[str, int]:
    """Each buffer at its lowest free offset."""
    offsets: dict[str, int] = {}
    for name in order:
        step = aligns[name]
        barred = {o: _barred(parts[name], parts[o], at) for o, at in offsets.items()}
        found = _lowest(step, [r for some in barred.values() for r in some], 0)
        for other, at in offsets.items():  # on top of what it overwrites, if nothing else is there
            if at < found and at % step == 0 and {(other, name), (name, other)} & over:
                rest = [r for o, some in barred.items() if o != other for r in some]
                found = at if _lowest(step, rest, at) == at else found
        offsets[name] = found
    return offsets


def _barred(parts: list[Part], others: list[Part], at: int) -> list[tuple[int, int]]:
    """Open ranges of offsets that would lay a part over one of a buffer placed at `at`."""
    return [
        (at + q.start - p.end, at + q.end - p.start) for p in parts for q in others if p.meets(q)
    ]


def _lowest(step: int, barred: list[tuple[int, int]], at: int) -> int:
    """The first multiple of `step` from `at` on inside no barred range."""
    for low, high in sorted(barred):
        if low >= at:
            break
        if at < high:
            at = aligned(high, step)
    return at
