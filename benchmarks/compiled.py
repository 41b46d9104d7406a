"""Our own contenders: the step as C, called in this process, and in a loop written in C."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Contender, view
from edgernn.export.c.source import CSource, compile_step, number_typed
from edgernn.graph.step_graph import StepGraph
from edgernn.target import find_target
from edgernn.toolchain import build_library, compile_line

Array = NDArray[Any]

BUILT = Path("build/bench")  # libraries by the hash of their sources: a large step takes a while
ALIGN = 64
STREAMS = 2  # of one library; each has its own memory
FUNCTIONS = ("bind", "loop", *(f"bound_{k}" for k in range(STREAMS)))
# a stream bound to its memory takes no arguments, as the other runtimes' calls take none
BOUND = """#include "{name}.h"
static void *at[2][6];
void {name}_bind(uint32_t stream, void *const *places) {{
  for (int k = 0; k < 6; ++k) at[stream][k] = places[k];
}}
static void one(void **to) {{ {name}_step(to[0], to[1], to[2], to[3]); }}
void {name}_bound_0(void) {{ one(at[0]); }}
void {name}_bound_1(void) {{ one(at[1]); }}
void {name}_loop(uint32_t stream, uint32_t first, uint32_t count, uint32_t steps) {{
  float *x = at[stream][2], *y = at[stream][3], *out = at[stream][4];
  for (uint32_t k = first; k < first + steps; ++k) {{
    const float *frame = (const float *)at[stream][5] + (k % count) * {inputs}u;
    for (uint32_t i = 0; i < {inputs}u; ++i) x[i] = frame[i];
    one(at[stream]);
    for (uint32_t i = 0; i < {outputs}u; ++i) out[i] = y[i];
  }}
}}
"""


def host_source(graph: StepGraph, number_type: str, calibration: Array) -> CSource:
    """The C of a step for this machine."""
    port, host = graph.inputs[0].name, find_target("host")
    typed, _ = number_typed(graph, number_type, ({port: frame} for frame in calibration))
    return compile_step(graph, typed, number_type, isas=host.isa, faster=host.faster)


class Compiled:
    """One step in a shared library of its own."""

    def __init__(self, graph: StepGraph, source: CSource) -> None:
        self.facts, self.name = source.facts, source.symbol
        self.shapes = graph.inputs[0].shape, graph.outputs[0].shape
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        bound = BOUND.format(name=self.name, inputs=self.sizes[0], outputs=self.sizes[1])
        self.library = ctypes.CDLL(str(_built(self.name, {**source.files(), "bound.c": bound})))


class Stream:
    """A live stream of a compiled step: its memory, and the frames that its loop in C is fed."""

    def __init__(self, step: Compiled, frames: Array, number: int = 0) -> None:
        self.step, self.frames, self.number = step, np.ascontiguousarray(frames), number
        facts, sizes = step.facts, step.sizes
        nbytes = (facts["state_bytes"], facts["scratch_bytes"], *(4 * sizes[k] for k in (0, 1, 1)))
        self._room = [np.zeros(max(n, 1) + ALIGN, np.uint8) for n in nbytes]
        self._at = [_aligned(room) for room in self._room]
        places = (ctypes.c_void_p * 6)(*self._at, self.frames.ctypes.data)
        step.library[f"{step.name}_bind"](number, places)
        self._next = 0
        self.reset()

    def contender(self) -> Contender:
        """As the others are stepped."""
        x, y = (view(self._at[2 + k], self.step.shapes[k]) for k in (0, 1))
        call = self.step.library[f"{self.step.name}_bound_{self.number}"]
        call.restype = None
        return Contender(x, y, call, self.reset, "one shared library", (), self.loop)

    def loop(self, steps: int) -> int:
        """Nanoseconds of the next so many steps, copies of frames and outputs among them."""
        loop, count = self.step.library[f"{self.step.name}_loop"], len(self.frames)
        start = perf_counter_ns()
        loop(self.number, self._next, count, steps)
        spent = perf_counter_ns() - start
        self._next = (self._next + steps) % count
        return spent

    def reset(self) -> None:
        """The state before the first frame."""
        size = ctypes.c_uint32(self.step.facts["state_bytes"])
        self.step.library[f"{self.step.name}_init"](ctypes.c_void_p(self._at[0]), size)

    def leaf(self, name: str) -> Array:
        """A copy of a state leaf."""
        row = next(row for row in self.step.facts["states"] if row["in"] == name)
        dtype, count = np.dtype(row["dtype"]), int(np.prod(row["shape"]))
        data = ctypes.string_at(self._at[0] + row["offset_bytes"], count * dtype.itemsize)
        return np.frombuffer(data, dtype)


def _aligned(room: Array) -> int:
    return int(room.ctypes.data + -room.ctypes.data % ALIGN)


def _built(name: str, files: Mapping[str, str]) -> Path:
    """The library of these sources, built unless it is there."""
    host = find_target("host")
    text = "\0".join([compile_line(host), *(f"{file}\0{files[file]}" for file in sorted(files))])
    folder = BUILT / hashlib.sha256(text.encode()).hexdigest()[:16]
    path = folder / f"{name}.so"
    if not path.exists():
        exports = [f"{name}_{function}" for function in FUNCTIONS]
        build_library(files, host, folder, name=name, exports=exports)
    return path.resolve()
