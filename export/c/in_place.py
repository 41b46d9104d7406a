"""Values made straight in their place inside a concatenation, where a copy would put them.

A copy of a whole buffer into neighbouring elements of a larger one is dropped: the smaller buffer
becomes that part of the larger one, for everyone who writes or reads it. Parts not made yet take no
memory: `packing` knows the life of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgernn.export.c.loops import Action, View, is_copy, moved_to, views_read, views_written

if TYPE_CHECKING:
    from edgernn.export.c.lower import Lowered


def make_in_place(lowered: Lowered, news: set[str]) -> list[str]:
    """Drop such copies from the actions; gives a line a copy.

    news: buffers of new states, which are better made in the state's own memory.
    """
    notes, at = [], 0
    while at < len(lowered.actions):
        copy = lowered.actions[at]
        if is_copy(copy) and _fits(lowered, copy, news):
            (source,), (target,) = views_read(copy), views_written(copy)
            del lowered.actions[at]
            _move(lowered, source.buffer, target)
            notes.append(f"{source.buffer} is made in {target.buffer}[{target.offset}:]")
        else:
            at += 1
    return notes


def _fits(lowered: Lowered, copy: Action, news: set[str]) -> bool:
    """Whether what a copy reads may live where the copy puts it, from the start."""
    (source,), (target,) = views_read(copy), views_written(copy)
    if source.buffer not in lowered.buffers or target.buffer not in lowered.buffers:
        return False
    small, large = lowered.buffers[source.buffer], lowered.buffers[target.buffer]
    whole = source.contiguous and source.cells.size == small.size and target.contiguous
    if source.buffer in news or not whole or small.dtype != large.dtype:
        return False
    others = [a for a in lowered.actions if a is not copy]
    if any(view.overlaps(target) for a in others for view in views_written(a)):
        return False
    return not any(_changes(action, target.buffer) for action in others)


def _changes(action: Action, buffer: str) -> bool:
    """Whether an action writes what it reads of a buffer: then it is no mere concatenation."""
    written = [v for v in views_written(action) if v.buffer == buffer]
    read = [v for v in views_read(action) if v.buffer == buffer]
    return any(w.overlaps(r) for w in written for r in read)


def _move(lowered: Lowered, small: str, target: View) -> None:
    """Everything that touches buffer `small` touches the target's elements instead."""
    large, by = target.buffer, target.offset
    lowered.actions = [moved_to(action, small, large, by) for action in lowered.actions]
    for name, view in lowered.views.items():
        if view.buffer == small:
            lowered.views[name] = view.moved(large, by)
    del lowered.buffers[small]
