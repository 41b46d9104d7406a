"""Compute once what is computed twice: equal constants, then equal ops on equal inputs."""

from __future__ import annotations

from dataclasses import replace

from edgernn.graph.ir import Graph, PassResult


def _same_constants(graph: Graph) -> dict[str, str]:
    """Later names of arrays that an earlier name already holds, among those that nodes read."""
    first: dict[tuple[object, ...], str] = {}
    same = {}
    read = {name for node in graph.nodes for name in node.inputs}
    for name, array in graph.constants.items():
        value, kept = graph.values[name], name in graph.keep_float
        key = (value, array.dtype.name, array.shape, array.tobytes(), kept)
        if name in read and first.setdefault(key, name) != name:
            same[name] = first[key]
    return same


def run(graph: Graph) -> PassResult:
    """Keep the first of equal values; what is read under the others' names reads it."""
    after = graph.copy()
    same = _same_constants(graph)
    notes = [f"constant {name} is {other}" for name, other in same.items()]
    first: dict[str, str] = {}
    after.nodes = []
    for original in graph.nodes:
        node = replace(original, inputs=tuple(same.get(name, name) for name in original.inputs))
        key = repr((node.op, node.inputs, sorted(node.attrs.items())))
        if key in first:
            same[node.output] = first[key]
            notes.append(f"{node.op} {node.name} is {first[key]}")
        else:
            first[key] = node.output
            after.nodes.append(node)
    after.outputs = [same.get(name, name) for name in graph.outputs]
    after.states = [replace(s, new=same.get(s.new, s.new)) for s in graph.states]
    after.constants = {k: v for k, v in graph.constants.items() if k not in same}
    after.values = {k: v for k, v in graph.values.items() if k not in same}
    return PassResult(after, bool(notes), tuple(notes))
