"""A step of a package for Python against the bare step in C: `measured(bundle)`.

Both are timed step by step, in turn and in one process, over the same frame; what asking the clock
costs on either side, found in the same rounds, is taken off. A large step sweeps the caches and
leaves Python's own memory cold, which counts as the call's.
"""

from __future__ import annotations

import ctypes
import importlib
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.added import added_row
from benchmarks.interleave import Measure, interleaved
from edgernn.bundle import Bundle
from edgernn.package import find_package, name_of, write_package
from edgernn.target import find_target
from edgernn.toolchain import build_library, stub
from edgernn.verify import golden_of

ROUNDS, STEPS = 40, 500
TIMED = """#include "stream.h"
struct timespec { long seconds, nanoseconds; };
int clock_gettime(int clock, struct timespec *time);
static int64_t now(void) {
  struct timespec time;
  clock_gettime(1, &time);
  return time.seconds * 1000000000 + time.nanoseconds;
}
void timed_steps(const edgernn_model *model, uint32_t step, void *memory, const void *const *in,
                 void *const *out, uint32_t count, int64_t *spent);
void timed_steps(const edgernn_model *model, uint32_t step, void *memory, const void *const *in,
                 void *const *out, uint32_t count, int64_t *spent) {
  const edgernn_model_step *const one = &model->steps[step];
  unsigned char *const scratch = (unsigned char *)memory + ((one->state_bytes + 15u) & ~15u);
  for (uint32_t i = 0; i < count; ++i) {
    const int64_t start = now();
    if (memory) one->run(memory, scratch, in, out);
    spent[i] = now() - start;
  }
}
"""

CLOCKS = {"c": "c clock", "out": "clock", "new": "clock"}
NAMES = {"out": "out=", "new": "new array"}


def measured(bundle: Bundle, rounds: int = ROUNDS, steps: int = STEPS) -> list[dict[str, Any]]:
    """A row for each step: microseconds in C, and what a call from Python adds to that."""
    with tempfile.TemporaryDirectory(prefix="edgernn-") as temporary:
        folder = Path(temporary) / "python"
        write_package(find_package("python").files(bundle, None, lambda line: None), folder)
        timed = build_library(
            {"stream.h": stub("streams/stream.h"), "timed.c": TIMED},
            find_target("host"),
            Path(temporary),
            name="timed",
            exports=["timed_steps"],
            alone=True,
        )
        with _imported(folder, name_of(bundle)) as package:
            run = ctypes.CDLL(str(timed))
            model = ctypes.CDLL(str(folder / name_of(bundle) / "model.sealed"))
            found = []
            for step in bundle.manifest["steps"]:
                contenders = _contenders(bundle, step, package, run, model)
                found.append(added_row(step, interleaved(contenders, rounds, steps), CLOCKS, NAMES))
            return found


@contextmanager
def _imported(folder: Path, name: str) -> Iterator[ModuleType]:
    """The package, which is forgotten afterwards."""
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(name)
    finally:
        sys.path.remove(str(folder))
        for each in [each for each in sys.modules if each.partition(".")[0] == name]:
            del sys.modules[each]


def _contenders(
    bundle: Bundle, step: str, package: Any, run: Any, model: Any
) -> dict[str, Measure]:
    """The bare step, the two ways to call it from Python, and the clocks alone."""
    golden = golden_of(bundle, step)["in"]
    frames = [np.ascontiguousarray(rows[len(rows) // 2]) for rows in golden.values()]
    stream = package.Model().stream(step)
    made = stream.step(*frames)
    outs = made if isinstance(made, tuple) else (made,)
    room = np.zeros(1 << 26, np.uint8)
    memory = room[-room.ctypes.data % 64 :]
    model.edgernn_package.restype = ctypes.c_void_p
    index = list(bundle.manifest["steps"]).index(step)
    pointers = [
        (ctypes.c_void_p * len(each))(*(a.ctypes.data for a in each)) for each in (frames, outs)
    ]

    def timed(steps: int, state: int | None) -> NDArray[Any]:
        spent = np.zeros(steps, np.int64)
        place, of = ctypes.c_void_p(spent.ctypes.data), ctypes.c_void_p(model.edgernn_package())
        run.timed_steps(of, index, ctypes.c_void_p(state), *pointers, steps, place)
        return spent

    def called(steps: int) -> NDArray[Any]:
        spent, step = np.zeros(steps, np.int64), stream.step
        for i in range(steps):
            start = perf_counter_ns()
            step(*frames, out=made)
            spent[i] = perf_counter_ns() - start
        return spent

    def called_anew(steps: int) -> NDArray[Any]:
        spent, step = np.zeros(steps, np.int64), stream.step
        for i in range(steps):
            start = perf_counter_ns()
            step(*frames)
            spent[i] = perf_counter_ns() - start
        return spent

    def clock(steps: int) -> NDArray[Any]:
        spent = np.zeros(steps, np.int64)
        for i in range(steps):
            start = perf_counter_ns()
            spent[i] = perf_counter_ns() - start
        return spent

    return {
        "c": lambda steps: timed(steps, memory.ctypes.data),
        "c clock": lambda steps: timed(steps, None),
        "out": called,
        "new": called_anew,
        "clock": clock,
    }


def versions() -> str:
    """What it was measured with."""
    return f"CPython {platform.python_version()}, numpy {np.__version__}, {platform.machine()}"
