"""A concatenation loses the parts that nobody reads.

Where all its readers are slices, a part that none of them touches is left out, and what made it is
dead; of a single part that is left the slices are taken at once.
"""

from __future__ import annotations

from dataclasses import replace

from edgernn.graph.ir import Graph, Node, PassResult


def _unread(graph: Graph, node: Node, readers: list[Node]) -> list[bool]:
    """Which inputs no slice among the readers touches."""
    axis, end, unread = node.attrs["axis"], 0, []
    for name in node.inputs:
        begin, end = end, end + graph.values[name].shape[axis]
        spans = [range(*reader.attrs["bounds"][axis]) for reader in readers]
        unread.append(not any(span and span[0] < end and begin <= span[-1] for span in spans))
    return unread


def _narrowed(graph: Graph, node: Node, unread: list[bool], readers: list[Node]) -> list[Node]:
    """The concatenation of what is read, or none if that is one part, and its slices."""
    axis, kept, shifts, at, gone = node.attrs["axis"], [], [], 0, 0
    for name, dropped in zip(node.inputs, unread, strict=True):
        size = graph.values[name].shape[axis]
        if dropped:
            gone += size
        else:
            kept.append(name)
            shifts.append((at, gone))
        at += size
    made = [replace(node, inputs=tuple(kept))] if len(kept) > 1 else []
    for reader in readers:
        bounds = list(reader.attrs["bounds"])
        begin, end, step = bounds[axis]
        by = max((shift for start, shift in shifts if start <= begin), default=0)
        bounds[axis] = (begin - by, end - by, step)
        source = reader.inputs if made else (kept[0],)
        made.append(replace(reader, inputs=source, attrs={**reader.attrs, "bounds": tuple(bounds)}))
    if len(kept) > 1:
        value = graph.values[node.output]
        shape = (*value.shape[:axis], value.shape[axis] - gone, *value.shape[axis + 1 :])
        graph.values[node.output] = replace(value, shape=shape)
    return made


def run(graph: Graph) -> PassResult:
    """Narrow each concatenation that slices alone read."""
    after, notes, results = graph.copy(), [], set(graph.results())
    for node in graph.nodes:
        readers = after.users().get(node.output, []) if node.op == "concat" else []
        if not readers or node.output in results or any(r.op != "slice" for r in readers):
            continue
        unread = _unread(after, node, readers)
        if any(unread) and not all(unread):
            made = _narrowed(after, node, unread, readers)
            outputs = {reader.output for reader in readers}
            rest = [n for n in after.nodes if n.output not in outputs]
            at = next(k for k, n in enumerate(rest) if n.output == node.output)
            after.nodes = [*rest[:at], *made, *rest[at + 1 :]]
            notes.append(f"{sum(unread)} parts of {node.name} that nobody reads")
    return PassResult(after, bool(notes), tuple(notes))
