"""Every backend, number type and target of a model against the model itself.

A cell is one artifact of one step. On this machine it runs a long stream, and its outputs are
compared with torch's within the tolerance of its number type; on any other target its first frames
are run under the emulator: our C must give the bits that it gives here, another runtime, on a board
(see board.py), be as near to torch as here. A cell that cannot be run here says so; one that
differs is red.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array, Artifact, find_backend
from edgernn.errors import EdgernnError, ParityError, UnknownName
from edgernn.exporting import steps_of
from edgernn.firmware import GoldenRun
from edgernn.graph.step_graph import StepGraph
from edgernn.model import find_model
from edgernn.road import Road, opened
from edgernn.sources import Source
from edgernn.streams import Stream, each_step, lengthened
from edgernn.target import Target, find_target
from edgernn.verify import TOLERANCES, compare, golden_run, relative_errors, run_frames, same_bits

FRAMES = 100_000  # of the stream on this machine
EMULATED = 60  # of it, under an emulator
KEPT_BYTES = 1 << 28  # of a step's outputs; of a wider one every so many steps are compared
BACKENDS = ("c", "onnx", "litert", "tvm")
OURS = "c"  # which gives the same bits everywhere
NUMBER_TYPES = {OURS: ("fp32", "w8a8", "w4a8")}  # of the many that it makes
TARGETS = ("host", "aarch64", "wasm", "cortex-m4")
GREEN, RED, GREY = "holds", "differs", "not run"
Say = Callable[[str], None]
Types = Mapping[str, Sequence[str]]  # number types by backend
Made = tuple[Artifact, dict[str, Any]]  # an artifact and its manifest row


@dataclass(frozen=True, slots=True)
class Cell:
    """One artifact against the model.

    peak, rms: errors in shares of the output's rms; first, last: rms of the tenths of the stream
    where it begins and ends. same_answer: frames whose largest output is the model's. task: the
    figure of what the model is for, of all steps together. allowed: the tolerance, or that bits
    are the same. why: of what is red or was not run.
    """

    model: str
    step: str
    backend: str
    number_type: str
    target: str
    result: str
    allowed: str = ""
    frames: int = 0
    peak: float | None = None
    rms: float | None = None
    first: float | None = None
    last: float | None = None
    same_answer: float | None = None
    task: float | None = None
    bytes: int | None = None
    why: str = ""


def parity(
    models: Sequence[str],
    *,
    backends: Sequence[str] | Types = BACKENDS,
    number_types: Sequence[str] = (),
    targets: Sequence[str] = TARGETS,
    frames: int = FRAMES,
    data: Path | None = None,
    say: Say = lambda line: None,
) -> Iterator[Cell]:
    """All cells of some models, one by one.

    backends: their names, or the number types of each.
    number_types: of those that each backend makes; by default as in `types_of`.
    data: where recordings and texts are; with it the task of a model that has one is measured.

    Raises: UnknownName, ModelError, DataError, ContractError if the law does not hold.
    """
    places = [find_target(name) for name in targets]
    chosen = backends if isinstance(backends, Mapping) else types_of(backends, number_types)
    makers = {name: find_backend(name) for name in chosen}
    for name in models:
        model = find_model(name)
        for source in steps_of(model, say):
            road = Road(source, "fp32", say)
            graph = road.captured()
            say(f"{name}, {source.name}: {frames:,} steps of the model itself")
            every = _every(graph, frames)
            stream = source.run(lengthened(source.frames, frames), every)
            few = source.run(lengthened(source.frames, min(frames, EMULATED)))
            for backend, maker in makers.items():
                for number_type in chosen[backend]:
                    blank = Cell(name, source.name, backend, number_type, "host", GREY)
                    say(f"{name}, {source.name}: {backend} {number_type}")
                    yield from _cells(blank, road, maker, graph, (stream, few), places)
        if data is not None:
            from edgernn.parity_task import task_cells

            yield from task_cells(name, chosen, data, say)


def types_of(backends: Sequence[str] = BACKENDS, number_types: Sequence[str] = ()) -> Types:
    """The number types of each backend; by default all, of our C those in NUMBER_TYPES.

    Raises: UnknownName for one that none of them makes.
    """
    makers = {name: find_backend(name) for name in backends}
    made = {one for maker in makers.values() for one in maker.number_types}
    for one in number_types:
        if one not in made:
            raise UnknownName(f"number type of {' and '.join(backends)}", one, made)
    return {
        backend: [
            one
            for one in number_types or NUMBER_TYPES.get(backend, maker.number_types)
            if one in maker.number_types
        ]
        for backend, maker in makers.items()
    }


def _every(graph: StepGraph, frames: int) -> int:
    """Of how many steps one is compared, so that a wide step's outputs fit into memory."""
    width = sum(int(np.prod(port.shape)) for port in graph.outputs)
    return max(1, -(-frames * width * 4 // KEPT_BYTES))


def _cells(
    blank: Cell,
    road: Road,
    maker: Any,
    graph: StepGraph,
    streams: tuple[Stream, Stream],
    places: Sequence[Target],
) -> Iterator[Cell]:
    """Of one number type: on this machine first, whose bits are what others must give.

    streams: a long one for this machine, a short one for others.
    """
    stream, few = streams
    road.number_type = blank.number_type
    kind = road.tolerance(blank.number_type)
    allowed = TOLERANCES[kind]
    told = f"peak {allowed.peak:g}, rms {allowed.rms:g}"
    told += f"; one step in {stream.every}" if stream.every > 1 else ""
    here = replace(blank, allowed=told)
    try:
        made = _make(blank, maker, graph, road.source)
        artifact, row = made(find_target("host"), None)
        program = opened(artifact, row, find_target("host"))
        got = run_frames(program, stream.frames, stream.every)
        start = run_frames(program, few.frames)
        image = golden_run(program, row, stream.frames) if blank.backend == OURS else None
    except EdgernnError as cause:
        yield replace(here, why=str(cause))
        return
    here = replace(here, bytes=len(artifact.members[artifact.main]))
    yield _judged(kind, here, got, stream)
    for place in places:
        if place.name != "host" and maker.supports(place, blank.number_type):
            cell = replace(here, target=place.name)
            run = partial(_emulated, cell, partial(made, place, image), place, few)
            yield run(partial(_same, start) if cell.backend == OURS else partial(_judged, kind))


def _make(
    cell: Cell, maker: Any, graph: StepGraph, source: Source
) -> Callable[[Target, GoldenRun | None], Made]:
    """A function from a target, and what its firmware runs at boot, to the artifact and its row."""
    if cell.backend != OURS:

        def runtime(target: Target, image: GoldenRun | None) -> Made:
            artifact = maker.export(
                graph, target, cell.number_type, frames=each_step(source.frames)
            )
            return artifact, graph.row(artifact.facts["states"])

        return runtime
    typed, _ = maker.typed(graph, cell.number_type, each_step(source.frames), "percentile")
    row = graph.row(maker.state_rows(graph, typed, cell.number_type))

    def compiled(target: Target, image: GoldenRun | None) -> Made:
        made = maker.export(graph, target, cell.number_type, typed=typed, golden=image)
        return made, row

    return compiled


def _judged(kind: str, cell: Cell, got: dict[str, Array], stream: Stream) -> Cell:
    """Against the model's own outputs; of several the worst."""
    worst: Cell | None = None
    for name, want in stream.outputs.items():
        error = relative_errors(got[name], want)
        tenth = max(1, len(error) // 10)
        ends = (error[:tenth], error[-tenth:])
        first, last = (float(np.sqrt(np.mean(some**2))) for some in ends)
        told = replace(
            cell,
            result=GREEN,
            frames=len(stream),
            peak=float(error.max()),
            rms=float(np.sqrt(np.mean(error**2))),
            first=first,
            last=last,
            same_answer=_same_answer(got[name], want),
        )
        try:
            compare(f"{cell.step} {name}", got[name], want, kind)
        except ParityError as cause:
            told = replace(told, result=RED, why=str(cause))
        if worst is None or told.result == RED or (told.rms or 0) > (worst.rms or 0):
            worst = told
    assert worst is not None
    return worst


def _same_answer(got: Array, want: Array) -> float | None:
    """The share of frames with the same largest output; None where there is one alone."""
    got, want = got.reshape(len(got), -1), want.reshape(len(want), -1)
    if want.shape[1] < 2:
        return None
    return float(np.mean(got.argmax(axis=1) == want.argmax(axis=1)))


def _emulated(
    cell: Cell,
    made: Callable[[], Made],
    place: Target,
    few: Stream,
    judge: Callable[[Cell, dict[str, Array], Stream], Cell],
) -> Cell:
    """The target's own code, over the first frames."""
    try:
        artifact, row = made()
        cell = replace(cell, bytes=len(artifact.members[artifact.main]))
        told = run_frames(opened(artifact, row, place), few.frames)
    except EdgernnError as cause:
        return replace(cell, why=str(cause))
    return judge(cell, told, few)


def _same(here: dict[str, Array], cell: Cell, told: dict[str, Array], stream: Stream) -> Cell:
    """The bits of this machine."""
    cell = replace(cell, allowed="same bits", frames=len(stream))
    try:
        same_bits(f"{cell.step} on {cell.target}", told, here)
    except ParityError as cause:
        return replace(cell, result=RED, why=str(cause))
    return replace(cell, result=GREEN, peak=0.0, rms=0.0)
