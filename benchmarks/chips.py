"""Counting a step's instructions on emulated chips: networks, images, and what QEMU saw."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import delta, workloads
from benchmarks.variants import DELTA, DENSE, SPARSE, Variant
from edgernn.backend import find_backend, find_runner
from edgernn.elf import read_elf
from edgernn.errors import DoesNotFit, ParityError
from edgernn.export.c.emit import c_name
from edgernn.export.c.source import CSource, compile_step
from edgernn.firmware import GoldenRun, golden_header, read_report
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.step_graph import StepGraph
from edgernn.target import Target, find_target
from edgernn.targets.runners.qemu import QemuRunner
from edgernn.toolchain import build_firmware, build_program
from edgernn.verify import run_frames

CHIPS = {  # row -> target, and for a program the core that it runs on
    **{name: (name, "max") for name in ("cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7")},
    **{name: (name, "max") for name in ("cortex-m33", "cortex-m55")},
    "aarch64 NEON": ("aarch64", "cortex-a72"),
    "aarch64 dotprod": ("aarch64", "cortex-a76"),
}
GOLDEN_STEPS = 20
DELTA_STEPS = 100  # its first step reads every column
KERNEL = re.compile(r"^static (void|int) edgernn_(?=\w+\()", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Case:
    """A workload in one of our variants."""

    workload: str
    variant: Variant

    @property
    def title(self) -> str:
        return f"{workloads.TITLES[self.workload]}; {self.variant.title}"


DENSE_CASE = Case("kws", DENSE[1])
SPARSE_CASES = tuple(Case("kws", variant) for variant in SPARSE)
DELTA_CASES = tuple(Case("kws", v) for v in DELTA if v.number_type == "w8a8" and v.share > 0.2)
OTHER_CASES = (
    *(Case("kws", variant) for variant in DENSE if variant.number_type != "w8a8"),
    *(Case("spotter", variant) for variant in DENSE[:2]),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One case on one chip. `note` says why it was not counted.

    instructions: mean of a step; flash_bytes: without the golden vectors; stack_bytes: the
    deepest of a step, found by painting it; columns: the share that a delta network read.
    """

    workload: str
    variant: str
    chip: str
    macs: int = 0
    instructions: float | None = None
    flash_bytes: int | None = None
    state_bytes: int | None = None
    scratch_bytes: int | None = None
    stack_bytes: int | None = None
    hash: int | None = None
    columns: float | None = None
    by_function: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def per_mac(self) -> float | None:
        return self.instructions / self.macs if self.instructions else None


@dataclass(frozen=True, slots=True)
class Step:
    """A captured case, with what this machine computed of its golden frames."""

    graph: StepGraph
    typed: Graph
    case: Case
    golden: GoldenRun
    columns: float | None

    def count(self, chip: str, *, split: bool) -> Row:
        """Raises: DoesNotFit, ToolError, ParityError."""
        target, cpu = find_target(CHIPS[chip][0]), CHIPS[chip][1]
        source = self.source(target)
        facts = source.facts
        binary = self.built(source.files(), target)
        found = self.booted(binary, target, cpu)
        report = read_report(found.report.text)
        return Row(
            *(self.case.workload, self.case.variant.title, chip, facts["macs"]),
            instructions=sum(found.by_function.values()),
            flash_bytes=read_elf(binary).sizes.flash_bytes,
            state_bytes=facts["state_bytes"],
            scratch_bytes=facts["scratch_bytes"],
            stack_bytes=report.get("stack"),
            hash=report.get("hash"),
            columns=self.columns,
            by_function=self.by_kernel(target, cpu) if split else {},
        )

    def by_kernel(self, target: Target, cpu: str) -> dict[str, float]:
        """The split of another build of the same C, whose kernels are kept out of line."""
        files = self.source(target).files()
        apart = {
            name: KERNEL.sub(r"__attribute__((noinline)) \g<0>", files[name]) for name in files
        }
        return dict(self.booted(self.built(apart, target), target, cpu).by_function)

    def source(self, target: Target) -> CSource:
        """The step's C with the kernels of the target."""
        number_type = self.case.variant.number_type
        return compile_step(
            self.graph, self.typed, number_type, isas=target.isa, faster=target.faster
        )

    def built(self, files: Mapping[str, str], target: Target) -> bytes:
        """A firmware image or a static program of the C with the golden main."""
        name = c_name(self.graph.name)
        build = build_firmware if target.kind == "firmware" else build_program
        with tempfile.TemporaryDirectory() as folder:
            sources = {**files, "golden.h": golden_header(name, self.golden)}
            return build(sources, target, Path(folder), name=name).read_bytes()

    def booted(self, binary: bytes, target: Target, cpu: str) -> Any:
        """Counts of an image that found its golden hash. Raises: ToolError, ParityError."""
        found = QemuRunner(cpu).count(binary, target)
        if not found.report.ok:
            raise ParityError(f"{self.graph.name} on {target.name}: {found.report.text.strip()}")
        return found


def prepared(case: Case) -> Step:
    """Capture, quantize, and run the golden frames on this machine."""
    backend: Any = find_backend("c")
    host = find_target("host")
    variant, name = case.variant, case.workload
    module, drift, rows = workloads.module(name), 1.0, {}
    if variant.delta:
        held = delta.held(name, variant.delta)
        module, drift, rows = held.network, held.speech, held.rows
    elif variant.pruned:
        workloads.prune(module, variant.pruned)
    frames = workloads.frames(name, workloads.CALIBRATION, drift)
    graph = capture(module, torch.from_numpy(frames[0]), name)
    x, y = graph.inputs[0].name, graph.outputs[0].name
    typed, _ = backend.typed(graph, variant.number_type, ({x: frame} for frame in frames))
    made = backend.export(graph, host, variant.number_type, typed=typed)
    row = {
        "facts": made.facts,
        "inputs": [asdict(port) for port in graph.inputs],
        "outputs": [asdict(port) for port in graph.outputs],
        "states": backend.state_rows(graph, typed, variant.number_type),
    }
    program = backend.open(row, made.members[made.main], find_runner(host.runner), host)
    some = np.ascontiguousarray(frames[: DELTA_STEPS if variant.delta else GOLDEN_STEPS])
    outputs = run_frames(program, {x: some})[y]
    golden = GoldenRun((some,), (outputs,), program.blob_bytes())
    columns = delta.share(_states(program, {x: some}), rows, settled=0) if rows else None
    return Step(graph, typed, case, golden, columns)


def _states(program: Any, frames: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    program.reset()
    yield program.state()
    for t in range(len(next(iter(frames.values())))):
        program.step({name: array[t] for name, array in frames.items()})
        yield program.state()


def counted(case: Case, chips: Iterable[str], *, split: bool = True) -> Iterator[Row]:
    """One case on each chip. Raises: ParityError when a chip has other bits."""
    step = prepared(case)
    for chip in chips:
        try:
            row = step.count(chip, split=split)
        except DoesNotFit as cause:
            yield Row(case.workload, case.variant.title, chip, note=f"does not fit: {cause}")
            continue
        if row.hash != step.golden.expected_hash():
            raise ParityError(f"{case.title} on {chip} gives other bits than this machine")
        yield row
