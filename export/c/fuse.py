"""Loops over the same elements become one, whose intermediate values are locals.

A loop joins an earlier one, neighbour or not: it is moved up to it, or the earlier one down, over
actions that touch none of what it touches. A copy joins the loop that makes what it copies: the
value is then written to both places, and if nothing reads the first, only to the second.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from edgernn.export.c.loops import Action, Loop, View, conflict, is_copy, views_read


def fuse(actions: list[Action], kept: set[str]) -> tuple[list[Action], list[str]]:
    """Join loops until none can be; drop what is written and never read.

    kept: buffers that outlive the actions. Gives the actions, and a line a joined loop.
    """
    fused, before = actions, len(actions) + 1
    while len(fused) < before:
        before = len(fused)
        fused = _joined(fused)
    fused = _without_dead_writes(fused, kept)
    loops = [a for a in fused if isinstance(a, Loop) and len(a.statements) > 1]
    notes = [
        f"{loop.label}: {len(loop.statements)} ops over {prod(loop.shape)} elements, "
        f"{len(loop.reads)} read and {len(loop.writes)} written"
        for loop in loops
    ]
    return fused, notes


def _joined(actions: list[Action]) -> list[Action]:
    """One round, in order."""
    done: list[Action] = []
    for action in actions:
        if not (isinstance(action, Loop) and _join_one(done, action)):
            done.append(action)
    return done


def _join_one(done: list[Action], loop: Loop) -> bool:
    """Join a loop to the nearest earlier one that takes it. Changes `done` if it can."""
    free = True  # no action behind the host minds the loop going before it
    for at in range(len(done) - 1, -1, -1):
        host, behind = done[at], done[at + 1 :]
        if isinstance(host, Loop) and (not behind or _related(host, loop)):
            whole = _join(host, loop)
            if whole is not None:
                if free:
                    done[at] = whole
                    return True
                if not any(conflict(host, other) for other in behind):
                    del done[at]
                    done.append(whole)
                    return True
        free = free and not conflict(host, loop)
    return False


def _related(host: Loop, loop: Loop) -> bool:
    """Whether joining saves a load or a store."""
    known = [*host.reads.values(), *host.writes.values()]
    return any(view.overlaps(other) for view in loop.reads.values() for other in known)


def _join(host: Loop, loop: Loop) -> Loop | None:
    """Both as one loop; None if an element of `loop` needs another element of `host`."""
    if is_copy(host) or prod(host.shape) != prod(loop.shape):
        return None
    for shape in dict.fromkeys((host.shape, loop.shape)):
        first, second = reshaped(host, shape), reshaped(loop, shape)
        if first is not None and second is not None:
            return _one(first, second)
    return None


def reshaped(loop: Loop, shape: tuple[int, ...]) -> Loop | None:
    """The loop over the same elements in the same order, counted otherwise."""
    if loop.shape == shape:
        return loop

    def turned(views: dict[str, View]) -> dict[str, View]:
        return {n: v.on(v.cells.reshape(shape, copy=False)) for n, v in views.items()}

    try:
        return replace(loop, shape=shape, reads=turned(loop.reads), writes=turned(loop.writes))
    except ValueError:
        return None


def _one(host: Loop, loop: Loop) -> Loop | None:
    """`loop` appended to `host`, both of one shape; what `host` made is read from its locals."""
    aliases = {**host.aliases}
    reads = {**host.reads}
    for name, view in loop.reads.items():
        near = [(made, v) for made, v in host.writes.items() if v.overlaps(view)]
        if near:
            (made, place), *more = near
            if more or not view.same_cells(place):
                return None
            if made != name:
                aliases[name] = host.aliases.get(made, made)
        elif name in reads and not reads[name].same_cells(view):
            return None
        else:
            reads[name] = view
    for view in loop.writes.values():
        if any(view.overlaps(old) for old in (*host.reads.values(), *host.writes.values())):
            return None
    if is_copy(loop):
        return _with_copy(host, loop, aliases.pop("source", "") or _source(host, loop))
    aliases |= {name: aliases.get(made, made) for name, made in loop.aliases.items()}
    return replace(
        host,
        statements=[*host.statements, *loop.statements],
        reads=reads,
        writes={**host.writes, **loop.writes},
        aliases=aliases,
    )


def _source(host: Loop, copy: Loop) -> str:
    """The value of `host` that a copy reads, if it is called just like the copy's operand."""
    view = copy.reads["source"]
    made = [name for name, place in host.writes.items() if place.same_cells(view)]
    return host.aliases.get(made[0], made[0]) if made else ""


def _with_copy(host: Loop, copy: Loop, source: str) -> Loop | None:
    """`host`, writing one of its values to a second place; None if it does not make the value."""
    if not source:
        return None
    (target,) = copy.writes.values()
    name = f"{source}>{target.buffer}+{target.offset}"
    return replace(
        host,
        writes={**host.writes, name: target},
        aliases={**host.aliases, name: source},
    )


def _without_dead_writes(actions: list[Action], kept: set[str]) -> list[Action]:
    """Loops write only what a later action reads or what outlives them all."""
    alive, done = set(kept), []
    for action in reversed(actions):
        if isinstance(action, Loop):
            writes = {n: v for n, v in action.writes.items() if v.buffer in alive}
            if not writes:
                continue
            action = replace(action, writes=writes)
        alive |= {view.buffer for view in views_read(action)}
        done.append(action)
    return done[::-1]
