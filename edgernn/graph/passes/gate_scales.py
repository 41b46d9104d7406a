"""Scales of 16-bit values around gates, chosen so that gates need no shifts.

What sigmoid and tanh give is stored as they give it, and what only they read (through sums, and
products with a gate) keeps no more fraction bits than their table reads.
"""

from __future__ import annotations

from collections import defaultdict

from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import MOVEMENT, Node, Quant
from edgernn.graph.passes.storage import Storage

GATES = ("sigmoid", "tanh")


def unit_groups(storage: Storage) -> set[str]:
    """Groups that only sigmoid and tanh write."""
    written = defaultdict(list)
    for node in storage.graph.nodes:
        if node.op not in MOVEMENT:
            written[storage.root(node.output)].append(node.op)
    given = {storage.root(name) for name in storage.graph.inputs}
    return {g for g, ops in written.items() if g not in given and all(op in GATES for op in ops)}


def gate_groups(storage: Storage) -> set[str]:
    """Groups that only sigmoid and tanh read, directly or through sums and gated products."""
    graph, units = storage.graph, unit_groups(storage)
    readers: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.op not in MOVEMENT:
            for name in node.inputs:
                readers[storage.root(name)].append(node)
    kept = {storage.root(s.name) for s in graph.states}
    kept |= {storage.root(name) for name in graph.outputs}
    found: set[str] = set()

    def leads_on(node: Node) -> bool:
        if node.op in GATES:
            return True
        gated = any(storage.root(name) in units for name in node.inputs)
        passes = node.op in ("add", "sub") or (node.op == "mul" and gated)
        return passes and storage.root(node.output) in found

    grown = True
    while grown:
        new = {g for g in readers if g not in found | kept and all(map(leads_on, readers[g]))}
        found |= new
        grown = bool(new)
    return found


def capped(quant: Quant) -> Quant:
    """A scale without fraction bits that the gates' table would drop."""
    return Quant(max(quant.scale, 2.0**-fx.SIGMOID_FRAC))


def unit() -> Quant:
    """The scale of what sigmoid and tanh give."""
    return Quant(2.0**-fx.UNIT_FRAC)
