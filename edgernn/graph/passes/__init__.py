"""Graph rewrites, one a file: `run(graph) -> PassResult`, none changes its argument.

The order is the pipeline of the C compiler; each may rely on what ran before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from edgernn.graph.ir import Graph
from edgernn.graph.number_type import NUMBER_TYPES, NumberType
from edgernn.graph.passes import (
    common_subexpressions,
    dead_code,
    find_holds,
    fold_affine,
    fold_constants,
    lift_slices,
    merge_matvecs,
    narrow_concats,
    sink_transposes,
)

# dead code goes first where a reader that is dead would hold a rewrite back; biases are folded
# before products are merged, and what merging cuts apart is cut above the ops that read it
PIPELINE: Sequence[ModuleType] = (
    *(find_holds, fold_constants, common_subexpressions, sink_transposes, dead_code),
    *(fold_affine, merge_matvecs, narrow_concats, lift_slices, dead_code),
)


def simplify(graph: Graph, type_: NumberType = NUMBER_TYPES["fp32"]) -> tuple[Graph, list[str]]:
    """Run the pipeline; gives the graph and a line for each thing that a pass did.

    type_: what its products will be stored in, which tells what may be merged.
    """
    notes: list[str] = []
    for rewrite in PIPELINE:
        result = rewrite.run(graph, type_) if rewrite is merge_matvecs else rewrite.run(graph)
        graph = result.graph
        name = rewrite.__name__.rsplit(".", 1)[-1]
        notes += [f"{name}: {note}" for note in result.notes]
    return graph, notes
