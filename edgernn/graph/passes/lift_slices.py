"""Slices of an elementwise result become slices of its operands.

A cell that adds its two products whole and then cuts the gates apart would make the sum in one
loop and the gates in another; with the cuts above the sum, all gates are one loop, and the sum is
never stored. Done where everyone who reads the result reads a slice, no element twice.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from edgernn.graph.ir import BINARY, UNARY, Graph, Node, PassResult

LIFTED = UNARY | BINARY | {"where"}
Bounds = tuple[tuple[int, int, int], ...]


def _disjoint(cuts: list[Bounds]) -> bool:
    """Whether no two slices share an element; steps above one are taken for whole ranges."""

    def apart(a: Bounds, b: Bounds) -> bool:
        return any(m[1] <= n[0] or n[1] <= m[0] for m, n in zip(a, b, strict=True))

    return all(apart(a, b) for a, b in combinations(cuts, 2))


def _operand_bounds(shape: tuple[int, ...], bounds: Bounds) -> Bounds:
    """Where a slice of a result lies in an operand that broadcasts to it."""
    own = bounds[len(bounds) - len(shape) :]
    return tuple((0, 1, 1) if n == 1 else b for n, b in zip(shape, own, strict=True))


def _cut(graph: Graph, name: str, bounds: Bounds, made: list[Node]) -> str:
    """The slice of an operand: of a constant at once, of what needs no cut itself."""
    value = graph.values[name]
    inner = _operand_bounds(value.shape, bounds)
    if all((a, b, s) == (0, n, 1) for (a, b, s), n in zip(inner, value.shape, strict=True)):
        return name
    if name in graph.constants:
        part = graph.constants[name][tuple(slice(*b) for b in inner)]
        cut = graph.add_constant(f"{name}.cut", np.ascontiguousarray(part))
        graph.keep_float |= {cut} if name in graph.keep_float else set()
        return cut
    shape = tuple(len(range(*b)) for b in inner)
    output = graph.fresh(f"{name}.cut")
    graph.values[output] = replace(value, shape=shape)
    attrs: dict[str, Any] = {"bounds": inner}
    made.append(Node("slice", output, (name,), output, attrs))
    return output


def _liftable(node: Node, users: list[Node], results: set[str]) -> bool:
    if node.op not in LIFTED or node.output in results or not users:
        return False
    if any(user.op != "slice" for user in users):
        return False
    return _disjoint([user.attrs["bounds"] for user in users])


def _round(graph: Graph) -> tuple[Graph, list[str]]:
    """Lift what can be lifted by one op, last op first."""
    after = graph.copy()
    users, results = graph.users(), set(graph.results())
    for at in range(len(graph.nodes) - 1, -1, -1):
        node = graph.nodes[at]
        if not _liftable(node, users.get(node.output, []), results):
            continue
        made: list[Node] = []
        cuts = users[node.output]
        for cut in cuts:
            inputs = tuple(_cut(after, name, cut.attrs["bounds"], made) for name in node.inputs)
            made.append(replace(node, name=cut.name, inputs=inputs, output=cut.output))
        gone = {cut.output for cut in cuts}
        rest = [n for n in graph.nodes[at + 1 :] if n.output not in gone]
        after.nodes = [*graph.nodes[:at], *made, *rest]
        return after, [f"{len(cuts)} slices above {node.op} {node.name}"]
    return after, []


def run(graph: Graph) -> PassResult:
    """Lift until nothing more can be."""
    notes: list[str] = []
    while (step := _round(graph))[1]:
        graph = step[0]
        notes += step[1]
    return PassResult(graph if notes else graph.copy(), bool(notes), tuple(notes))
