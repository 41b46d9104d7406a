"""Our own contenders: the step as C, called in this process, and in a loop written in C."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender, view
from edgernn.backend import find_runner
from edgernn.export.c.source import CSource, compile_step, number_typed
from edgernn.graph.step_graph import StepGraph
from edgernn.target import find_target
from edgernn.toolchain import build_library

Array = NDArray[Any]

LOOP = """#include "{name}.h"
void {name}_loop(void *state, void *scratch, const float *frames, float *x, float *y, float *out,
                 uint32_t count, uint32_t steps) {{
  for (uint32_t k = 0; k < steps; ++k) {{
    const float *frame = frames + (k % count) * {inputs}u;
    for (uint32_t i = 0; i < {inputs}u; ++i) x[i] = frame[i];
    {name}_step(state, scratch, x, y);
    for (uint32_t i = 0; i < {outputs}u; ++i) out[i] = y[i];
  }}
}}
"""


def host_source(graph: StepGraph, number_type: str, calibration: Array) -> CSource:
    """The C of a step for this machine."""
    port = graph.inputs[0].name
    typed, _ = number_typed(graph, number_type, ({port: frame} for frame in calibration))
    return compile_step(graph, typed, number_type, isas=find_target("host").isa)


def compiled(graph: StepGraph, number_type: str, calibration: Array, frames: Array) -> Contender:
    """The step in a shared library; `alone` runs it over `frames` in a loop in C."""
    source = host_source(graph, number_type, calibration)
    shape_in, shape_out = graph.inputs[0].shape, graph.outputs[0].shape
    name, facts = source.symbol, source.facts
    loop = LOOP.format(name=name, inputs=int(np.prod(shape_in)), outputs=int(np.prod(shape_out)))
    with tempfile.TemporaryDirectory() as folder:
        host = find_target("host")
        files = {**source.files(), "loop.c": loop}
        path = build_library(files, host, Path(folder), name=name, exports=[f"{name}_loop"])
        module: Any = find_runner("local").load(path.read_bytes(), host)
    state, scratch = (module.alloc(max(facts[f"{k}_bytes"], 16)) for k in ("state", "scratch"))
    x_at, y_at, out_at = (
        module.alloc(4 * int(np.prod(shape))) for shape in (shape_in, shape_out, shape_out)
    )
    stream_at = module.alloc(frames.nbytes)
    module.write(stream_at, frames.tobytes())
    x, y = view(x_at, shape_in), view(y_at, shape_out)
    call, symbol = module.call, f"{name}_step"

    def step(frame: Array) -> Array:
        x[...] = frame
        call(symbol, state, scratch, x_at, y_at)
        return y.copy()

    def alone(steps: int) -> Array:
        start = perf_counter_ns()
        call(
            *(f"{name}_loop", state, scratch, stream_at, x_at, y_at, out_at),
            *(len(frames), steps),
        )
        return np.array([(perf_counter_ns() - start) / steps])

    def reset() -> None:
        call(f"{name}_init", state, facts["state_bytes"])

    reset()
    return Contender(step, reset, alone, "zig -O2, one shared library")
