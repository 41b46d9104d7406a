"""Drop nodes and constants that no output and no new state depends on."""

from __future__ import annotations

from edgernn.graph.ir import Graph, PassResult, walk


def run(graph: Graph) -> PassResult:
    """Keep what the results need."""
    after = graph.copy()
    after.nodes = list(walk(graph.results(), graph))
    used = {name for node in after.nodes for name in node.inputs} | set(graph.results())
    after.constants = {k: v for k, v in graph.constants.items() if k in used}
    known = {*graph.inputs, *(s.name for s in graph.states), *(n.output for n in after.nodes)}
    after.values = {k: v for k, v in graph.values.items() if k in known or k in after.constants}
    dropped = len(graph.nodes) - len(after.nodes)
    notes = (f"{dropped} nodes dropped",) if dropped else ()
    return PassResult(after, bool(dropped), notes)
