"""Exact instructions of a step on emulated chips: `python -m benchmarks.chip_cost`.

Counted by QEMU over 20 golden steps; the same figure on every run and every machine, and no time:
an emulator's clock is not the chip's. Firmware is the image that `edgernn export` builds; on
aarch64 the same C is linked into a static program. Each image hashes its outputs and its state:
all targets must agree on one hash per workload and number type.

`--check` counts the GRU only and exits with 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import workloads
from benchmarks.document import PAGE, table, write_section
from edgernn.backend import find_backend, find_runner
from edgernn.compilers import compiler
from edgernn.elf import read_elf
from edgernn.errors import DoesNotFit, EdgernnError, ParityError
from edgernn.export.c.emit import c_name
from edgernn.export.c.source import CSource, compile_step
from edgernn.firmware import GoldenRun, golden_header, read_report
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.step_graph import StepGraph
from edgernn.target import Target, find_target
from edgernn.toolchain import build_firmware, build_program
from edgernn.verify import run_frames

TARGETS = (
    *("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"),
    "aarch64",
)
NUMBER_TYPES = ("w8a8", "fp32")
WORKLOADS = ("gru", "kws")
# instructions a multiply-accumulate that the int8 GRU may take
LIMITS = {"cortex-m4": 4.0, "cortex-m55": 4.6, "aarch64": 0.8}
GOLDEN_STEPS = 20
SHOWN_FUNCTIONS = 6
KERNEL = re.compile(r"^static void edgernn_", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One workload on one target. `note` says why it was not counted.

    instructions: mean of a step; flash_bytes: without the golden vectors; stack_bytes: the
    deepest of a step, found by painting it.
    """

    workload: str
    number_type: str
    target: str
    instructions: float | None = None
    per_mac: float | None = None
    flash_bytes: int | None = None
    state_bytes: int | None = None
    scratch_bytes: int | None = None
    stack_bytes: int | None = None
    hash: int | None = None
    by_function: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A captured workload in one number type, with what the desk computed of its golden frames."""

    graph: StepGraph
    typed: Graph
    number_type: str
    golden: GoldenRun

    def count(self, target: Target) -> Row:
        """Raises: DoesNotFit, ToolError, ParityError."""
        if target.kind == "firmware":
            backend: Any = find_backend("c")
            kind, typed = self.number_type, self.typed
            made = backend.export(self.graph, target, kind, typed=typed, golden=self.golden)
            binary, facts = made.members[made.main], made.facts
        else:
            source = self.source(target)
            binary, facts = self.built(source.files(), target), source.facts
        found = self.booted(binary, target)
        mean = sum(found.by_function.values())
        report = read_report(found.report.text)
        return Row(
            *(self.graph.name, self.number_type, target.name),
            instructions=mean,
            per_mac=mean / facts["macs"],
            flash_bytes=read_elf(binary).sizes.flash_bytes,
            state_bytes=facts["state_bytes"],
            scratch_bytes=facts["scratch_bytes"],
            stack_bytes=report.get("stack"),
            hash=report.get("hash"),
            by_function=self.by_kernel(target),
        )

    def by_kernel(self, target: Target) -> dict[str, float]:
        """The split of another build of the same C, whose kernels are kept out of line."""
        files = self.source(target).files()
        apart = {
            name: KERNEL.sub(r"__attribute__((noinline)) \g<0>", files[name]) for name in files
        }
        return dict(self.booted(self.built(apart, target), target).by_function)

    def source(self, target: Target) -> CSource:
        """The step's C with the kernels of the target."""
        return compile_step(self.graph, self.typed, self.number_type, isas=target.isa)

    def built(self, files: Mapping[str, str], target: Target) -> bytes:
        """A firmware image or a static program of the C with the golden main."""
        name = c_name(self.graph.name)
        build = build_firmware if target.kind == "firmware" else build_program
        with tempfile.TemporaryDirectory() as folder:
            sources = {**files, "golden.h": golden_header(name, self.golden)}
            return build(sources, target, Path(folder), name=name).read_bytes()

    def booted(self, binary: bytes, target: Target) -> Any:
        """Counts of an image that found its golden hash. Raises: ToolError, ParityError."""
        runner: Any = find_runner("qemu")
        found = runner.count(binary, target)
        if not found.report.ok:
            raise ParityError(f"{self.graph.name} on {target.name}: {found.report.text.strip()}")
        return found


def prepared(name: str, number_type: str) -> Step:
    """Capture, quantize, and run the golden frames on this machine."""
    backend: Any = find_backend("c")
    host = find_target("host")
    frames = workloads.frames(name, workloads.CALIBRATION)
    graph = capture(workloads.module(name), torch.from_numpy(frames[0]), name)
    x, y = graph.inputs[0].name, graph.outputs[0].name
    typed, _ = backend.typed(graph, number_type, ({x: frame} for frame in frames))
    made = backend.export(graph, host, number_type, typed=typed)
    row = {
        "facts": made.facts,
        "inputs": [asdict(port) for port in graph.inputs],
        "outputs": [asdict(port) for port in graph.outputs],
        "states": backend.state_rows(graph, typed, number_type),
    }
    program = backend.open(row, made.members[made.main], find_runner(host.runner), host)
    some = np.ascontiguousarray(frames[:GOLDEN_STEPS])
    outputs = run_frames(program, {x: some})[y]
    return Step(graph, typed, number_type, GoldenRun((some,), (outputs,), program.blob_bytes()))


def counted(name: str, number_type: str, targets: Iterable[str]) -> Iterator[Row]:
    """One workload on each target. Raises: ParityError when a target has other bits."""
    step = prepared(name, number_type)
    for target in targets:
        try:
            row = step.count(find_target(target))
        except DoesNotFit as cause:
            yield Row(name, number_type, target, note=f"does not fit: {cause}")
            continue
        if row.hash != step.golden.expected_hash():
            raise ParityError(f"{name} {number_type} on {target} gives other bits than the desk")
        yield row


def missed(rows: Iterable[Row]) -> list[str]:
    """One line for each limit that a row is above, or that was not counted."""
    per_mac = {
        row.target: row.per_mac
        for row in rows
        if (row.workload, row.number_type) == ("gru", "w8a8") and row.per_mac is not None
    }
    lines = []
    for target, limit in LIMITS.items():
        figure = per_mac.get(target)
        if figure is None:
            lines.append(f"{target}: not counted; the limit is {limit} instructions a MAC")
        elif figure > limit:
            lines.append(f"{target}: {figure:.2f} instructions a MAC, above the limit of {limit}")
    return lines


HEAD = ("target", "instructions", "a MAC", "limit", "flash", "state", "scratch", "stack")


def as_table(rows: Iterable[Row]) -> list[str]:
    """Markdown; bytes are plain numbers."""

    def cells(row: Row) -> list[str]:
        if row.instructions is None:
            return [row.target, row.note, *[""] * (len(HEAD) - 2)]
        limited = (row.workload, row.number_type) == ("gru", "w8a8")
        limit = str(LIMITS.get(row.target, "")) if limited else ""
        sizes = (row.flash_bytes, row.state_bytes, row.scratch_bytes, row.stack_bytes)
        figures = [f"{row.instructions:,.0f}", f"{row.per_mac:.2f}", limit]
        return [row.target, *figures, *("" if v is None else f"{v:,}" for v in sizes)]

    return table(HEAD, map(cells, rows))


def split(rows: Iterable[Row]) -> list[str]:
    """Where the instructions go when kernels are out of line, the largest first."""
    lines = []
    for row in rows:
        whole = sum(row.by_function.values())
        parts = list(row.by_function.items())[:SHOWN_FUNCTIONS]
        shares = [f"{_plain(name)} {n / whole:.0%}" for name, n in parts if n >= whole / 200]
        if shares:
            lines.append(f"- {row.target}: {', '.join(shares)}")
    return lines


def _plain(name: str) -> str:
    """A function as a reader knows it: soft float without the compiler's own path."""
    return name.rpartition(".")[2].removeprefix("edgernn_")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="only the limits, exit code 1")
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of tables")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE}")
    return parser.parse_args()


def main() -> None:
    """Count, tell, write; leave with 1 when a limit is missed."""
    options = arguments()
    rows: list[Row] = []
    lines = [f"- {compiler().version()} -O2; counted by QEMU over {GOLDEN_STEPS} steps"]
    pairs = (
        [("gru", "w8a8")] if options.check else [(w, n) for w in WORKLOADS for n in NUMBER_TYPES]
    )
    for name, number_type in pairs:
        found = list(counted(name, number_type, LIMITS if options.check else TARGETS))
        macs = next(
            round(r.instructions / r.per_mac) for r in found if r.instructions and r.per_mac
        )
        title = f"### {workloads.TITLES[name]}, {number_type}: {macs:,} MACs"
        lines += ["", title, "", *as_table(found), "", *split(found)]
        rows += found
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.json else "\n".join(lines))
    if options.write:
        write_section("chip_cost", lines)
    problems = missed(rows)
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    try:
        main()
    except EdgernnError as error:
        sys.exit(f"error: {error}")
