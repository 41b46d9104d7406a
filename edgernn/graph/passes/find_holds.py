"""Find what holds its last value until its input moves, and make it one `hold`.

    where(|x - held| > threshold, x, held)                                    element by element
    where(sum over 4 of (x - held)^2 > 4 threshold^2, x, held)                by blocks of 4

as `edgernn.layers.hold` is captured. What it was computed with is left to `dead_code`.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from edgernn.backend import Array
from edgernn.graph.ir import Graph, Node, PassResult
from edgernn.graph.reference import hold_limit

BLOCK = 4
_Found = tuple[float, int]  # threshold, block


class _Finder:
    """Reads the graph upwards from a `where`."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.producers = graph, graph.producers()

    def made_by(self, name: str, *ops: str) -> Node | None:
        node = self.producers.get(name)
        return node if node is not None and node.op in ops else None

    def found(self, node: Node) -> _Found | None:
        """Threshold and block if the node is a hold of its second input in its third."""
        mask, x, held = node.inputs
        shapes = {self.graph.values[name].shape for name in (x, held, node.output)}
        if len(shapes) != 1:
            return None
        compared = self.made_by(mask, "greater")
        if compared is not None:
            return self.elements(compared, x, held)
        return self.blocks(mask, x, held)

    def differ(self, name: str, x: str, held: str) -> bool:
        """Whether a value is x - held or held - x."""
        node = self.made_by(name, "sub")
        return node is not None and node.inputs in ((x, held), (held, x))

    def elements(self, compared: Node, x: str, held: str) -> _Found | None:
        size, bound = compared.inputs
        limit = self.graph.constants.get(bound)
        absolute = self.made_by(size, "abs")
        if limit is None or limit.size != 1 or absolute is None or limit.reshape(-1)[0] < 0:
            return None
        return (
            (float(limit.reshape(-1)[0]), 1) if self.differ(absolute.inputs[0], x, held) else None
        )

    def blocks(self, mask: str, x: str, held: str) -> _Found | None:
        """A mask that is one number a block, spread over the last axis, which may be cut short."""
        channels = self.graph.values[x].shape[-1]
        cut = self.made_by(mask, "slice")
        if cut is not None:
            first = all(start == 0 and step == 1 for start, _, step in cut.attrs["bounds"])
            mask = cut.inputs[0] if first else ""
        spread = self._through(mask, "reshape", "expand")
        compared = None if spread is None else self.made_by(spread, "greater")
        if compared is None:
            return None
        summed = self.made_by(compared.inputs[0], "reduce_sum")
        if summed is None or not self._over_blocks(summed, x):
            return None
        threshold = self._threshold(self.graph.constants.get(compared.inputs[1]), channels)
        squares = self._unpadded(self._through(summed.inputs[0], "reshape"), x)
        if threshold is None or squares is None or len(set(squares.inputs)) != 1:
            return None
        return (threshold, BLOCK) if self.differ(squares.inputs[0], x, held) else None

    def _through(self, name: str, *ops: str) -> str | None:
        """The value before these ops, the last one first."""
        for op in ops:
            node = self.made_by(name, op)
            if node is None:
                return None
            name = node.inputs[0]
        return name

    def _over_blocks(self, summed: Node, x: str) -> bool:
        """Whether the sum runs over blocks of 4 of x's last axis, and nothing else."""
        *rows, channels = self.graph.values[x].shape
        count = -(-channels // BLOCK)
        shape = self.graph.values[summed.inputs[0]].shape
        return shape == (math.prod(rows), count, BLOCK) and tuple(summed.attrs["axes"]) == (2,)

    def _unpadded(self, name: str | None, x: str) -> Node | None:
        """The product that makes the squares, before zeros fill the last block."""
        if name is None:
            return None
        joined = self.made_by(name, "concat")
        if joined is not None:
            squares, *zeros = joined.inputs
            last = joined.attrs["axis"] == len(self.graph.values[x].shape) - 1
            if not last or any(self._not_zero(zero) for zero in zeros):
                return None
            name = squares
        node = self.made_by(name, "mul")
        same = node is not None and self.graph.values[name].shape == self.graph.values[x].shape
        return node if same else None

    def _not_zero(self, name: str) -> bool:
        array = self.graph.constants.get(name)
        return array is None or bool(array.any())

    def _threshold(self, limits: Array | None, channels: int) -> float | None:
        """The threshold behind the limits of all blocks, if there is one for them all."""
        count, rest = -(-channels // BLOCK), channels % BLOCK
        if limits is None or limits.size not in (1, count) or limits.min() < 0:
            return None
        flat = np.broadcast_to(limits.reshape(-1), (count,)).astype(np.float32)
        sizes = [BLOCK] * (channels // BLOCK) + ([rest] if rest else [])
        threshold = float(np.float32(math.sqrt(float(flat[0]) / sizes[0])))
        fits = all(
            limit == hold_limit(threshold, size) for limit, size in zip(flat, sizes, strict=True)
        )
        return threshold if fits else None


def run(graph: Graph) -> PassResult:
    """Replace every `where` that is a hold."""
    after = graph.copy()
    finder = _Finder(graph)
    notes = []
    for index, node in enumerate(graph.nodes):
        found = finder.found(node) if node.op == "where" else None
        if found is None:
            continue
        attrs = {"threshold": found[0], "block": found[1]}
        after.nodes[index] = replace(node, op="hold", inputs=node.inputs[1:], attrs=attrs)
        unit = "elements" if found[1] == 1 else f"blocks of {found[1]}"
        notes.append(f"{node.name} holds {unit} that move by at most {found[0]:.6g}")
    return PassResult(after, bool(notes), tuple(notes))
