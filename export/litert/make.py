"""A step graph's members for LiteRT: the explicit form and, for phones, the stateful one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

import numpy as np

from edgernn.backend import Array
from edgernn.errors import ParityError
from edgernn.export.litert.forms import rounded
from edgernn.export.litert.model import stateful, written
from edgernn.export.litert.program import PLAIN, LitertProgram, StatefulProgram
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.step_graph import StepGraph, state_rows
from edgernn.streams import each_step, noise_frames

COMPARED = 20  # steps of the stateful form beside the explicit one


def members(
    step: StepGraph,
    number_type: str,
    frames: Iterable[Mapping[str, Array]],
    mobile: bool,
) -> dict[str, bytes]:
    """Files by their place in the bundle, the explicit form first. Raises: as `Litert.export`."""
    graph = to_graph(step)
    explicit, products = written(step, graph)
    if number_type != PLAIN:
        explicit = rounded(explicit, products, number_type, graph, frames)
    main = f"{step.name}/litert/{step.name}.tflite"
    if not mobile:
        return {main: explicit}
    kept = stateful(explicit, step.states)
    row = {**step.row(state_rows(step.states)), "number_type": number_type}
    _same(LitertProgram(explicit, row), StatefulProgram(kept, number_type), step)
    return {main: explicit, main.replace(".tflite", ".stateful.tflite"): kept}


def _same(explicit: LitertProgram, kept: StatefulProgram, step: StepGraph) -> None:
    """Both forms over noise, before and after a reset. Raises: ParityError with the first step."""
    frames = [*islice(each_step(noise_frames(step.inputs)), COMPARED)]
    for turn in ("", " after reset"):
        explicit.reset()
        for at, given in enumerate(frames):
            want, got = explicit.step(given), kept.step(given)
            for name, array in want.items():
                if not np.array_equal(array, got[name]):
                    raise ParityError(
                        f"{step.name}: the stateful form's {name} differs from the explicit "
                        f"one's at step {at}{turn}"
                    )
        kept.reset()
