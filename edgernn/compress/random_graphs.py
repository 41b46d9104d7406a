"""Sparse by construction: recurrent networks whose wiring is a random graph.

    graph = watts_strogatz(30, neighbours=6, rewiring=1.0, seed=0)
    network = GraphRNN(8, layered(graph), cell="gru")

An edge of the graph is one connection (one weight a gate), a node is one recurrent unit. Edges are
directed from the lower node to the higher, which leaves no cycle, and a node's layer is the
longest path that leads to it; the units of a layer are fully connected through time. Weights
without an edge are masked: exactly zero through training, and constants that fold at export.

Source: Darji 2021, Investigating sparsity in recurrent neural networks, arXiv:2407.20601.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import torch
from torch import Tensor

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.compress.matrices import matrices
from edgernn.compress.parametrized import attach
from edgernn.compress.prune import Masked
from edgernn.errors import MissingExtra, ModelError, UnknownName
from edgernn.state import State
from edgernn.streaming import Streaming

Graph = Any  # a networkx.Graph, which has no types
TRIES = 100  # draws before a graph is given up as never connected

CELLS: dict[str, Callable[[int, int], Streaming]] = {
    "rnn_tanh": lambda inputs, units: RNN(inputs, units),
    "rnn_relu": lambda inputs, units: RNN(inputs, units, nonlinearity="relu"),
    "gru": lambda inputs, units: GRU(inputs, units),
    "lstm": lambda inputs, units: LSTM(inputs, units),
}


def networkx() -> ModuleType:
    """The library of graphs. Raises: MissingExtra when it is not installed."""
    try:
        import networkx
    except ImportError:
        raise MissingExtra("networkx", "compress") from None
    found: ModuleType = networkx
    return found


def erdos_renyi(nodes: int, *, probability: float, seed: int) -> Graph:
    """A connected graph in which each pair of nodes is an edge with this probability."""
    nx = networkx()
    return _connected(lambda k: nx.gnp_random_graph(nodes, probability, seed=k), nodes, seed)


def watts_strogatz(nodes: int, *, neighbours: int, rewiring: float, seed: int) -> Graph:
    """A connected ring of nodes, each tied to its `neighbours` nearest, ends moved by chance.

    rewiring: the probability that an edge is moved; small worlds lie between 0 and 1.
    """
    nx = networkx()
    make = nx.watts_strogatz_graph
    return _connected(lambda k: make(nodes, neighbours, rewiring, seed=k), nodes, seed)


def barabasi_albert(nodes: int, *, attached: int, seed: int) -> Graph:
    """A graph grown node by node, each with `attached` edges that prefer nodes with many."""
    nx = networkx()
    return _connected(lambda k: nx.barabasi_albert_graph(nodes, attached, seed=k), nodes, seed)


def _connected(draw: Callable[[int], Graph], nodes: int, seed: int) -> Graph:
    """The first connected graph of a seeded series. Raises: ModelError if there is none."""
    nx = networkx()
    for attempt in range(TRIES):
        try:
            graph = draw(seed * TRIES + attempt)
        except nx.NetworkXError as cause:
            raise ModelError(f"random graph of {nodes} nodes: {cause}") from cause
        if nodes and nx.is_connected(graph):
            return graph
    raise ModelError(
        f"random graph of {nodes} nodes: none of {TRIES} draws is connected; ask for more edges"
    )


@dataclass(frozen=True, slots=True)
class LayeredGraph:
    """A directed graph without cycles, in layers.

    layers: nodes by layer; every source is in layer 0, and within a layer the sinks (nodes that no
        edge leaves) come last, so that they are one slice of its output.
    edges: pairs (from, to).
    """

    layers: tuple[tuple[int, ...], ...]
    edges: frozenset[tuple[int, int]]

    def sinks(self, layer: int) -> int:
        """How many nodes of a layer have no edge that leaves them."""
        left = {tail for tail, _ in self.edges}
        return sum(node not in left for node in self.layers[layer])

    def sources_of(self, layer: int) -> tuple[int, ...]:
        """The layers that have an edge into this one; the one before it always has."""
        return tuple(k for k in range(layer) if self.mask((k,), layer).any())

    def mask(self, sources: Sequence[int], layer: int) -> Tensor:
        """Which units of a layer read which units of others: bool (units, units of `sources`)."""
        columns = [node for k in sources for node in self.layers[k]]
        rows = [[(tail, node) in self.edges for tail in columns] for node in self.layers[layer]]
        return torch.tensor(rows, dtype=torch.bool)


def layered(graph: Graph) -> LayeredGraph:
    """Direct a graph's edges from lower to higher nodes, and find each node's layer.

    Raises: ModelError for a graph without nodes.
    """
    edges = frozenset((min(pair), max(pair)) for pair in graph.edges if pair[0] != pair[1])
    depth: dict[int, int] = {}
    for node in sorted(graph.nodes):
        depth[node] = max((depth[tail] + 1 for tail, head in edges if head == node), default=0)
    if not depth:
        raise ModelError("layered: the graph has no nodes")
    left = {tail for tail, _ in edges}
    order = sorted(depth, key=lambda node: (node not in left, node))
    layers = range(max(depth.values()) + 1)
    return LayeredGraph(tuple(tuple(n for n in order if depth[n] == k) for k in layers), edges)


class GraphRNN(Streaming):
    """A recurrent network wired as a layered graph: one cell a layer, one unit a node.

    Layer 0 reads all of x. Any other layer reads the units that have an edge into it.

    cell: `rnn_tanh`, `rnn_relu`, `gru` or `lstm`.
    skips: how an edge that passes over layers arrives. `inputs` (ours) joins its tail to what the
        layer's one cell reads. `cells` (the thesis) gives every pair of layers that are not
        neighbours a cell of its own, with its own recurrent weights, and adds its output to that
        of the layer: as many cells as pairs, several times the recurrent weights.
    reads: what y is. `sinks` (ours) joins the units that no edge leaves, in whatever layer.
        `last` (the thesis) is the last layer; sinks in other layers then serve nothing.

    Weights: a cell called `layerK` a layer, `skipJ_K` from layer J to K.

    Shapes: x (B, T, I) -> y (B, T, `output_size`); state: that of each cell, by its name.
    Raises: ShapeError if x's last axis is not I; UnknownName for another cell, skips or reads.
    """

    def __init__(
        self,
        input_size: int,
        graph: LayeredGraph,
        *,
        cell: str = "gru",
        skips: Literal["inputs", "cells"] = "inputs",
        reads: Literal["sinks", "last"] = "sinks",
    ) -> None:
        super().__init__()
        known = {"cell": CELLS, "skips": ("inputs", "cells"), "reads": ("sinks", "last")}
        for kind, name in (("cell", cell), ("skips", skips), ("reads", reads)):
            if name not in known[kind]:
                raise UnknownName(kind, name, known[kind])
        self.graph, self.skips, self.reads = graph, skips, reads
        self.reading: dict[str, tuple[int, ...]] = {}  # by cell: the layers that it reads
        for k, nodes in enumerate(graph.layers):
            before = graph.sources_of(k)
            main, apart = (before, ()) if skips == "inputs" else (before[-1:], before[:-1])
            cells = {f"layer{k}": main, **{f"skip{j}_{k}": (j,) for j in apart}}
            for name, sources in cells.items():
                inputs = sum(len(graph.layers[j]) for j in sources) or input_size
                made = CELLS[cell](inputs, len(nodes))
                if sources:
                    mask = graph.mask(sources, k)
                    gates = made.get_parameter("rnn.weight_ih_l0").shape[0] // len(nodes)
                    hold_at_zero(made, "weight_ih_l0", mask.repeat(gates, 1))
                self.add_module(name, made)
                self.reading[name] = sources
        self.last = len(graph.layers) - 1
        ends = {k: graph.sinks(k) for k in range(self.last + 1)}
        self.ends = ends if reads == "sinks" else {self.last: len(graph.layers[-1])}
        self.output_size = sum(self.ends.values())

    def initial_state(self, batch: int) -> State:
        return {name: self._cell(name).initial_state(batch) for name in self.reading}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs: dict[int, Tensor] = {}
        after: dict[str, State] = {}
        for name, sources in self.reading.items():
            layer = int(name.rpartition("_" if name.startswith("skip") else "r")[2])
            read = [outputs[j] for j in sources] or [x]
            joined = read[0] if len(read) == 1 else torch.cat(read, dim=2)
            y, after[name] = self._cell(name).step(joined, state[name])
            outputs[layer] = outputs[layer] + y if layer in outputs else y
        ends = [outputs[k][:, :, -units:] for k, units in self.ends.items() if units]
        return ends[0] if len(ends) == 1 else torch.cat(ends, dim=2), after

    def _cell(self, name: str) -> Streaming:
        cell = self.get_submodule(name)
        assert isinstance(cell, Streaming)
        return cell


def hold_at_zero(cell: Streaming, name: str, mask: Tensor) -> None:
    """Hold a weight of a recurrent cell at zero where `mask` (of its shape) is false."""
    matrix = next(matrix for matrix in matrices(cell) if matrix.parameter == name)
    masked = Masked(matrix.original)
    masked.mask.copy_(mask)
    attach(matrix, masked)
