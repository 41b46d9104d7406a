"""Compute what depends on constants alone.

The importer folds a model's own constants; here goes what handlers and passes leave behind. A
result that is larger than what it is made of (an `expand`, say) is left to be a view.
"""

from __future__ import annotations

import numpy as np

from edgernn.graph.ir import MOVEMENT, Graph, Node, PassResult
from edgernn.graph.reference import evaluate


def _worth(graph: Graph, node: Node) -> bool:
    """Movement costs nothing at run time, so it is folded only where it does not grow."""
    if not all(name in graph.constants for name in node.inputs):
        return False
    grown = graph.values[node.output].size > sum(graph.constants[i].size for i in node.inputs)
    return not (node.op in MOVEMENT and grown)


def run(graph: Graph) -> PassResult:
    """Replace nodes by their values; stays float what is made of floats that must stay."""
    after = graph.copy()
    after.nodes, notes = [], []
    for node in graph.nodes:
        if not _worth(after, node):
            after.nodes.append(node)
            continue
        with np.errstate(all="ignore"):  # a step that makes infinity of constants may do so later
            made = evaluate(after, node, [after.constants[name] for name in node.inputs])
        value = after.values[node.output]
        after.constants[node.output] = np.ascontiguousarray(made, value.dtype)
        floats = [n for n in node.inputs if after.constants[n].dtype.kind == "f"]
        if floats and after.keep_float.issuperset(floats):
            after.keep_float |= {node.output}
        notes.append(f"{node.op} {node.name} is a constant of {value.size}")
    return PassResult(after, bool(notes), tuple(notes))
