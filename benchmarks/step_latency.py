"""One step on this machine, ours beside others: `python -m benchmarks.step_latency`.

Batch 1, one thread, state fed back. Every runtime does the same work in this process: x copied
in, the state carried, y copied out; the call from Python is part of it. `alone` is the runtime's
own call: for ours a loop written in C, for the others their bare call from Python without copies.
Before anything is timed, each runtime's outputs are compared with torch over 256 steps.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from benchmarks import peers, workloads
from benchmarks.compiled import compiled
from benchmarks.contender import Contender, timed
from benchmarks.document import PAGE, table, write_section
from benchmarks.interleave import Ratio, Times, fastest, interleaved, ratio, times
from edgernn.compilers import compiler, host_cpu
from edgernn.errors import EdgernnError, ToolError
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.profile.latency import machine
from edgernn.verify import compare

Array = NDArray[Any]

CHECKED_STEPS = 256
PICK_ROUNDS, PICK_STEPS = 9, 40
OURS = "edgernn"
NUMBER_TYPES = {"fp32": "fp32", "int8": "w8a8"}  # kind -> our number type, and its tolerance
PACKAGES = ("torch", "onnxruntime", "ai-edge-litert", "ziglang", "numpy")


@dataclass(frozen=True, slots=True)
class Row:
    """One runtime on one workload. `note` says why it could not be measured.

    peak, rms: error against torch as a share of the rms of torch's output.
    ratio, alone_ratio: its time over ours of the same kind, paired by round.
    """

    workload: str
    runtime: str
    kind: str
    setting: str = ""
    peak: float | None = None
    rms: float | None = None
    step: Times | None = None
    alone_us: float | None = None
    ratio: Ratio | None = None
    alone_ratio: Ratio | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """One workload, captured, with its frames and what torch makes of them."""

    name: str
    graph: StepGraph
    calibration: Array
    frames: Array
    want: Array

    def checked(self, runtime: str, kind: str, contender: Contender) -> tuple[float, float]:
        """Raises: ParityError when the outputs are not torch's."""
        name = f"{self.name} {runtime} {kind}"
        return compare(name, contender.outputs(self.frames), self.want, NUMBER_TYPES[kind])


def prepared(name: str) -> Bench:
    """Capture a workload and run torch over its frames."""
    module = workloads.module(name)
    frames = workloads.frames(name, workloads.CALIBRATION + CHECKED_STEPS)
    graph = capture(module, torch.from_numpy(frames[0]), name)
    calibration, rest = frames[: workloads.CALIBRATION], frames[workloads.CALIBRATION :]
    return Bench(name, graph, calibration, rest, workloads.torch_outputs(module, rest))


def sources(bench: Bench, cache: Path) -> dict[tuple[str, str], Callable[[], Iterator[Contender]]]:
    """(runtime, kind) -> its candidates."""

    def ours(kind: str) -> Iterator[Contender]:
        yield compiled(bench.graph, NUMBER_TYPES[kind], bench.calibration, bench.frames)

    found: dict[tuple[str, str], Callable[[], Iterator[Contender]]] = {}
    for kind in peers.KINDS:
        found[OURS, kind] = partial(ours, kind)
        found["ONNX Runtime", kind] = partial(peers.onnxruntime, bench.graph, kind)
        found["LiteRT", kind] = partial(peers.litert, bench.graph, kind, cache)
    return found


def best(bench: Bench, runtime: str, kind: str, candidates: Iterator[Contender]) -> Contender:
    """The fastest of the candidates whose outputs are torch's.

    Raises: ToolError with the last complaint when there is none; MissingExtra.
    """
    good: dict[str, Contender] = {}
    complaint = "no candidate"
    for candidate in candidates:
        try:
            bench.checked(runtime, kind, candidate)
            good[candidate.setting] = candidate
        except EdgernnError as cause:
            complaint = f"{candidate.setting}: {cause}"
    if not good:
        raise ToolError(complaint)
    steps = {name: timed(one.step, bench.frames) for name, one in good.items()}
    return good[fastest(interleaved(steps, PICK_ROUNDS, PICK_STEPS))]


def measure(name: str, cache: Path, rounds: int, steps: int) -> list[Row]:
    """Every runtime on one workload."""
    bench = prepared(name)
    chosen: dict[tuple[str, str], Contender] = {}
    rows: list[Row] = []
    for (runtime, kind), candidates in sources(bench, cache).items():
        try:
            chosen[runtime, kind] = best(bench, runtime, kind, candidates())
        except EdgernnError as cause:
            if runtime == OURS:
                raise
            rows.append(Row(name, runtime, kind, note=str(cause)))
    keys = {f"{runtime} {kind}": (runtime, kind) for runtime, kind in chosen}
    whole = interleaved(
        {key: timed(chosen[pair].step, bench.frames) for key, pair in keys.items()}, rounds, steps
    )
    alone = interleaved({key: chosen[pair].alone for key, pair in keys.items()}, rounds, steps)
    for key, (runtime, kind) in keys.items():
        contender = chosen[runtime, kind]
        peak, rms = bench.checked(runtime, kind, contender)
        mine, other = f"{OURS} {kind}", runtime != OURS
        rows.append(
            Row(
                *(name, runtime, kind, contender.setting, peak, rms),
                step=times(whole[key]),
                alone_us=times(alone[key]).median_us,
                ratio=ratio(whole[key], whole[mine]) if other else None,
                alone_ratio=ratio(alone[key], alone[mine]) if other else None,
            )
        )
    order = {pair: place for place, pair in enumerate(sources(bench, cache))}
    return sorted(rows, key=lambda row: order[row.runtime, row.kind])


def versions() -> str:
    """What was compared, in one line."""
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} absent")
    return ", ".join([f"Python {platform.python_version()}", *found])


def surroundings(rounds: int, steps: int) -> list[str]:
    """The machine, its load and the versions; a head for the tables."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{machine()}, {os.cpu_count()} cores, load {load} (1, 5, 15 minutes)",
        f"{versions()}; C built for {host_cpu()} by {compiler().version()}",
        f"{rounds} rounds of {steps} steps of each, in random order",
    ]


HEAD = ("runtime", "kind", "µs", "p99", "alone", "times ours (quartiles)", "alone, times ours")


def as_table(rows: list[Row]) -> list[str]:
    """Markdown."""

    def cells(row: Row) -> list[str]:
        if row.step is None:
            return [row.runtime, row.kind, f"not measured: {row.note}", "", "", "", ""]
        p99 = "" if row.step.p99_us is None else f"{row.step.p99_us:.2f}"
        ratios = ["1" if r is None else str(r) for r in (row.ratio, row.alone_ratio)]
        figures = [f"{row.step.median_us:.2f}", p99, f"{row.alone_us:.2f}"]
        return [row.runtime, row.kind, *figures, *ratios]

    return table(HEAD, map(cells, rows))


def notes(rows: list[Row]) -> list[str]:
    """Which setting was the fastest, and how far each is from torch."""
    return [
        f"- {row.runtime} {row.kind}: {row.setting or 'as captured'}; "
        f"peak error {row.peak:.1e}, rms {row.rms:.1e} of the output's rms"
        for row in rows
        if row.peak is not None
    ]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("--cache", type=Path, default=Path("build/litert"), help=".tflite files")
    parser.add_argument("--only", choices=sorted(workloads.TITLES), help="one workload")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of tables")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}, with a plot")
    return parser.parse_args()


_Plain = argparse.RawDescriptionHelpFormatter


def main() -> None:
    """Measure, tell, write."""
    options = arguments()
    torch.set_num_threads(1)
    lines = [f"- {line}" for line in surroundings(options.rounds, options.steps)]
    rows: list[Row] = []
    for name in [options.only] if options.only else workloads.TITLES:
        found = measure(name, options.cache, options.rounds, options.steps)
        lines += ["", f"### {workloads.TITLES[name]}", "", *as_table(found), "", *notes(found)]
        rows += found
    if options.json:
        print(json.dumps({"head": lines[:3], "rows": [asdict(row) for row in rows]}, indent=1))
    else:
        print("\n".join(lines))
    if options.write:
        from benchmarks.plot import draw

        draw({name: [r for r in rows if r.workload == name] for name in workloads.TITLES})
        write_section("step_latency", lines)


if __name__ == "__main__":
    main()
