"""Products of a held input as running sums: only what has moved is read.

    y = rescale(start + W held)   becomes   sum' = sum + W (held' - held);  y = rescale(sum')

The sums are integers, so both forms give the same bits after any number of steps. Float sums would
drift, so a float graph is left as it is.

Source: Neil et al. 2016, arXiv:1612.05571. Differs: sums are exact, thresholds are the model's.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgernn.backend import Array
from edgernn.graph import fixed_point as fx
from edgernn.graph.ir import Graph, Node, PassResult, StateEdge, Value


def _hold_of(graph: Graph, producers: dict[str, Node], name: str) -> Node | None:
    """The `qhold` whose whole output `name` is, seen through reshapes."""
    node = producers.get(name)
    while node is not None and node.op == "reshape":
        node = producers.get(node.inputs[0])
    return node if node is not None and node.op == "qhold" else None


def _one_frame(graph: Graph, node: Node) -> bool:
    return graph.values[node.inputs[0]].size == graph.values[node.inputs[1]].shape[1]


def _initial_sum(graph: Graph, node: Node, held: Array) -> Array:
    weight, start, _, *gain = (graph.constants[name] for name in node.inputs[1:])
    return fx.accumulate(weight, start, held.reshape(-1), *gain).astype(np.int32)


def run(graph: Graph) -> PassResult:
    """Rewrite every product of one frame that reads a held state.

    A step of several frames holds one after another; only the last one's sum could be carried, so
    such a step stays dense.
    """
    after = graph.copy()
    producers = graph.producers()
    states = {(state.name, state.new): state for state in graph.states}
    nodes: list[Node] = []
    notes = []
    for node in graph.nodes:
        held = _hold_of(graph, producers, node.inputs[0]) if node.op == "qlinear" else None
        state = None if held is None else states.get((held.inputs[1], held.output))
        if held is None or state is None or not _one_frame(graph, node):
            nodes.append(node)
            continue
        rows = graph.values[node.inputs[1]].shape[0]
        leaf, new = after.fresh(f"{node.name}.sum"), after.fresh(f"{node.name}.new_sum")
        after.values[leaf] = after.values[new] = Value((rows,), "int32")
        attrs = {"bits": node.attrs["bits"], "block": held.attrs["block"]}
        weights = (node.inputs[1], *node.inputs[4:])
        nodes.append(
            Node(
                "delta_sum",
                node.name,
                (held.inputs[1], held.output, leaf, *weights),
                new,
                {**attrs, "chunk": held.attrs["chunk"]},
            )
        )
        scaling = {key: node.attrs[key] for key in ("lead", "shift")}
        nodes.append(replace(node, op="rescale", inputs=(new, node.inputs[3]), attrs=scaling))
        after.states.append(StateEdge(leaf, new, _initial_sum(graph, node, state.init)))
        notes.append(f"{node.name}: {rows} running sums, blocks of {held.attrs['block']}")
    after.nodes = nodes
    return PassResult(after, bool(notes), tuple(notes))
