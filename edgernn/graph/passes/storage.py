"""Which values are the same numbers in other places, and so must share one number type.

Movement (slice, concat, reshape, ...) and the step from a new state to the next old one change no
number. Values tied by them form a group; `quantize` chooses one type for each group.
"""

from __future__ import annotations

from collections import defaultdict

from edgernn.graph.ir import MOVEMENT, Graph, Node

QUANTIZABLE = ("linear", "conv1d")
INTEGER_TWINS = frozenset(
    ("add", "sub", "mul", "maximum", "minimum", "relu", "neg", "sigmoid", "tanh")
)


class Storage:
    """Groups of values, and the type each is stored in: `float32`, `int16` or `int8`."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._parent = {name: name for name in graph.values}
        for node in graph.nodes:
            if node.op in MOVEMENT:
                for name in node.inputs:
                    if name not in graph.constants:
                        self._join(name, node.output)
        for state in graph.states:
            self._join(state.name, state.new)
        self.heavy = {n.output for n in graph.nodes if self._quantizable(n)}
        self.integer = self._integer_nodes()
        self.kind = self._kinds()

    def root(self, name: str) -> str:
        """The group of a value."""
        while self._parent[name] != name:
            self._parent[name] = name = self._parent[self._parent[name]]
        return name

    def members(self) -> dict[str, list[str]]:
        """Values of each group; constants belong to none."""
        found = defaultdict(list)
        for name in self.graph.values:
            if name not in self.graph.constants:
                found[self.root(name)].append(name)
        return found

    def of(self, name: str) -> str:
        """The type a value is stored in."""
        return self.kind[self.root(name)]

    def _join(self, a: str, b: str) -> None:
        self._parent[self.root(a)] = self.root(b)

    def _quantizable(self, node: Node) -> bool:
        weight = node.inputs[1] if node.op in QUANTIZABLE else ""
        return weight in self.graph.constants and weight not in self.graph.keep_float

    def _integer_nodes(self) -> set[str]:
        """Outputs of elementwise nodes that read, through any path, a quantized product."""
        groups = {self.root(name) for name in self.heavy}
        found: set[str] = set()
        grown = True
        while grown:
            grown = False
            for node in self.graph.nodes:
                if node.op not in INTEGER_TWINS or node.output in found:
                    continue
                if any(self.root(i) in groups for i in node.inputs):
                    found.add(node.output)
                    groups.add(self.root(node.output))
                    grown = True
        return found

    def _kinds(self) -> dict[str, str]:
        sinks = defaultdict(list)
        for node in self.graph.nodes:
            if node.op not in MOVEMENT:
                for name in node.inputs[:1] if node.output in self.heavy else node.inputs:
                    sinks[self.root(name)].append(node.output)
        outputs = {self.root(name) for name in self.graph.outputs}
        integer = {self.root(name) for name in self.heavy | self.integer}
        kinds = {}
        for group in self.members():
            readers = sinks[group]
            if readers and all(r in self.heavy for r in readers) and group not in outputs:
                kinds[group] = "int8"
            else:
                kinds[group] = "int16" if group in integer else "float32"
        return kinds
