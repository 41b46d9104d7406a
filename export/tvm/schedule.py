"""How TVM shall walk a product of a row and a matrix.

Left alone, it sums one result after the other down a column of the weights: every load is a row
further, and since sums of floats may not be reordered, nothing becomes a vector. That is why an
untuned step takes many times as long as anyone else's. Here up to 64 neighbouring results are
summed side by side in registers, so that weights are read in the order in which they lie, and each
result is summed in the order as before.
"""

from __future__ import annotations

from typing import Any

from tvm import s_tir
from tvm.s_tir import dlight

WIDEST, NARROWEST = 64, 4  # results side by side; with fewer it stays as it is
REDUCES = 2  # the kind of a loop whose turns are summed


class SideBySide(dlight.base.ScheduleRule):  # type: ignore[misc]
    """Sums whose last axis is not the one that is summed over."""

    def apply(self, func: Any, target: Any, tunable: bool) -> Any:
        """The schedule; None for a function without such sums."""
        schedule = s_tir.Schedule(func)
        blocks = schedule.get_child_blocks(schedule.get_sblock("root"))
        changed = [_side_by_side(schedule, block) for block in blocks]
        return schedule if any(changed) else None


def _side_by_side(schedule: Any, block: Any) -> bool:
    """Whether the block is a sum over one axis, and is now written so."""
    loops = schedule.get_loops(block)
    kinds = [int(axis.iter_type) for axis in schedule.get(block).iter_vars]
    if kinds.count(REDUCES) != 1 or len(kinds) != len(loops):
        return False
    summed = loops.pop(kinds.index(REDUCES))
    if not loops:
        return False
    *outer, last = loops
    width = _width(int(schedule.get(last).extent))
    if width < NARROWEST:
        return False
    strips, lanes = schedule.split(last, [None, width])
    schedule.reorder(*outer, strips, summed, lanes)
    sums = schedule.cache_write(block, 0, "local")
    schedule.reverse_compute_at(sums, strips)
    schedule.vectorize(schedule.get_loops(sums)[-1])
    schedule.vectorize(lanes)
    schedule.decompose_reduction(block, summed)
    return True


def _width(results: int) -> int:
    """The largest share of so many results that fits."""
    return max(n for n in range(1, WIDEST + 1) if results % n == 0)
