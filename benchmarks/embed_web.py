"""A step of a package for the web in node against the bare step in C: `measured(bundle)`.

Both are timed in loops of many steps, so that the clock costs neither anything; p99 is of steps
that were timed singly, the clock with them.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.interleave import Measure, interleaved, ratio, times
from edgernn.backend import find_backend, np_dtype
from edgernn.bundle import Bundle
from edgernn.errors import ToolError
from edgernn.graph.stored import from_bytes
from edgernn.package import find_package, write_package
from edgernn.step_code import StepCode
from edgernn.target import find_target
from edgernn.toolchain import build_library, compile_line
from edgernn.verify import golden_of

Frames = dict[str, NDArray[Any]]
Served = Callable[[int, int], NDArray[Any]]  # times, steps at a time -> nanoseconds of a step
FORMS = ("relaxed", "simd", "plain")
SINGLY = "singly"  # the first form, step by step
ROUNDS = 15
MOST_FRAMES = 400  # of the golden vectors, over and over
LEAST_NODE = 22
TIMED_NS = 300_000  # at a time: long beside the clock, short beside what else runs here
SERVED = """
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
const [folder, step, frames] = process.argv.slice(2);
const { Model } = await import(`${folder}/index.js`);
const rows = JSON.parse(readFileSync(frames, "utf8"));
const kinds = { float32: Float32Array, int64: BigInt64Array };
const streams = {};
for (const form of ["relaxed", "simd", "plain"]) {
  const model = await Model.open(undefined, { form });
  const { inputs } = model.steps.find((one) => one.name === step);
  const whole = inputs.map(({ dtype }) => (dtype === "int64" ? BigInt : undefined));
  const row = (values) => values.map((one, i) => kinds[inputs[i].dtype].from(one, whole[i]));
  const { outputs } = model.steps.find((one) => one.name === step);
  const size = ({ shape }) => shape.reduce((a, b) => a * b, 1);
  const out = outputs.map((port) => new kinds[port.dtype](size(port)));
  streams[form] = { stream: model.stream(step), rows: rows.map(row), out, at: 0 };
}
for await (const line of createInterface({ input: process.stdin })) {
  const [which, times, few] = line.split(" ");
  const one = streams[which];
  const spent = [];
  for (let k = 0; k < Number(times); ++k) {
    const start = process.hrtime.bigint();
    for (let j = 0; j < Number(few); ++j)
      one.stream.stepInto(one.out, ...one.rows[one.at++ % one.rows.length]);
    spent.push(Number(process.hrtime.bigint() - start) / Number(few));
  }
  console.log(JSON.stringify(spent));
}
"""
LOOP = """#include "{symbol}.h"
void bench_steps(void *state, void *scratch, const char *const *in, const uint32_t *in_bytes,
                 uint32_t inputs, char *const *out, uint32_t first, uint32_t steps, uint32_t count);
void bench_steps(void *state, void *scratch, const char *const *in, const uint32_t *in_bytes,
                 uint32_t inputs, char *const *out, uint32_t first, uint32_t steps,
                 uint32_t count) {{
  (void)inputs;
  for (uint32_t k = first; k < first + steps; ++k)
    {symbol}_step(state, scratch, {inputs}, {outputs});
}}
"""


def measured(bundle: Bundle, rounds: int = ROUNDS, steps: int = 200) -> list[dict[str, Any]]:
    """A row for each step: microseconds in C and in WebAssembly, and ratios."""
    node = shutil.which("node")
    if node is None:
        raise ToolError("node: not found; apt-get install nodejs")
    if int(_asked(node, "process.versions.node").partition(".")[0]) < LEAST_NODE:
        raise ToolError(f"{node}: has no relaxed SIMD; needs node {LEAST_NODE} or later in PATH")
    found, host = [], find_target("host")
    with tempfile.TemporaryDirectory(prefix="edgernn-") as temporary:
        folder = Path(temporary) / "web"
        write_package(find_package("web").files(bundle, None, _say), folder)
        for step in bundle.manifest["steps"]:
            golden = golden_of(bundle, step)["in"]
            frames = {name: rows[:MOST_FRAMES] for name, rows in golden.items()}
            native = {
                name: _native(bundle, step, frames, Path(temporary), faster)
                for name, faster in (("native", host.faster), ("narrow", ""))
            }
            with _served(node, folder, step, frames) as served:
                together = {form: _together(partial(served, form)) for form in FORMS}
                singly: Measure = partial(served, FORMS[0], few=1)
                contenders = {**native, **together, SINGLY: singly}
                warm = dict.fromkeys(contenders, 50)
                found.append(_row(step, interleaved(contenders, rounds, steps, warm=warm)))
    return found


def versions() -> str:
    """What was measured with."""
    engine = _asked("node", "`node ${process.version}, V8 ${process.versions.v8}`")
    return f"{engine}, {compile_line(find_target('host')).partition(' -std')[0]}"


def _asked(node: str, expression: str) -> str:
    """What an expression is there."""
    done = subprocess.run([node, "-p", expression], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _row(step: str, spent: dict[str, list[NDArray[Any]]]) -> dict[str, Any]:
    """Native: with the kernels that this CPU has instructions for, and without those that are
    chosen as it runs.
    """
    told = {name: times(each) for name, each in spent.items()}
    return {
        "step": step,
        "C µs": f"{told['native'].median_us:.2f}",
        "C, AVX2 alone, µs": f"{told['narrow'].median_us:.2f}",
        "wasm µs": f"{told['relaxed'].median_us:.2f}",
        "p99 µs": f"{told[SINGLY].p99_us or 0:.2f}",
        "wasm / C": str(ratio(spent["relaxed"], spent["native"])),
        "wasm / C, AVX2 alone": str(ratio(spent["relaxed"], spent["narrow"])),
        "without relaxed SIMD µs": f"{told['simd'].median_us:.2f}",
        "without relaxed SIMD / C": str(ratio(spent["simd"], spent["native"])),
        "without SIMD µs": f"{told['plain'].median_us:.2f}",
        "without SIMD / C": str(ratio(spent["plain"], spent["native"])),
    }


def _native(bundle: Bundle, step: str, frames: Frames, folder: Path, faster: str) -> Measure:
    """The bare step in a loop in C. faster: as a target's."""
    row = bundle.manifest["steps"][step]
    stored, place = from_bytes(bundle.read(row["stored"])), find_target("host")
    backend: Any = find_backend("c")
    settings = (stored.number_type, stored.activations)
    source = backend.source(stored, stored.graph, replace(place, faster=faster), *settings)
    code = StepCode(source.symbol, source.files(), source.facts)
    places = [f"(const void *)(in[{i}] + (k % count) * in_bytes[{i}])" for i in range(len(frames))]
    words = {
        "symbol": code.symbol,
        "inputs": ", ".join(places),
        "outputs": ", ".join(f"(void *)out[{i}]" for i in range(len(row["outputs"]))),
    }
    files = {**code.files, "loop.c": LOOP.format(**words)}
    folder = folder / f"native-{step}{faster}"
    path = build_library(files, place, folder, name=code.symbol, exports=["bench_steps"])
    run = ctypes.CDLL(str(path))
    rows = [np.ascontiguousarray(frames[port["name"]]) for port in row["inputs"]]
    made = [np.zeros(port["shape"], np_dtype(port["dtype"])) for port in row["outputs"]]
    state, scratch = (_aligned(code.facts[f"{kind}_bytes"]) for kind in ("state", "scratch"))
    run[f"{code.symbol}_reset"](ctypes.c_void_p(state.ctypes.data))
    sizes = (ctypes.c_uint32 * len(rows))(*(each[0].nbytes for each in rows))
    at, count = 0, len(rows[0])

    def served(times: int, few: int) -> NDArray[Any]:
        return np.array([ran(few) for _ in range(times)])

    def ran(steps: int) -> float:
        nonlocal at
        memory = (ctypes.c_void_p(one.ctypes.data) for one in (state, scratch))
        given = (*memory, _pointers(rows), sizes, len(rows), _pointers(made))
        start = perf_counter_ns()
        run.bench_steps(*given, at, steps, count)
        spent = (perf_counter_ns() - start) / steps
        at += steps
        return spent

    return _together(served)


def _together(served: Served) -> Measure:
    """So many steps at a time that they take TIMED_NS."""
    served(2000, 1)  # V8 compiles what is used much
    few = max(1, round(TIMED_NS / served(10, 50).min()))
    return lambda steps: served(-(-steps // few), few)


def _pointers(arrays: list[NDArray[Any]]) -> Any:
    return (ctypes.c_void_p * len(arrays))(*(each.ctypes.data for each in arrays))


def _aligned(nbytes: int) -> NDArray[np.uint8]:
    memory = np.zeros(nbytes + 64, np.uint8)
    return memory[-memory.ctypes.data % 64 :]


@contextmanager
def _served(node: str, folder: Path, step: str, frames: Frames) -> Iterator[Any]:
    """A node that steps the package as it is asked: form, times, and steps at a time."""
    rows = list(
        zip(*([row.ravel().tolist() for row in each] for each in frames.values()), strict=True)
    )
    text = folder.with_name("frames.json")
    text.write_text(json.dumps(rows))
    script = folder.with_name("served.mjs")
    script.write_text(SERVED)
    command = [node, str(script), str(folder), step, str(text)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as process:

        def served(form: str, times: int, few: int) -> NDArray[Any]:
            assert process.stdin
            assert process.stdout
            process.stdin.write(f"{form} {times} {few}\n")
            process.stdin.flush()
            return np.array(json.loads(process.stdout.readline()), float)

        yield served
        assert process.stdin
        process.stdin.close()
