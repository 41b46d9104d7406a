"""The compiler's graph: static shapes, batch 1, plain ops in the order they run.

Ops (lower case) after `onnx_import`:

    elementwise   add sub mul div maximum minimum neg abs relu sigmoid tanh exp log sqrt
                  round (half to even) floor
                  greater greater_equal (a, b)       1.0 where it holds, else 0.0: a mask
                  where (mask, a, b)                 a where the mask is not 0, else b
    hold          (x, held; threshold, block)        x where it moved from held by more than the
                  threshold, else held: element by element, or for blocks of 4 of the last axis
                  by the root mean square of x - held
    movement      reshape transpose slice concat expand gather
    compute       linear (x, W[rows, cols], b?)      y[..., rows] = W x + b
                  conv1d (x[1, T, C], W[O, K, C/g], b?)   over time, already padded
                  matmul (a, b)                      neither weight of `linear` form
                  reduce_sum reduce_max
                  softmax                            over the last axis
                  layernorm (x, gain[n], bias[n]; eps)   over the last axis
    integer       quantize dequantize requantize qlinear qconv1d qgather and the integer twins of
                  the elementwise ops; written by passes/quantize.py, defined by reference.py
    delta         qhold delta_sum rescale delta_linear; tick (n; period) counts steps; written by
                  passes/quantize.py and passes/delta.py, defined by reference.py

NOTES for developers: no dynamic shapes, no control flow, no subgraphs, on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgernn.backend import Array

UNARY = frozenset(["neg", "abs", "relu", "sigmoid", "tanh", "exp", "log", "sqrt", "round", "floor"])
BINARY = frozenset(["add", "sub", "mul", "div", "maximum", "minimum", "greater", "greater_equal"])
ELEMENTWISE = UNARY | BINARY | frozenset(("where", "quantize", "dequantize", "requantize", "tick"))
MOVEMENT = frozenset(["reshape", "transpose", "slice", "concat", "expand"])


@dataclass(frozen=True, slots=True)
class Quant:
    """How integers stand for reals: real = scale * (integer - zero_point)."""

    scale: float
    zero_point: int = 0

    @property
    def frac(self) -> int:
        """Fraction bits, for the power-of-two scales of 16-bit values."""
        return round(-math.log2(self.scale))


@dataclass(frozen=True, slots=True)
class Value:
    """Shape and element type of one tensor; `quant` if it is quantized."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    quant: Quant | None = None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def nbytes(self) -> int:
        return self.size * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `name` is the node's name in the model it came from."""

    op: str
    name: str
    inputs: tuple[str, ...]
    output: str
    attrs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StateEdge:
    """A state leaf: graph input `name` is next step's value of `new`."""

    name: str
    new: str
    init: Array


@dataclass
class Graph:
    """A whole step. `values` covers inputs, constants and node outputs alike."""

    name: str
    inputs: list[str]
    outputs: list[str]
    states: list[StateEdge]
    nodes: list[Node]
    values: dict[str, Value]
    constants: dict[str, Array]
    keep_float: frozenset[str] = frozenset()

    def copy(self) -> Graph:
        """A graph that can be changed without changing this one."""
        return replace(
            self,
            inputs=list(self.inputs),
            outputs=list(self.outputs),
            states=list(self.states),
            nodes=list(self.nodes),
            values=dict(self.values),
            constants=dict(self.constants),
        )

    def results(self) -> list[str]:
        """All that the graph must produce: outputs and new states."""
        return [*self.outputs, *(state.new for state in self.states)]

    def producers(self) -> dict[str, Node]:
        """Node by the value it makes."""
        return {node.output: node for node in self.nodes}

    def users(self) -> dict[str, list[Node]]:
        """Nodes by the value they read."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    def fresh(self, stem: str) -> str:
        """A value name not taken yet; a colon keeps it apart from names that are still to come."""
        name, k = stem, 1
        while name in self.values:
            name, k = f"{stem}:{k}", k + 1
        return name

    def add_constant(self, stem: str, array: Array) -> str:
        """Store an array under a fresh name."""
        name = self.fresh(stem)
        self.constants[name] = array
        self.values[name] = Value(tuple(array.shape), array.dtype.name)
        return name

    def rename(self, old: str, new: str) -> None:
        """Make every reader of `old` read `new`."""
        swap = {old: new}
        self.nodes = [
            replace(n, inputs=tuple(swap.get(i, i) for i in n.inputs)) if old in n.inputs else n
            for n in self.nodes
        ]
        self.outputs = [swap.get(o, o) for o in self.outputs]
        self.states = [replace(s, new=swap.get(s.new, s.new)) for s in self.states]

    def macs(self) -> int:
        """Multiply-accumulates of one step, exactly; of delta products, were all to move."""
        total = 0
        for node in self.nodes:
            if node.op in ("linear", "qlinear", "conv1d", "qconv1d"):
                weight = self.values[node.inputs[1]].shape
                out = self.values[node.output]
                total += out.size * int(np.prod(weight[1:]))
            elif node.op in ("delta_sum", "delta_linear"):
                total += self.values[node.inputs[3 if node.op == "delta_sum" else 4]].size
            elif node.op == "matmul":
                total += self.values[node.output].size * self.values[node.inputs[0]].shape[-1]
        return total


@dataclass(frozen=True, slots=True)
class PassResult:
    """What a pass made: the graph, whether it changed, and lines for a person."""

    graph: Graph
    modified: bool
    notes: tuple[str, ...] = ()


def walk(names: Iterable[str], graph: Graph) -> Iterator[Node]:
    """Nodes that the named values depend on, in running order."""
    needed = set(names)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
            kept.append(node)
    return reversed(kept)
