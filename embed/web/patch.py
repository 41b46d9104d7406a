"""A file as runs of another one, and what lies between them: two builds share their weights."""

from __future__ import annotations

from typing import NamedTuple

LEAST = 48  # bytes that a run must have; a shorter one costs more to tell
NOWHERE = -1


class Patch(NamedTuple):
    """parts: (place in the other file, or NOWHERE for the next of `rest`; bytes), in order."""

    parts: list[tuple[int, int]]
    rest: bytes


def patch(base: bytes, made: bytes) -> Patch:
    """`made` by what `base` has of it. A run is the first that is found, as long as it goes."""
    places: dict[bytes, int] = {}
    for at in range(len(base) - LEAST + 1):
        places.setdefault(base[at : at + LEAST], at)
    parts: list[tuple[int, int]] = []
    rest, at, start = bytearray(), 0, 0

    def close(end: int) -> None:
        if end > start:
            rest.extend(made[start:end])
            parts.append((NOWHERE, end - start))

    while at < len(made):
        found = places.get(made[at : at + LEAST])
        if found is None:
            at += 1
            continue
        close(at)
        count = _same(base, found, made, at)
        parts.append((found, count))
        at = start = at + count
    close(at)
    return Patch(parts, bytes(rest))


def _same(base: bytes, found: int, made: bytes, at: int) -> int:
    """How many bytes are the same from there on."""
    count, most = 0, min(len(base) - found, len(made) - at)
    step = 4096
    while step:
        part = slice(found + count, found + count + step), slice(at + count, at + count + step)
        if count + step <= most and base[part[0]] == made[part[1]]:
            count += step
        else:
            step //= 2
    return count
