"""Several matrix products of one input become one, whose rows are cut apart afterwards.

The input is read once for all rows, and one call replaces several: the projections of attention,
the gates of a cell written gate by gate. Only products that would be stored alike are merged:
with or without zeros enough to be stored sparse, all kept float or none, of as few bits. A weight
that another node reads too stays as it is, stored once. Products of several frames are left alone,
because their rows would have to be copied apart.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from edgernn.graph.integer_weights import fewest_bits
from edgernn.graph.ir import Graph, Node, PassResult, Value
from edgernn.graph.number_type import NUMBER_TYPES, NumberType
from edgernn.graph.passes.weight_forms import keeps_bits

DENSE = 0.5  # a matrix with a larger share of zeros may pay as a sparse one, so it stays alone


def _class(
    graph: Graph, node: Node, readers: dict[str, int], type_: NumberType
) -> tuple[object, ...] | None:
    """Nodes of one class may be merged; None if this one may not."""
    if node.op != "linear" or any(name not in graph.constants for name in node.inputs[1:]):
        return None
    weight, value = graph.constants[node.inputs[1]], graph.values[node.output]
    single = value.size == weight.shape[0]
    if not single or readers[node.inputs[1]] > 1 or weight.dtype != np.float32:
        return None
    sparse = bool((weight == 0).mean() > DENSE)
    if sparse:
        return None
    bits = fewest_bits(weight.reshape(len(weight), -1).astype(np.float64))
    return node.inputs[0], node.inputs[1] in graph.keep_float, keeps_bits(weight, type_), bits


def _merged(graph: Graph, nodes: list[Node]) -> list[Node]:
    """One product and its slices."""
    weights = [graph.constants[n.inputs[1]] for n in nodes]
    stem = "+".join(n.inputs[1] for n in nodes)
    names = [graph.add_constant(stem, np.concatenate(weights))]
    if any(len(n.inputs) > 2 for n in nodes):
        biases = [
            graph.constants[n.inputs[2]] if len(n.inputs) > 2 else np.zeros(len(w), np.float32)
            for n, w in zip(nodes, weights, strict=True)
        ]
        names.append(graph.add_constant(f"{stem}.bias", np.concatenate(biases)))
    if nodes[0].inputs[1] in graph.keep_float:
        graph.keep_float |= set(names)
    first = graph.values[nodes[0].output]
    rows = sum(len(w) for w in weights)
    whole = graph.fresh("+".join(n.output for n in nodes))
    graph.values[whole] = Value((*first.shape[:-1], rows), first.dtype)
    made = [Node("linear", nodes[0].name, (nodes[0].inputs[0], *names), whole)]
    at = 0
    for node, weight in zip(nodes, weights, strict=True):
        every = tuple((0, n, 1) for n in first.shape[:-1])
        bounds = (*every, (at, at + len(weight), 1))
        made.append(Node("slice", node.name, (whole,), node.output, {"bounds": bounds}))
        at += len(weight)
    return made


def run(graph: Graph, type_: NumberType = NUMBER_TYPES["fp32"]) -> PassResult:
    """Merge every group of two or more at the place of its first product.

    type_: what the products will be stored in.
    """
    after = graph.copy()
    readers: dict[str, int] = defaultdict(int)
    for node in graph.nodes:
        for name in node.inputs:
            readers[name] += 1
    groups: dict[tuple[object, ...], list[Node]] = defaultdict(list)
    for node in graph.nodes:
        key = _class(graph, node, readers, type_)
        if key is not None:
            groups[key].append(node)
    first = {nodes[0].output: nodes for nodes in groups.values() if len(nodes) > 1}
    gone = {node.output for nodes in first.values() for node in nodes}
    after.nodes, notes = [], []
    for node in graph.nodes:
        if node.output in first:
            made = _merged(after, first[node.output])
            after.nodes += made
            rows = after.values[made[0].output].shape[-1]
            names = ", ".join(n.name for n in first[node.output])
            notes.append(f"{names}: one product of {rows} rows on {node.inputs[0]}")
        elif node.output not in gone:
            after.nodes.append(node)
    return PassResult(after, bool(notes), tuple(notes))
