"""The memory plan for a person: what happens when, and which bytes hold what meanwhile.

As lines for `--explain`, and as the row `memory_plan` of an artifact's facts, which pages draw.
"""

from __future__ import annotations

from typing import Any

from edgernn.export.c.loops import Action, Loop, is_copy
from edgernn.export.c.lower import Lowered
from edgernn.export.c.plan import Plan

COLUMNS = 64  # of the map; longer steps show several actions in one column


def describe(lowered: Lowered, plan: Plan) -> list[str]:
    """State leaves, the actions with what is alive at each, and the map of the scratch."""
    return [*_totals(plan), *_states(lowered, plan), *_actions(plan), *_scratch(lowered, plan)]


def plan_row(lowered: Lowered, plan: Plan) -> dict[str, Any]:
    """What is alive when and where: bytes from the begin of the state, and of the scratch."""
    leaves = [
        [s.name, plan.state_offsets[s.name], lowered.graph.values[s.name].nbytes]
        for s in lowered.graph.states
    ]
    buffers = [
        [name, at, lowered.buffers[name].nbytes, *plan.spans[name]]
        for name, at in sorted(plan.scratch_offsets.items(), key=lambda row: (row[1], row[0]))
    ]
    return {
        "actions": [action.label for action in plan.actions],
        "live_bytes": plan.live_bytes,
        "state": leaves,
        "scratch": buffers,
    }


def _totals(plan: Plan) -> list[str]:
    peak, total = plan.peak_live_bytes, plan.total_bytes
    at = plan.live_bytes.index(peak) if plan.live_bytes else 0
    share = f", {total / peak:.2f} times" if peak else ""
    return [
        f"state {plan.state_bytes:,} + scratch {plan.scratch_bytes:,} = {total:,} bytes"
        f"{share} the {peak:,} bytes of values alive at action {at}"
    ]


def _states(lowered: Lowered, plan: Plan) -> list[str]:
    rows = []
    for state in lowered.graph.states:
        value = lowered.graph.values[state.name]
        shape = "x".join(map(str, value.shape))
        rows.append(
            f"state {plan.state_offsets[state.name]:7d} +{value.nbytes:7d}  "
            f"{state.name} {shape} {value.dtype}: {plan.how[state.name]}"
        )
    return rows


def _actions(plan: Plan) -> list[str]:
    lines = []
    for index, (action, live) in enumerate(zip(plan.actions, plan.live_bytes, strict=True)):
        lines.append(f"action {index:3d}  {live:8,} bytes alive  {_what(action)}")
    return lines


def _what(action: Action) -> str:
    if is_copy(action):
        return action.label
    if isinstance(action, Loop):
        ops = [s.op for s in action.statements]
        shown = ops if len(ops) <= 4 else [*ops[:2], f"... {len(ops) - 3} more ...", ops[-1]]
        shape = "x".join(map(str, action.shape)) or "1"
        return f"loop {shape}: {', '.join(shown)} ({action.label})"
    times = f" x {action.repeat}" if action.repeat > 1 else ""
    return f"call {action.kernel}{times} ({action.label})"


def _scratch(lowered: Lowered, plan: Plan) -> list[str]:
    """One row a buffer, by offset; `#` while it lives, a digit row on top counts actions."""
    if not plan.scratch_offsets:
        return []
    count = len(plan.actions)
    per = -(-count // COLUMNS)
    columns = -(-count // per)
    ruler = "".join(str(c * per // 10 % 10) if c * per % 10 == 0 else "." for c in range(columns))
    every = f", {per} actions a column" if per > 1 else ""
    lines = [f"scratch  offset    bytes  |{ruler}| (tens of actions{every})"]
    for name, at in sorted(plan.scratch_offsets.items(), key=lambda i: (i[1], plan.spans[i[0]])):
        first, last = plan.spans[name]
        life = "".join("#" if first // per <= c <= last // per else " " for c in range(columns))
        lines.append(f"scratch {at:7d} +{lowered.buffers[name].nbytes:7d}  |{life}| {name}")
    return lines
