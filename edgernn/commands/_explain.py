"""What `edgernn export --explain` prints: the compiler's notes under a heading each."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

TITLES = {
    "placed": "Values made in their place inside a concatenation, not copied there.",
    "fuse": "Elementwise ops that became one loop, their values in between kept as locals.",
    "kernel": "The kernel that reads each matrix: instruction set, tile, dense, sparse or delta.",
    "memory": "State and scratch: offsets, how each leaf gets its new state, when buffers live.",
}


def explained(notes: Sequence[str]) -> list[str]:
    """Lines `topic: text` as one section a topic, in order; a step's name opens its sections."""
    lines: list[str] = []
    current = ""
    seen: set[str] = set()
    for note in notes:
        topic, _, text = note.partition(": ")
        if topic == "step":
            lines += _idle(seen) if seen else []
            lines += ["", f"step {text}", "=" * len(f"step {text}")]
            current, seen = "", set()
            continue
        if topic != current:
            lines += ["", f"{topic}: {_title(topic)}"]
            current = topic
            seen.add(topic)
        lines.append(f"    {text}")
    return [*lines, *_idle(seen), ""]


def _title(topic: str) -> str:
    """The first line of a pass's own description."""
    if topic in TITLES:
        return TITLES[topic]
    try:
        module = importlib.import_module(f"edgernn.graph.passes.{topic}")
    except ModuleNotFoundError:
        return ""
    return (module.__doc__ or "").partition("\n")[0]


def _idle(seen: set[str]) -> list[str]:
    """Passes that ran and found nothing."""
    from edgernn.graph.passes import PIPELINE

    names = dict.fromkeys(rewrite.__name__.rsplit(".", 1)[-1] for rewrite in PIPELINE)
    idle = [name for name in names if name not in seen]
    return ["", f"found nothing to do: {', '.join(idle)}"] if idle else []
