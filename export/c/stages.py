"""Loops with table look-ups in stages, for CPUs that look many up at once.

A compiler makes no vector code of a loop that looks something up for each element. So the loop
runs in blocks, and each block in stages: arguments of look-ups into a local array, the look-ups by
the kernel `sigmoid_rows`, then what needs them. Elements are independent of each other and nothing
is written before the last stage, so the bits stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgernn.export.c.loops import Loop, Statement

KERNEL = "sigmoid_rows"
LOOKUPS = ("qsigmoid", "qtanh")
BLOCK = 64  # elements; loops up to twice as long are one block
SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Stage:
    """Statements of one pass over a block.

    lookups: those whose arguments the pass leaves for the kernel; () in the last, which writes.
    statements: what the pass computes, in order, without look-ups.
    known: values that it reads from memory or that were looked up before.
    """

    lookups: tuple[Statement, ...]
    statements: tuple[Statement, ...]
    known: frozenset[str]


def block_of(size: int) -> int:
    """Elements in a block of a loop over `size` elements."""
    return size if size <= 2 * BLOCK else BLOCK


def stages(loop: Loop) -> list[Stage]:
    """The passes over a block; one alone if the loop looks nothing up."""
    levels = _levels(loop)
    lookups = [s for s in loop.statements if s.op in LOOKUPS]
    made: list[Stage] = []
    for level in range(max((levels[s.value] + 1 for s in lookups), default=0)):
        found = tuple(s for s in lookups if levels[s.value] == level)
        made.append(_stage(loop, found, [name for s in found for name in s.operands]))
    return [*made, _stage(loop, (), list(loop.writes))]


def _levels(loop: Loop) -> dict[str, int]:
    """How many look-ups lie before each value, one behind the other."""
    levels: dict[str, int] = {}
    looked_up = {s.value for s in loop.statements if s.op in LOOKUPS}
    for statement in loop.statements:
        names = [loop.aliases.get(name, name) for name in statement.operands]
        levels[statement.value] = max(
            (levels.get(name, 0) + (name in looked_up) for name in names), default=0
        )
    return levels


def _stage(loop: Loop, lookups: tuple[Statement, ...], wanted: Sequence[str]) -> Stage:
    """Statements behind some values, back to what is read or was looked up."""
    by_value = {s.value: s for s in loop.statements if s.op not in LOOKUPS}
    found: set[str] = set()
    left = [loop.aliases.get(name, name) for name in wanted]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            if name in by_value:
                operands = by_value[name].operands
                left += [loop.aliases.get(operand, operand) for operand in operands]
    statements = tuple(s for s in loop.statements if s.value in found and s.value in by_value)
    return Stage(lookups, statements, frozenset(found - by_value.keys()))
