"""Counts that the cost model is fitted on and held against: steps compiled and run under QEMU.

Every count is kept in runs/cost_model, so that a run that was ended goes on where it was; delete
the folder to count anew.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch

from benchmarks.cost_nets import Net
from edgernn.backend import Array, find_backend
from edgernn.elf import read_elf
from edgernn.errors import DoesNotFit
from edgernn.export.c.source import compile_step
from edgernn.exporting import steps_of
from edgernn.firmware import IMAGE_FRAMES, GoldenRun, golden_header, read_report
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.step_graph import StepGraph, read_step_graph
from edgernn.model import find_model
from edgernn.profile.cycles import estimated_cycles
from edgernn.streams import Frames, each_step
from edgernn.target import Target, find_target
from edgernn.targets.runners.qemu import QemuRunner
from edgernn.toolchain import build_firmware, build_program

FOLDER = Path("runs/cost_model")
CORES = {  # of a target, those that are counted apart
    **{f"cortex-{m}": ("max",) for m in ("m0", "m3", "m4", "m7", "m33", "m55")},
    "aarch64": ("cortex-a72", "cortex-a76"),
}
CALIBRATION = 200  # real steps of a shipped model
MACS = 20_000_000  # of all steps of a count: what is larger runs fewer of them


@dataclass(frozen=True, slots=True)
class Count:
    """A step in one number type on one core. why: it was not counted."""

    step: str
    number_type: str
    target: str
    core: str
    instructions: float = 0.0
    cycles: float | None = None
    flash_bytes: int = 0
    stack_bytes: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A captured step, its golden frames, and those that calibrate it."""

    name: str
    graph: StepGraph
    frames: Frames

    def typed(self, number_type: str) -> Graph:
        backend: Any = find_backend("c")
        graph: Graph = backend.typed(self.graph, number_type, each_step(self.frames))[0]
        return graph

    def golden(self, macs: int) -> dict[str, Array]:
        """The first frames: as many as an image runs, or fewer of a large step."""
        steps = int(np.clip(MACS // max(macs, 1), 4, IMAGE_FRAMES))
        return {name: array[:steps] for name, array in self.frames.items()}


def case_of(name: str, made: Callable[[], tuple[StepGraph, Frames]]) -> Case:
    """A step as it was captured once. made: captures it."""
    path = FOLDER / f"{name.replace('/', '-')}.onnx"
    if not path.exists():
        graph, frames = made()
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path.with_suffix(".npz"), **frames)  # type: ignore[arg-type]
        path.write_bytes(graph.model.SerializeToString())
    with np.load(path.with_suffix(".npz")) as stored:
        return Case(name, read_step_graph(onnx.load(path)), dict(stored))


def net_case(net: Net) -> Case:
    """A net of the fit."""

    def made() -> tuple[StepGraph, Frames]:
        module = net.built()
        frames = net.frames(module.timing.block)
        graph = capture(module, torch.from_numpy(frames[0]), net.name)
        return graph, {graph.inputs[0].name: frames}

    return case_of(net.name, made)


def model_cases(model: str) -> Iterator[Case]:
    """The steps of a shipped model."""
    known = FOLDER / f"{model.replace('/', '-')}.json"
    if not known.exists():
        found = {source.name: source for source in steps_of(find_model(model), print)}
        for name, source in found.items():
            some = {k: v[:CALIBRATION] for k, v in source.frames.items()}
            case_of(f"{model}:{name}", lambda source=source, some=some: (source.graph(), some))  # type: ignore[misc]
        known.write_text(json.dumps(list(found)))
    for name in json.loads(known.read_text()):
        yield case_of(f"{model}:{name}", lambda: (_ for _ in ()).throw(FileNotFoundError(known)))


def counted(case: Case, number_type: str, targets: Mapping[str, tuple[str, ...]]) -> list[Count]:
    """A step on every core, from what is kept or counted now."""
    path = FOLDER / f"{case.name.replace('/', '-')}.{number_type}.json"
    kept = [Count(**row) for row in json.loads(path.read_text())] if path.exists() else []
    known = {one.target for one in kept}
    missing = [name for name in targets if name not in known]
    if missing:
        typed = case.typed(number_type)
        for name in missing:
            kept += count(case, typed, number_type, find_target(name), targets[name])
        path.write_text(json.dumps([asdict(one) for one in kept]))
    return kept


def count(
    case: Case, typed: Graph, number_type: str, target: Target, cores: tuple[str, ...]
) -> list[Count]:
    """A step on cores of one target, counted now."""
    source = compile_step(case.graph, typed, number_type, isas=target.isa, faster=target.faster)
    head = (case.name, number_type, target.name)
    board, facts = target.board, source.facts
    if board and facts["weights_bytes"] > board.flash_bytes:
        return [Count(*head, core, why="does not fit") for core in cores]
    golden = case.golden(facts["macs"])
    inputs = tuple(golden[port.name] for port in case.graph.inputs)
    outputs = tuple(
        np.zeros((len(inputs[0]), *port.shape), port.dtype) for port in case.graph.outputs
    )
    # what it gives is not compared here, so that nothing has to be run twice: parity does that
    run = GoldenRun(inputs, outputs, bytes(facts["state_bytes"]))
    files = {**source.files(), "golden.h": golden_header(source.symbol, run)}
    build = build_firmware if board else build_program
    try:
        with tempfile.TemporaryDirectory() as folder:
            binary = build(files, target, Path(folder), name=source.symbol).read_bytes()
    except DoesNotFit:
        return [Count(*head, core, why="does not fit") for core in cores]
    return [Count(*head, core, **_figures(binary, target, core)) for core in cores]


def _figures(binary: bytes, target: Target, core: str) -> dict[str, Any]:
    found = QemuRunner(core).count(binary, target)
    image = read_elf(binary)
    cycles = estimated_cycles(image, target.name, found.by_address)
    return {
        "instructions": sum(found.by_function.values()),
        "cycles": cycles / found.steps if cycles else None,
        "flash_bytes": image.sizes.flash_bytes,
        "stack_bytes": read_report(found.report.text)["stack"],
    }
