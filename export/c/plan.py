"""Where every buffer lives: state leaves, scratch by liveness, states updated in place.

A new state is written straight into the leaf when nothing reads the old one afterwards, except
the very loop that writes it, element by element. Else it is made in scratch and copied at the
end of the step; copies out of a leaf that another copy overwrites go through scratch first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgernn.export.c.loops import Action, Loop, Statement, View, views_read, views_written
from edgernn.export.c.lower import Lowered
from edgernn.graph.ir import Value

ALIGN = 16


def aligned(nbytes: int) -> int:
    """Bytes rounded up to the alignment of every buffer."""
    return -(-nbytes // ALIGN) * ALIGN


@dataclass
class Plan:
    """Offsets in bytes. `homes`: buffer -> state leaf or output whose memory it uses."""

    state_offsets: dict[str, int] = field(default_factory=dict)
    state_bytes: int = 0
    scratch_offsets: dict[str, int] = field(default_factory=dict)
    scratch_bytes: int = 0
    homes: dict[str, str] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    peak_live_bytes: int = 0
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)

    def notes(self, buffers: dict[str, Value]) -> list[str]:
        """The plan as lines for a person."""
        lines = [f"{b} lives in {home}" for b, home in self.homes.items()]
        for name, at in sorted(self.scratch_offsets.items(), key=lambda item: item[1]):
            first, last = self.spans[name]
            size = buffers[name].nbytes
            lines.append(f"scratch {at:6d} +{size:6d}  steps {first:3d}-{last:3d}  {name}")
        return lines


def _reads_after(actions: list[Action], leaf: str, first: int) -> bool:
    return any(v.buffer == leaf for action in actions[first:] for v in views_read(action))


def _in_place(lowered: Lowered, leaf: str, made: View, actions: list[Action]) -> bool:
    """Whether the buffer of a new state may be the leaf itself."""
    writers = [k for k, a in enumerate(actions) if made.buffer in _written(a)]
    if made.buffer not in lowered.buffers or not writers or not made.contiguous:
        return False
    if made.cells.size != lowered.buffers[made.buffer].size:
        return False
    first = writers[0]
    if _reads_after(actions, leaf, first + 1):
        return False
    here = actions[first]
    old = [v for v in views_read(here) if v.buffer == leaf]
    if not old:
        return True
    if not isinstance(here, Loop):
        return False
    target = next(v for v in here.writes.values() if v.buffer == made.buffer)
    return all(v.walk() == target.walk() for v in old)


def _written(action: Action) -> set[str]:
    return {v.buffer for v in views_written(action)}


def _copy(source: View, target: View, dtype: str, label: str) -> Loop:
    name = f"{label}.settled"
    loop = Loop(target.shape, label=f"copy {label}")
    loop.statements.append(Statement("copy", name, ("source",), {"dtype": dtype}))
    loop.reads["source"], loop.writes[name] = source, target
    return loop


def _settle_states(lowered: Lowered, plan: Plan) -> None:
    """Choose in-place leaves, and append the copies for the rest."""
    graph, views = lowered.graph, lowered.views
    leaves = {state.name for state in graph.states}
    moved = [s for s in graph.states if s.new != s.name]
    copies: list[Loop] = []
    ready: dict[str, View] = {}
    for state in moved:  # what leaves a leaf is saved before any leaf is overwritten
        source = views[state.new]
        if source.buffer in leaves:
            value = graph.values[state.new]
            saved = View.whole(f"{state.new}:saved:{state.name}", source.shape)
            lowered.buffers[saved.buffer] = value
            lowered.actions.insert(0, _copy(source, saved, value.dtype, state.new))
            ready[state.name] = saved
    taken: set[str] = set()
    for state in moved:
        made = ready.get(state.name, views[state.new])
        free = made.buffer not in taken and state.name not in ready
        if free and _in_place(lowered, state.name, made, lowered.actions):
            plan.homes[made.buffer] = state.name
            taken.add(made.buffer)
            continue
        target = View.whole(state.name, made.shape)
        copies.append(_copy(made, target, graph.values[state.new].dtype, state.new))
    lowered.actions += copies


def _place_states(lowered: Lowered, plan: Plan) -> None:
    for state in lowered.graph.states:
        plan.state_offsets[state.name] = plan.state_bytes
        value = lowered.graph.values[state.name]
        plan.state_bytes += aligned(value.nbytes)
    if lowered.graph.states and value.dtype == "int8" and value.nbytes % ALIGN == 0:
        plan.state_bytes += ALIGN  # as for the scratch, see `_place_scratch`


def _place_scratch(lowered: Lowered, plan: Plan) -> None:
    """Largest first, each at the lowest place free during its life."""
    spans: dict[str, tuple[int, int]] = {}
    for index, action in enumerate(plan.actions):
        for name in action.touched():
            if name in lowered.buffers and name not in plan.homes:
                spans[name] = (spans.get(name, (index, index))[0], index)
    plan.spans = spans
    size = {name: aligned(lowered.buffers[name].nbytes) for name in spans}
    placed: list[str] = []
    for name in sorted(spans, key=lambda n: (-size[n], spans[n], n)):
        first, last = spans[name]
        busy = sorted(
            (plan.scratch_offsets[p], plan.scratch_offsets[p] + size[p])
            for p in placed
            if spans[p][0] <= last and first <= spans[p][1]
        )
        at = 0
        for start, end in busy:
            if at + size[name] <= start:
                break
            at = max(at, end)
        plan.scratch_offsets[name] = at
        plan.scratch_bytes = max(plan.scratch_bytes, at + size[name])
        placed.append(name)
    plan.scratch_bytes += ALIGN  # kernels may read, and ignore, a little past an input
    for index in range(len(plan.actions)):
        live = sum(size[n] for n, (a, b) in spans.items() if a <= index <= b)
        plan.peak_live_bytes = max(plan.peak_live_bytes, live)


def _direct_outputs(lowered: Lowered, plan: Plan) -> None:
    """Let the value behind an output be computed in the caller's memory."""
    for action in list(lowered.actions):
        target = next((v for v in views_written(action) if v.buffer in lowered.homes), None)
        if target is None or not isinstance(action, Loop):
            continue
        (source,) = action.reads.values()
        buffer = lowered.buffers.get(source.buffer)
        whole = buffer is not None and source.contiguous and source.cells.size == buffer.size
        if whole and source.buffer not in plan.homes:
            plan.homes[source.buffer] = target.buffer
            lowered.actions.remove(action)


def plan_memory(lowered: Lowered) -> Plan:
    """Place every buffer of a lowered step."""
    plan = Plan()
    plan.homes = {}
    _settle_states(lowered, plan)
    _direct_outputs(lowered, plan)
    plan.actions = lowered.actions
    _place_states(lowered, plan)
    _place_scratch(lowered, plan)
    return plan
