"""Products of a held input as running sums: only what has moved is read.

    y = rescale(start + W held)   becomes   sum' = sum + W (held' - held);  y = rescale(sum')
    y = b + W held                becomes   y = sum' = sum + W (held' - held)

Sums of integers are exact: both forms give the same bits after any number of steps. Sums of floats
are rounded, and what that leaves behind would grow with the steps. So every row of them is summed
anew, as b + W held', once in PERIOD steps, a few rows in each: the error is that of PERIOD steps
after any number of them, and what an infinite input has spoilt is mended as soon.

Source: Neil et al. 2016, arXiv:1612.05571. Differs: sums are exact or summed anew, thresholds are
the model's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from edgernn.backend import Array
from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import Graph, Node, PassResult, StateEdge, Value

PERIOD = 64  # steps in which every sum of floats is made anew once; our choice
LISTED = 1 << 16  # columns: their numbers have 16 bits
# of float products over one hold: fewer gain too little to pay for the list of what moved. Our
# choice; instructions on aarch64 break even between 4 and 8
FEWEST_ROWS = 8


@dataclass
class _Rewriter:
    """Rewrites products one by one; `nodes` are those of the new graph."""

    old: Graph
    graph: Graph
    nodes: list[Node] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)  # float holds whose moves are listed
    notes: list[str] = field(default_factory=list)
    age: str = ""  # the step's place in the period

    def __post_init__(self) -> None:
        self.producers = self.old.producers()
        self.states = {(state.name, state.new): state for state in self.old.states}
        self.readers: dict[str, int] = {}  # float hold -> rows of the products that read it
        for node in self.old.nodes:
            held = self.hold_of(node) if node.op == "linear" else None
            if held is not None:
                rows = self.old.values[node.inputs[1]].shape[0]
                self.readers[held.output] = self.readers.get(held.output, 0) + rows

    def hold_of(self, node: Node) -> Node | None:
        """The hold whose whole output a product reads, seen through reshapes."""
        held = self.producers.get(node.inputs[0])
        while held is not None and held.op == "reshape":
            held = self.producers.get(held.inputs[0])
        wanted = {"qlinear": "qhold", "linear": "hold"}[node.op]
        return held if held is not None and held.op == wanted else None

    def dense(self, node: Node, held: Node) -> str:
        """Why a product of a held input must be dense, or nothing."""
        cols = self.old.values[node.inputs[1]].shape[1]
        if (held.inputs[1], held.output) not in self.states:
            return "only the last frame's sums could be carried"
        if self.old.values[held.output].size != cols:
            return "it reads several frames or parts of one"
        if cols >= LISTED:
            return f"{cols:,} columns are too many to be listed"
        if node.op == "linear" and (rows := self.readers[held.output]) < FEWEST_ROWS:
            return f"{rows} rows a column do not pay for the list"
        return ""

    def sums(self, node: Node, shape: tuple[int, ...], init: Array) -> str:
        """A state leaf of running sums."""
        leaf = self.graph.fresh(f"{node.name}.sum")
        self.graph.values[leaf] = Value(shape, init.dtype.name)
        return leaf

    def carry(self, leaf: str, new: str, init: Array) -> None:
        self.graph.states.append(StateEdge(leaf, new, init))

    def integer(self, node: Node, held: Node) -> None:
        """Exact sums, and what rescales them."""
        weight, start, _, *gain = (self.old.constants[name] for name in node.inputs[1:])
        before = self.states[held.inputs[1], held.output].init
        init = fx.accumulate(weight, start, before.reshape(-1), *gain).astype(np.int32)
        leaf = self.sums(node, (len(weight),), init)
        new = self.graph.fresh(f"{node.name}.new_sum")
        self.graph.values[new] = self.graph.values[leaf]
        inputs = (held.inputs[1], held.output, leaf, node.inputs[1], *node.inputs[4:])
        attrs = {key: held.attrs[key] for key in ("block", "chunk")}
        attrs |= {"bits": node.attrs["bits"]}
        scaling = {key: node.attrs[key] for key in ("lead", "shift")}
        self.nodes.append(Node("delta_sum", node.name, inputs, new, attrs))
        self.nodes.append(replace(node, op="rescale", inputs=(new, node.inputs[3]), attrs=scaling))
        self.carry(leaf, new, init)
        self.notes.append(
            f"{node.name}: {len(weight)} running sums, {_unit(attrs['block'])} that move"
        )

    def real(self, node: Node, held: Node) -> None:
        """Sums of floats, a few of them made anew."""
        weight = self.old.constants[node.inputs[1]]
        bias = node.inputs[2] if len(node.inputs) > 2 else ""
        if not bias:
            zeros = np.zeros(len(weight), np.float32)
            bias = self.graph.add_constant(f"{node.inputs[1]}.bias", zeros)
        before = self.states[held.inputs[1], held.output].init.reshape(-1).astype(np.float64)
        exact = weight.astype(np.float64) @ before + self.graph.constants[bias]
        shape = self.old.values[node.output].shape
        init = exact.reshape(shape).astype(np.float32)
        leaf = self.sums(node, shape, init)
        inputs = (held.inputs[1], held.output, leaf, self.aged(), node.inputs[1], bias)
        attrs = {"block": held.attrs["block"], "period": PERIOD}
        self.nodes.append(Node("delta_linear", node.name, inputs, node.output, attrs))
        self.carry(leaf, node.output, init)
        self.listed.add(held.output)
        self.notes.append(
            f"{node.name}: {len(weight)} running sums, {_unit(attrs['block'])} that move, "
            f"each sum made anew every {PERIOD} steps"
        )

    def aged(self) -> str:
        """The counter of steps that all float sums share, made where the first of them is."""
        if not self.age:
            leaf, self.age = self.graph.fresh("delta.age"), self.graph.fresh("delta.new_age")
            self.graph.values[leaf] = self.graph.values[self.age] = Value((1,), "int32")
            self.nodes.append(Node("tick", leaf, (leaf,), self.age, {"period": PERIOD}))
            self.carry(leaf, self.age, np.zeros(1, np.int32))
        return self.age

    def node(self, node: Node) -> None:
        held = self.hold_of(node) if node.op in ("qlinear", "linear") else None
        why = "" if held is None else self.dense(node, held)
        if held is None or why:
            self.nodes.append(node)
            self.notes += [f"{node.name} stays dense: {why}"] if why else []
        elif node.op == "qlinear":
            self.integer(node, held)
        else:
            self.real(node, held)


def _unit(block: int) -> str:
    return "columns" if block == 1 else f"blocks of {block} columns"


def run(graph: Graph) -> PassResult:
    """Rewrite every product of one frame that reads a held state.

    A step of several frames holds one after another; only the last one's sum could be carried, so
    such a step stays dense.
    """
    work = _Rewriter(graph, graph.copy())
    for node in graph.nodes:
        work.node(node)
    work.graph.nodes = [
        replace(node, attrs={**node.attrs, "listed": True}) if node.output in work.listed else node
        for node in work.nodes
    ]
    made = len(work.graph.states) > len(graph.states)
    return PassResult(work.graph, made, tuple(work.notes))
