"""How much moves in a delta network: what its holds list in a step, seen on real input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from edgernn.backend import Array
from edgernn.graph.ir import Graph, Node
from edgernn.graph.reference import Reference

HOLDS = ("hold", "qhold")
PAD = 4  # columns in a list of integers are padded to a multiple of it


def moved(graph: Graph, frames: Iterable[Mapping[str, Array]]) -> dict[str, tuple[float, float]]:
    """Mean entries and chunks with any that each hold lists in a step, from the initial state on.

    An entry is a column, or a block of columns that are compared together. Without holds no frame
    is run.
    """
    holds = {node.output: node for node in graph.nodes if node.op in HOLDS}
    if not holds:
        return {}
    values: dict[str, Array] = {}
    stream, rows = Reference(graph, values.__setitem__), []
    for frame in frames:
        stream.step(frame)
        rows.append([_listed(node, values) for node in holds.values()])
    means = np.mean(np.array(rows, float).reshape(len(rows), -1, 2), axis=0).tolist()
    return {name: (entries, chunks) for name, (entries, chunks) in zip(holds, means, strict=True)}


def _listed(node: Node, values: Mapping[str, Array]) -> tuple[float, float]:
    """What a hold listed in one step: its output beside what it had held."""
    changed = (values[node.output] != values[node.inputs[1]]).reshape(-1)
    block, width = node.attrs["block"], changed.size
    chunk = node.attrs.get("chunk") or width
    counts = []
    for start in range(0, width, chunk):
        part = changed[start : start + chunk]
        blocks = np.pad(part, (0, -part.size % block)).reshape(-1, block).any(axis=1).sum()
        floats = node.op == "hold"
        # lists of single columns of integers are padded; a block of floats is listed by columns
        counts.append(
            blocks * block if floats else -(-blocks // PAD) * PAD if block == 1 else blocks
        )
    return float(sum(counts)), float(np.count_nonzero(counts))
