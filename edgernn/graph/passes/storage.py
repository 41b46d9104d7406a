"""Which values are the same numbers in other places, and so must share one number type.

Movement (slice, concat, reshape, ...) and the step from a new state to the next old one change no
number. Values tied by them form a group; `quantize` chooses one type for each group. A `hold`
gives back what it holds, so these two are one group; its x belongs to it as well if, like what is
held, nothing but products reads it. Else x is converted where it is held: the `h` of a GRU has 16
bits, while what its products hold of it has 8. Vectors of a table are integers where only such
nodes read them as will compute with integers.
"""

from __future__ import annotations

from collections import defaultdict

from edgernn.graph.ir import MOVEMENT, Graph, Node

QUANTIZABLE = ("linear", "conv1d")
INTEGER_TWINS = frozenset(
    ("add", "sub", "mul", "maximum", "minimum", "relu", "neg", "sigmoid", "tanh", "round", "floor")
)


class Storage:
    """Groups of values, and the type each is stored in: `float32`, `int16`, `narrow` or `computed`.

    narrow: the type of what only products read. computed: the type of states that integers compute.
    """

    def __init__(self, graph: Graph, narrow: str = "int8", computed: str = "int16") -> None:
        self.graph, self.narrow, self.computed = graph, narrow, computed
        self._parent = {name: name for name in graph.values}
        for node in graph.nodes:
            if node.op in MOVEMENT:
                for name in node.inputs:
                    if name not in graph.constants:
                        self._join(name, node.output)
        for state in graph.states:
            self._join(state.name, state.new)
        self.heavy = {n.output for n in graph.nodes if self._quantizable(n)}
        self._join_holds([node for node in graph.nodes if node.op == "hold"])
        self.integer = self._integer_nodes()
        self.only_multiplied: set[str] = set()  # groups that only products read
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

    def _join_holds(self, holds: list[Node]) -> None:
        for node in holds:
            self._join(node.inputs[1], node.output)
        outputs = {self.root(name) for name in self.graph.outputs}
        readers = self._readers()

        def only_read_by(name: str, allowed: set[str]) -> bool:
            group = self.root(name)
            return group not in outputs and allowed.issuperset(readers.get(group, ()))

        holds = [n for n in holds if readers.get(self.root(n.output))]
        holds = [n for n in holds if only_read_by(n.output, self.heavy)]
        narrow = self.heavy | {node.output for node in holds}
        joined = [n for n in holds if only_read_by(n.inputs[0], narrow)]
        for node in joined:
            self._join(node.inputs[0], node.output)

    def _readers(self) -> dict[str, list[str]]:
        """Outputs of the nodes that compute with a value of each group."""
        found = defaultdict(list)
        for node in self.graph.nodes:
            if node.op in MOVEMENT:
                continue
            inputs = node.inputs
            if node.output in self.heavy:
                inputs = inputs[:1]
            elif node.op == "hold":
                inside = self.root(inputs[0]) == self.root(node.output)
                inputs = () if inside else inputs[:1]
            for name in inputs:
                found[self.root(name)].append(node.output)
        return found

    def _quantizable(self, node: Node) -> bool:
        weight = node.inputs[1] if node.op in QUANTIZABLE else ""
        return weight in self.graph.constants and weight not in self.graph.keep_float

    def _looks_up(self, node: Node) -> bool:
        return node.op == "gather" and node.inputs[0] not in self.graph.keep_float

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
        sinks = self._readers()
        outputs = {self.root(name) for name in self.graph.outputs}
        computing = self.heavy | self.integer
        integer = {self.root(name) for name in computing}
        looked_up = {self.root(n.output) for n in self.graph.nodes if self._looks_up(n)}
        held = {self.root(n.output) for n in self.graph.nodes if n.op == "hold"}
        states = {self.root(state.name) for state in self.graph.states}
        kinds = {}
        for group in self.members():
            readers = set(sinks[group])
            inside = bool(readers) and group not in outputs
            if inside and readers <= self.heavy:
                self.only_multiplied.add(group)
                kinds[group] = self.narrow
            else:
                whole = self.computed if group in states else "int16"
                made = group in integer or (group in looked_up and inside and readers <= computing)
                kinds[group] = whole if made and group not in held else "float32"
        return kinds
