"""Where every buffer lives: state leaves, scratch by liveness, outputs in the caller's memory.

A value is alive from the action that makes it to the last that reads it; what an action reads and
what it makes are alive together. `Plan.peak_live_bytes` is the honest yardstick: at the worst
action, the exact bytes of all state leaves, and of every scratch value alive, a concatenation
counting only the parts already made. State and scratch together can exceed it by alignment and
by gaps between lives; they can be less where a loop writes over what it reads for the last time.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product

from edgernn.export.c.loops import Action, Loop, View, is_copy, views_read, views_written
from edgernn.export.c.lower import Lowered
from edgernn.export.c.packing import Part, aligned, live_bytes, pack
from edgernn.export.c.settle import SLID, Settled, settle
from edgernn.graph.ir import Value

ALIGN = 16  # of state, scratch, and every buffer of BULKY bytes or more
SMALL_ALIGN = 4  # of smaller ones, which alignment would pad most; int64 takes 8
BULKY = 256
OVERREAD = 15  # bytes that a kernel may read, and ignore, past an input
WORTH = 1.03  # times the least memory: what windows in state memory may cost; our choice
_EFFORT = 300_000  # pairs of buffers looked at when scratch is packed at last

Span = tuple[int, int]


def alignment(value: Value) -> int:
    """What the offset of a buffer is a multiple of; kernels take any, and like whole words."""
    return ALIGN if value.nbytes >= BULKY else 8 if value.dtype == "int64" else SMALL_ALIGN


@dataclass
class Plan:
    """Offsets in bytes. `homes`: buffer -> state leaf or output whose memory it uses.

    spans: first and last action of each scratch buffer. live_bytes: by action, leaves included.
    how: how each leaf gets its new state.
    """

    actions: list[Action] = field(default_factory=list)
    state_offsets: dict[str, int] = field(default_factory=dict)
    state_bytes: int = 0
    scratch_offsets: dict[str, int] = field(default_factory=dict)
    scratch_bytes: int = 0
    homes: dict[str, str] = field(default_factory=dict)
    spans: dict[str, Span] = field(default_factory=dict)
    live_bytes: list[int] = field(default_factory=list)
    how: dict[str, str] = field(default_factory=dict)

    @property
    def peak_live_bytes(self) -> int:
        """Most bytes of values alive at once."""
        return max(self.live_bytes, default=0)

    @property
    def total_bytes(self) -> int:
        return self.state_bytes + self.scratch_bytes


def plan_memory(lowered: Lowered) -> Plan:
    """Place every buffer of a lowered step.

    Windows in state memory save a copy of the past a step, for bytes that are never free again.
    Kernels' own room is left out of that choice, so that the state is alike for every target.
    """
    unslid: frozenset[str] = frozenset()
    tried = [_tried(lowered, unslid)]
    while slid := [leaf for leaf, how in tried[-1][0].how.items() if how == SLID]:
        others = [(leaf, _tried(lowered, unslid | {leaf})) for leaf in slid]
        leaf, smaller = min(others, key=lambda other: other[1][1])
        if smaller[1] > tried[-1][1]:
            break
        unslid |= {leaf}
        tried.append(smaller)
    least = min(total for _, total in tried)
    bound = max(WORTH * least, least + 2 * ALIGN)
    settled = next(settled for settled, total in tried if total <= bound)
    lowered.buffers.update(settled.saved)
    return _plan(lowered, settled)


def _tried(lowered: Lowered, unslid: frozenset[str]) -> tuple[Settled, int]:
    """How states settle if these leaves are not slid, and the bytes that it takes."""
    settled = settle(lowered, unslid)
    return settled, _plan(lowered, settled, rooms=False).total_bytes


def _plan(lowered: Lowered, settled: Settled, *, rooms: bool = True) -> Plan:
    """A plan for settled states; without the kernels' rooms it serves for comparison only."""
    plan = Plan(settled.actions, homes=dict(settled.homes), how=settled.how)
    buffers = {**lowered.buffers, **settled.saved}
    _direct_outputs(lowered, plan, buffers)
    _place_states(lowered, settled, plan)
    own = _rooms(plan.actions)
    every = _parts(plan.actions, buffers)
    parts = {n: p for n, p in every.items() if n not in plan.homes and (rooms or n not in own)}
    plan.spans = {n: (min(q.first for q in p), max(q.last for q in p)) for n, p in parts.items()}
    aligns = {n: ALIGN if n in own else alignment(buffers[n]) for n in parts}
    over = _overwritten(plan, parts, buffers)
    plan.scratch_offsets = pack(parts, aligns, over, _EFFORT if rooms else 0)
    read = _called_on(plan.actions)
    for name, at in plan.scratch_offsets.items():
        end = at + buffers[name].nbytes + (OVERREAD if name in read else 0)
        plan.scratch_bytes = max(plan.scratch_bytes, aligned(end, SMALL_ALIGN))
    plan.live_bytes = _live_bytes(lowered, plan, {n: p for n, p in every.items() if n not in own})
    return plan


def _parts(actions: list[Action], buffers: dict[str, Value]) -> dict[str, list[Part]]:
    """The stretches of each buffer that are written apart, and when each is alive."""
    touched: dict[str, list[tuple[int, int, int]]] = {}  # buffer -> (first byte, last, action)
    wholes: dict[str, set[tuple[int, int]]] = {}
    for index, action in enumerate(actions):
        for views, written in ((views_read(action), False), (views_written(action), True)):
            for view in views:
                if view.buffer in buffers and view.cells.size:
                    value = buffers[view.buffer]
                    item = value.nbytes // value.size
                    start, end = (n * item for n in view.extent)
                    touched.setdefault(view.buffer, []).append((start, end, index))
                    if written:
                        wholes.setdefault(view.buffer, set()).add((start, end))
    return {
        name: [_alive(start, end, touched[name]) for start, end in _merged(some)]
        for name, some in wholes.items()
    }


def _merged(ranges: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _alive(start: int, end: int, touched: list[tuple[int, int, int]]) -> Part:
    when = [index for low, high, index in touched if low < end and start < high]
    return Part(start, end, min(when), max(when))


def _direct_outputs(lowered: Lowered, plan: Plan, buffers: dict[str, Value]) -> None:
    """Let the value behind an output be computed in the caller's memory."""
    kept = []
    for action in plan.actions:
        target = next((v for v in views_written(action) if v.buffer in lowered.homes), None)
        if target is not None and is_copy(action):
            (source,) = views_read(action)
            buffer = buffers.get(source.buffer)
            whole = buffer is not None and source.contiguous and source.cells.size == buffer.size
            if whole and source.buffer not in plan.homes:
                plan.homes[source.buffer] = target.buffer
                continue
        kept.append(action)
    plan.actions = kept


def _place_states(lowered: Lowered, settled: Settled, plan: Plan) -> None:
    read = _called_on(plan.actions)
    end = 0
    for state in lowered.graph.states:
        name, value = state.name, lowered.graph.values[state.name]
        at = aligned(end, alignment(value))
        plan.state_offsets[name] = at
        end = at + settled.slots[name]
        inside = {name} | {b for b, home in plan.homes.items() if home == name}
        over = OVERREAD if inside & read else 0
        plan.state_bytes = max(plan.state_bytes, aligned(end + over, SMALL_ALIGN))


def _rooms(actions: list[Action]) -> set[str]:
    """Buffers that only the kernel reads that writes them."""
    read = {view.buffer for action in actions for view in views_read(action)}
    return {view.buffer for action in actions for view in views_written(action)} - read


def _called_on(actions: list[Action]) -> set[str]:
    """Buffers that kernels read."""
    return {v.buffer for a in actions if not isinstance(a, Loop) for v in views_read(a)}


def _overwritten(
    plan: Plan, parts: dict[str, list[Part]], buffers: dict[str, Value]
) -> set[tuple[str, str]]:
    """Pairs (old, new): a loop may write new over old, element by element as it reads it."""
    pairs = set()
    for index, action in enumerate(plan.actions):
        reads = action.reads.values() if isinstance(action, Loop) else ()
        writes = action.writes.values() if isinstance(action, Loop) else ()
        born = [v for v in writes if plan.spans.get(v.buffer, (-1, -1))[0] == index]
        dying = [v for v in reads if plan.spans.get(v.buffer, (-1, -1))[1] == index]
        for old, new in product(dying, born):
            views = [v for v in reads if v.buffer == old.buffer]
            single = len(parts[old.buffer]) == len(parts[new.buffer]) == 1
            if single and all(_over(buffers, view, new) for view in views):
                pairs.add((old.buffer, new.buffer))
    return pairs


def _over(buffers: dict[str, Value], old: View, new: View) -> bool:
    """Whether writing `new` in order never reaches an element of `old` still to be read."""
    a, b = buffers[old.buffer], buffers[new.buffer]
    size = old.cells.size
    whole = old.contiguous and new.contiguous and a.size == b.size == size == new.cells.size
    return whole and b.nbytes <= a.nbytes


def _live_bytes(lowered: Lowered, plan: Plan, parts: dict[str, list[Part]]) -> list[int]:
    """Exact bytes alive at each action; a window counts for what it has beyond its leaf."""
    graph = lowered.graph
    leaves = {s.name: graph.values[s.name].nbytes for s in graph.states}
    counted = {}
    for name, some in parts.items():
        home = plan.homes.get(name)
        if home is None or home in leaves:
            beyond = leaves.get(home, 0) if home else 0
            cut = [replace(p, start=max(p.start, beyond)) for p in some if p.end > beyond]
            counted[name] = cut
    alive = live_bytes(counted, len(plan.actions))
    return [sum(leaves.values()) + now for now in alive]
