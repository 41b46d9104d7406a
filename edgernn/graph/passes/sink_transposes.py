"""Move transposes below elementwise ops, and cancel those that meet their inverse.

A convolution arrives as transpose, conv1d, transpose; what stands between two of them (a folded
BatchNorm, an activation) is computed time-major instead, and the pair disappears.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgernn.graph.ir import BINARY, UNARY, Graph, Node, PassResult


def _inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argsort(perm))


def _aligned_constant(graph: Graph, name: str, perm: tuple[int, ...]) -> str | None:
    """A constant operand as seen before the transpose; None if it is no constant."""
    array = graph.constants.get(name)
    if array is None:
        return None
    if array.size == 1:
        return name
    full = array.reshape((1,) * (len(perm) - array.ndim) + array.shape)
    return graph.add_constant(name, np.ascontiguousarray(full.transpose(_inverse(perm))))


def _sink(graph: Graph, node: Node, made: dict[str, Node]) -> list[Node] | None:
    """elementwise(transpose(x), ...) as transpose(elementwise(x, ...)); None if it cannot."""
    turned = [made[i] for i in node.inputs if i in made and made[i].op == "transpose"]
    if not turned or len({t.attrs["perm"] for t in turned}) != 1:
        return None
    perm = turned[0].attrs["perm"]
    if any(len(graph.values[name].shape) > len(perm) for name in node.inputs):
        return None  # broadcasting adds an axis that the transpose does not know
    inputs = []
    for name in node.inputs:
        source = made.get(name)
        if source is not None and source.op == "transpose":
            inputs.append(source.inputs[0])
            continue
        constant = _aligned_constant(graph, name, perm)
        if constant is None:
            return None
        inputs.append(constant)
    out = graph.values[node.output]
    inner = graph.fresh(f"{node.output}.early")
    shape = tuple(out.shape[i] for i in _inverse(perm))
    graph.values[inner] = replace(out, shape=shape)
    return [
        replace(node, inputs=tuple(inputs), output=inner),
        Node("transpose", node.name, (inner,), node.output, {"perm": perm}),
    ]


def run(graph: Graph) -> PassResult:
    """Sink every transpose that can be, then cancel pairs."""
    after = graph.copy()
    made: dict[str, Node] = {}
    nodes: list[Node] = []
    renamed: dict[str, str] = {}
    sunk = cancelled = 0
    for original in graph.nodes:
        node = replace(original, inputs=tuple(renamed.get(i, i) for i in original.inputs))
        parts = [node]
        if node.op in UNARY or node.op in BINARY:
            parts = _sink(after, node, made) or parts
            sunk += len(parts) - 1
        elif node.op == "transpose":
            below = made.get(node.inputs[0])
            if below is not None and below.op == "transpose":
                perm = tuple(below.attrs["perm"][i] for i in node.attrs["perm"])
                if perm == tuple(range(len(perm))):
                    renamed[node.output] = below.inputs[0]
                    cancelled += 1
                    continue
                parts = [replace(node, inputs=below.inputs, attrs={"perm": perm})]
        nodes += parts
        made.update((part.output, part) for part in parts)
    after.nodes = nodes
    for old, new in renamed.items():
        after.rename(old, new)
    notes = (f"{sunk} sunk, {cancelled} pairs cancelled",) if sunk + cancelled else ()
    return PassResult(after, bool(notes), notes)
