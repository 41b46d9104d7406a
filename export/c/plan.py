"""Where every buffer lives: state leaves, scratch by liveness, outputs in the caller's memory.

A value is alive from the action that makes it to the last that reads it; what an action reads and
what it makes are alive together. `Plan.peak_live_bytes` is the honest yardstick: at the worst
action, the exact bytes of all state leaves, and of every scratch value alive, a concatenation
counting only the parts already made. State and scratch together can exceed it by alignment and
by gaps between lives; they can be less where a loop writes over what it reads for the last time.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from edgernn.export.c.loops import Action, Loop, View, is_copy, views_read, views_written
from edgernn.export.c.lower import Lowered
from edgernn.export.c.settle import Settled, settle
from edgernn.graph.ir import Value

ALIGN = 16
OVERREAD = 15  # bytes that a kernel may read, and ignore, past an input
WINDOWS_WORTH = 1.05  # times the least memory, for steps that copy no past; our choice
_EFFORT = 1_000_000  # pairs of buffers looked at in the search for a better packing

Span = tuple[int, int]


def aligned(nbytes: int) -> int:
    """Bytes rounded up to the alignment of every buffer."""
    return -(-nbytes // ALIGN) * ALIGN


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
    """
    rules: list[Callable[[int, int], bool]] = [
        lambda leaf, window: True,
        lambda leaf, window: window <= 2 * leaf,
        lambda leaf, window: False,
    ]
    made = []
    for rule in rules:
        settled = settle(lowered, rule)
        if not any(settled.slots == other.slots for other, _ in made):
            made.append((settled, _plan(lowered, settled)))
    least = min(plan.total_bytes for _, plan in made)
    settled, plan = next(pair for pair in made if pair[1].total_bytes <= WINDOWS_WORTH * least)
    lowered.buffers.update(settled.saved)
    return plan


def _plan(lowered: Lowered, settled: Settled) -> Plan:
    plan = Plan(settled.actions, homes=dict(settled.homes), how=settled.how)
    buffers = {**lowered.buffers, **settled.saved}
    _direct_outputs(lowered, plan, buffers)
    _place_states(lowered, settled, plan)
    for index, action in enumerate(plan.actions):
        for name in sorted(action.touched()):
            if name in buffers and name not in plan.homes:
                plan.spans[name] = (plan.spans.get(name, (index, index))[0], index)
    nbytes = {name: buffers[name].nbytes for name in plan.spans}
    plan.scratch_offsets = pack(nbytes, plan.spans, _overwritten(plan, buffers))
    ends = [at + aligned(nbytes[name]) for name, at in plan.scratch_offsets.items()]
    plan.scratch_bytes = max(ends, default=0)
    read = _called_on(plan.actions)
    over = [at + nbytes[n] + OVERREAD for n, at in plan.scratch_offsets.items() if n in read]
    plan.scratch_bytes = max(plan.scratch_bytes, aligned(max(over, default=0)))
    plan.live_bytes = _live_bytes(lowered, plan, buffers)
    return plan


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
    need = 0
    for state in lowered.graph.states:
        name, size = state.name, settled.slots[state.name]
        plan.state_offsets[name] = plan.state_bytes
        inside = {name} | {b for b, home in plan.homes.items() if home == name}
        need = plan.state_bytes + size + (OVERREAD if inside & read else 0)
        plan.state_bytes += aligned(size)
    plan.state_bytes = max(plan.state_bytes, aligned(need))


def _called_on(actions: list[Action]) -> set[str]:
    """Buffers that kernels read."""
    return {v.buffer for a in actions if not isinstance(a, Loop) for v in views_read(a)}


def _overwritten(plan: Plan, buffers: dict[str, Value]) -> set[tuple[str, str]]:
    """Pairs (old, new): a loop may write new over old, element by element as it reads it."""
    pairs = set()
    for index, action in enumerate(plan.actions):
        if not isinstance(action, Loop):
            continue
        for new in action.writes.values():
            if plan.spans.get(new.buffer, (-1, -1))[0] != index:
                continue
            for old in action.reads.values():
                if plan.spans.get(old.buffer, (-1, -1))[1] == index:
                    views = [v for v in action.reads.values() if v.buffer == old.buffer]
                    if all(_over(buffers, v, new) for v in views):
                        pairs.add((old.buffer, new.buffer))
    return pairs


def _over(buffers: dict[str, Value], old: View, new: View) -> bool:
    """Whether writing `new` in order never reaches an element of `old` still to be read."""
    a, b = buffers[old.buffer], buffers[new.buffer]
    size = old.cells.size
    whole = old.contiguous and new.contiguous and a.size == b.size == size == new.cells.size
    return whole and b.nbytes <= a.nbytes


def pack(
    nbytes: dict[str, int], spans: dict[str, Span], over: set[tuple[str, str]]
) -> dict[str, int]:
    """Offsets such that buffers alive together do not overlap, except the pairs `over`.

    Buffers are placed one by one, each at the lowest offset free during its life; several orders
    are tried, then neighbours of the best one, until nothing is wasted or the effort is spent.
    """
    size = {name: aligned(n) for name, n in nbytes.items()}
    ends = max((last for _, last in spans.values()), default=-1)
    live = [sum(size[n] for n, (a, b) in spans.items() if a <= k <= b) for k in range(ends + 1)]
    bound = max(live, default=0)

    def life(name: str) -> int:
        return spans[name][1] - spans[name][0] + 1

    keys: list[Callable[[str], tuple[int, ...]]] = [
        lambda n: (-size[n], *spans[n]),
        lambda n: (-size[n] * life(n), *spans[n]),
        lambda n: (-life(n), -size[n]),
        lambda n: (spans[n][0], -size[n]),
        lambda n: (-max(live[spans[n][0] : spans[n][1] + 1]), -size[n]),
    ]
    best: dict[str, int] = {}
    order: list[str] = []
    total = 0
    rng = random.Random(0)
    tries = len(keys) + _EFFORT // max(len(spans), 20) ** 2
    for k in range(tries):
        trial = sorted(sorted(spans), key=keys[k]) if k < len(keys) else list(order)
        if k >= len(keys):
            i = rng.randrange(len(trial))
            trial.insert(rng.randrange(len(trial)), trial.pop(i))
        offsets = _placed(trial, size, spans, over)
        reach = max((at + size[n] for n, at in offsets.items()), default=0)
        if not order or reach < total or (k >= len(keys) and reach == total):
            best, order, total = offsets, trial, reach
        if total <= bound:
            break
    return best


def _placed(
    order: list[str], size: dict[str, int], spans: dict[str, Span], over: set[tuple[str, str]]
) -> dict[str, int]:
    """Each buffer at its lowest free offset."""
    offsets: dict[str, int] = {}
    for name in order:
        first, last = spans[name]
        busy, shared = [], []
        for other, at in offsets.items():
            if spans[other][0] <= last and first <= spans[other][1]:
                pair = (other, name) in over or (name, other) in over
                (shared if pair else busy).append((at, at + size[other]))
        busy.sort()
        found = _lowest(size[name], busy + shared)
        for start, _ in shared:  # on top of the one that it overwrites, if nothing else is there
            free = all(start + size[name] <= a or b <= start for a, b in busy)
            others = [s for s in shared if s[0] != start]
            clear = all(start + size[name] <= a or b <= start for a, b in others)
            if free and clear:
                found = min(found, start)
        offsets[name] = found
    return offsets


def _lowest(size: int, busy: list[tuple[int, int]]) -> int:
    at = 0
    for start, end in sorted(busy):
        if at + size <= start:
            break
        at = max(at, end)
    return at


def _live_bytes(lowered: Lowered, plan: Plan, buffers: dict[str, Value]) -> list[int]:
    """Exact bytes alive at each action."""
    graph = lowered.graph
    leaves = {s.name: graph.values[s.name].nbytes for s in graph.states}
    item = {name: value.nbytes // max(value.size, 1) for name, value in buffers.items()}
    made: dict[str, int] = {}
    last: dict[str, int] = {}
    for index, action in enumerate(plan.actions):
        last.update(dict.fromkeys(action.touched() & buffers.keys(), index))
    live = []
    for index, action in enumerate(plan.actions):
        for view in views_written(action):
            if view.buffer in buffers:
                part = view.cells.size * item[view.buffer]
                whole = buffers[view.buffer].nbytes
                made[view.buffer] = min(made.get(view.buffer, 0) + part, whole)
        now = sum(leaves.values())
        for name, nbytes in made.items():
            home = plan.homes.get(name)
            if last[name] >= index and home not in lowered.homes:
                now += max(nbytes - leaves.get(home, 0), 0) if home else nbytes
        live.append(now)
    return live
