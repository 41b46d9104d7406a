"""How each new state reaches its leaf: made there, slid down to it, or copied as soon as it may be.

In place: nothing reads the old state after the new one is begun, except the very loop that writes
it, at the same element. Slid: the old state opens a longer window and the new one is a later part
of it, as in a convolution; the window lives in the leaf's memory, which is made that much longer.
Copied: after the last read of the old state; a leaf that is copied to another leaf is read before
it is overwritten, and only a ring of such leaves needs a place to save one of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgernn.export.c.loops import (
    Action,
    Loop,
    View,
    copy_loop,
    is_copy,
    views_read,
    views_written,
)
from edgernn.export.c.lower import Lowered
from edgernn.graph.ir import StateEdge, Value

SLID = "slid down its window"


@dataclass
class Settled:
    """The actions with the states' copies among them. `homes`: buffer -> leaf that it lies in.

    slots: bytes of each leaf's memory. saved: buffers that rings need. how: a word a leaf.
    """

    actions: list[Action]
    homes: dict[str, str] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=dict)
    saved: dict[str, Value] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)


@dataclass
class _Copy:
    """A copy into a leaf that is still to be placed; it may run once `after` actions have."""

    leaf: str
    source: View
    value: Value
    label: str
    after: int = 0


def settle(lowered: Lowered, unslid: frozenset[str] = frozenset()) -> Settled:
    """Decide for every state; the leaves `unslid` are copied rather than slid."""
    graph, views = lowered.graph, lowered.views
    out = Settled(list(lowered.actions))
    moved = [s for s in graph.states if s.new != s.name]
    sources = {views[s.new].buffer for s in moved}
    copies = []
    for state in graph.states:
        out.slots[state.name] = graph.values[state.name].nbytes
        out.how[state.name] = "kept"
    for state in moved:
        made = views[state.new]
        free = made.buffer in lowered.buffers and made.buffer not in out.homes
        if free and state.name not in sources and _in_place(lowered, state.name, made):
            out.homes[made.buffer] = state.name
            out.how[state.name] = "made in place"
            continue
        if free and state.name not in unslid and _opens(lowered, state, made):
            out.homes[made.buffer] = state.name
            out.slots[state.name] = lowered.buffers[made.buffer].nbytes
            out.how[state.name] = SLID
        else:
            out.how[state.name] = "copied"
        copies.append(_Copy(state.name, made, graph.values[state.new], state.new))
    out.actions = [a for a in out.actions if not _of_itself(a, out.homes)]
    _insert(out, _ordered(out, copies))
    return out


def _in_place(lowered: Lowered, leaf: str, made: View) -> bool:
    """Whether the buffer of a new state may be the leaf itself."""
    actions = lowered.actions
    writers = [k for k, a in enumerate(actions) if _touches(views_written(a), made.buffer)]
    if not writers or not made.contiguous:
        return False
    if made.cells.size != lowered.buffers[made.buffer].size:
        return False
    first = writers[0]
    if any(_touches(views_read(a), leaf) for a in actions[first + 1 :]):
        return False
    here = actions[first]
    old = [v for v in views_read(here) if v.buffer == leaf]
    if not old:
        return True
    if not isinstance(here, Loop):
        return False
    targets = [v for v in here.writes.values() if v.buffer == made.buffer]
    return len(targets) == 1 and all(v.walk() == targets[0].walk() for v in old)


def _opens(lowered: Lowered, state: StateEdge, made: View) -> bool:
    """Whether the old state is copied to the start of the buffer in which the new one lies."""
    size = lowered.graph.values[state.name].size
    if not made.contiguous or made.cells.size != size:
        return False
    head = None
    for action in lowered.actions:
        for target in views_written(action):
            if target.buffer != made.buffer or target.extent[0] >= size:
                continue
            if head is not None or not is_copy(action):
                return False
            (head,) = views_read(action)
            if target.extent != (0, size) or not target.contiguous:
                return False
    return head is not None and head.buffer == state.name and head.contiguous


def _touches(views: list[View], buffer: str) -> bool:
    return any(view.buffer == buffer for view in views)


def _of_itself(action: Action, homes: dict[str, str]) -> bool:
    """Whether a copy's target is its source."""
    if not is_copy(action):
        return False
    (source,), (target,) = views_read(action), views_written(action)
    same = homes.get(source.buffer, source.buffer) == homes.get(target.buffer, target.buffer)
    return same and source.walk() == target.walk()


def _ordered(out: Settled, copies: list[_Copy]) -> list[_Copy]:
    """Copies so that a leaf is read before it is overwritten; rings are cut by saving a leaf."""
    waiting, done = list(copies), []

    def memory(copy: _Copy) -> str:
        return out.homes.get(copy.source.buffer, copy.source.buffer)

    def blocker(copy: _Copy) -> _Copy | None:
        """Another copy that still has to read the leaf; itself, if it turns its own leaf."""
        slid = copy.source.buffer in out.homes
        readers = [c for c in waiting if memory(c) == copy.leaf and not (c is copy and slid)]
        return readers[0] if readers else None

    while waiting:
        copy, seen = waiting[0], []
        while (reader := blocker(copy)) is not None and copy.leaf not in seen:
            seen.append(copy.leaf)
            copy = reader
        if reader is None:
            waiting.remove(copy)
            done.append(copy)
            continue
        place = View.whole(f"{copy.label}:saved:{copy.leaf}", copy.source.shape)
        out.saved[place.buffer] = Value(copy.source.shape, copy.value.dtype)
        done.append(_Copy(place.buffer, copy.source, copy.value, copy.label))
        copy.source = place
    return done


def _insert(out: Settled, copies: list[_Copy]) -> None:
    """Put each copy behind the last action that it must follow."""
    order: list[_Copy] = []
    for copy in copies:
        leaf = {copy.leaf} | {b for b, home in out.homes.items() if home == copy.leaf}
        for index, action in enumerate(out.actions):
            reads = {view.buffer for view in views_read(action)}
            writes = {view.buffer for view in views_written(action)}
            if leaf & (reads | writes) or copy.source.buffer in writes:
                copy.after = index + 1
        for other in order:  # a copy that reads this leaf, or makes what this one reads
            source = out.homes.get(other.source.buffer, other.source.buffer)
            if source == copy.leaf or other.leaf == copy.source.buffer:
                copy.after = max(copy.after, other.after)
        order.append(copy)
    for copy in order:  # what saves a leaf waits until that leaf is about to be overwritten
        if copy.leaf in out.saved:
            source = out.homes.get(copy.source.buffer, copy.source.buffer)
            copy.after = next(other.after for other in order if other.leaf == source)
    placed: list[Action] = []
    for index in range(len(out.actions) + 1):
        placed += [_loop(copy) for copy in order if copy.after == index]
        placed += out.actions[index : index + 1]
    out.actions = placed


def _loop(copy: _Copy) -> Loop:
    target = View.whole(copy.leaf, copy.source.shape)
    return copy_loop(copy.source, target, copy.value.dtype, copy.label)
