"""Fold a per-row factor or bias that follows a linear or conv1d into its weights.

BatchNorm in evaluation is such a pair; so is the bias that exporters write as a separate Add.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgernn.backend import Array
from edgernn.graph.ir import Graph, Node, PassResult


def _per_row(graph: Graph, node: Node, source: str) -> Array | None:
    """The constant operand of `node` as one number a row of `source`'s producer, or None."""
    others = [name for name in node.inputs if name != source]
    array = graph.constants.get(others[0]) if len(others) == 1 else None
    if array is None or (node.op == "sub" and node.inputs[0] != source):
        return None
    rows = graph.values[source].shape[-1]
    out = graph.values[node.output].shape
    if out != graph.values[source].shape or array.size not in (1, rows):
        return None
    if array.size == rows and array.shape[-1:] != (rows,):
        return None
    return np.broadcast_to(array.reshape(-1), (rows,)).astype(np.float64)


def _folded(graph: Graph, target: Node, node: Node, factor: Array) -> Node:
    """`target` with the affine op applied to its constants."""
    weight = graph.constants[target.inputs[1]].astype(np.float64)
    bias = np.zeros(weight.shape[0])
    if len(target.inputs) > 2:
        bias = graph.constants[target.inputs[2]].astype(np.float64)
    if node.op == "mul":
        weight = weight * factor.reshape(-1, *[1] * (weight.ndim - 1))
        bias = bias * factor
    else:
        bias = bias + (factor if node.op == "add" else -factor)
    names = []
    for array, stem in ((weight, target.inputs[1]), (bias, f"{target.inputs[1]}.bias")):
        name = graph.add_constant(stem, array.astype(np.float32))
        if target.inputs[1] in graph.keep_float:
            graph.keep_float |= {name}
        names.append(name)
    return replace(target, inputs=(target.inputs[0], *names))


def _same_rows(graph: Graph, node: Node) -> bool:
    """Whether a reshape keeps the last axis."""
    return graph.values[node.output].shape[-1:] == graph.values[node.inputs[0]].shape[-1:]


def run(graph: Graph) -> PassResult:
    """Fold until nothing more folds; reshapes that keep the last axis are looked through."""
    after = graph.copy()
    users = graph.users()
    results = set(graph.results())
    chains: dict[str, tuple[int, int]] = {}  # value -> its product, the node that gives it
    nodes: list[Node] = []
    notes = []
    for node in graph.nodes:
        source = next((name for name in node.inputs if name in chains), None)
        alone = source is not None and len(users[source]) == 1 and source not in results
        factor = None
        if alone and node.op in ("mul", "add", "sub"):
            factor = _per_row(after, node, str(source))
        if factor is not None:
            product, last = chains.pop(str(source))
            nodes[product] = _folded(after, nodes[product], node, factor)
            nodes[last] = replace(nodes[last], output=node.output)
            chains[node.output] = (product, last)
            notes.append(f"{node.op} {node.name} into {nodes[product].name}")
            continue
        if node.op in ("linear", "conv1d"):
            chains[node.output] = (len(nodes), len(nodes))
        elif alone and node.op == "reshape" and _same_rows(graph, node):
            chains[node.output] = (chains[str(source)][0], len(nodes))
        nodes.append(node)
    after.nodes = nodes
    return PassResult(after, bool(notes), tuple(notes))
