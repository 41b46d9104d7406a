"""What `edgernn drift` follows: a unit, the steps of a model, or those of a bundle.

A unit or a model is compiled for this machine in each number type and followed beside torch in
float64, an ONNX step beside itself in ONNX Runtime. Of a bundle its own artifacts for this machine
are followed, beside the ONNX form that is in it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array, Program, find_backend
from edgernn.drift import Drift, Truth, follow
from edgernn.errors import BundleError, DataError, UnknownName
from edgernn.graph.step_graph import StepGraph
from edgernn.streams import Frames, count_steps, each_step
from edgernn.verify import Say

CALIBRATION = 2_000  # frames; a range has to cover a state as large as a long stream makes it
PIECE = 50  # frames of real input in a row
QUIETEST = 0.25  # level of a piece, at most 1
EXACT = "fp32"


@dataclass(frozen=True, slots=True)
class Subject:
    """One step with a state: its truth, the programs beside it by number type, and its frames."""

    name: str
    truth: Truth
    programs: Mapping[str, Program]
    draw: Callable[[int], Frames]

    def follow(self, count: int, advance: Callable[[int], None]) -> Drift:
        return follow(self.name, self.truth, self.programs, self.draw, count, advance)


class TorchTruth:
    """A module in float64."""

    name = "torch in float64"

    def __init__(self, module: Any, given: str, made: str) -> None:
        self.module, self.given, self.made = copy.deepcopy(module).double().eval(), given, made
        self.state = self.module.initial_state(1)

    def run(self, frames: Frames) -> tuple[dict[str, Array], dict[str, Array]]:
        import torch

        from edgernn.state import named_leaves

        array = frames[self.given]
        x = torch.from_numpy(array.reshape(1, -1, *array.shape[3:]))
        with torch.inference_mode():
            y, self.state = self.module.step(x.double() if x.is_floating_point() else x, self.state)
        leaves = {name: leaf.numpy() for name, leaf in named_leaves(self.state).items()}
        return {self.made: y.numpy().reshape(len(array), 1, -1, *y.shape[2:])}, leaves


class ProgramTruth:
    """A step in ONNX Runtime, where that is the nearest to the truth that there is."""

    name = "ONNX Runtime"

    def __init__(self, program: Program) -> None:
        self.program = program
        program.reset()

    def run(self, frames: Frames) -> tuple[dict[str, Array], dict[str, Array]]:
        rows = [self.program.step(frame) for frame in each_step(frames)]
        made = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        return made, self.program.state()


class Shuffled:
    """Endless frames: pieces of real ones in random order, each at a level of its own."""

    def __init__(self, frames: Frames) -> None:
        self.frames, self.rng = frames, np.random.default_rng(0)
        self.left: dict[str, Array] = {name: array[:0] for name, array in frames.items()}

    def __call__(self, count: int) -> Frames:
        parts: list[Frames] = []
        while count > 0:
            if not count_steps(self.left):
                self.left = self._piece()
            parts.append({name: array[:count] for name, array in self.left.items()})
            self.left = {name: array[count:] for name, array in self.left.items()}
            count -= count_steps(parts[-1])
        return {name: np.concatenate([part[name] for part in parts]) for name in self.frames}

    def _piece(self) -> dict[str, Array]:
        at = int(self.rng.integers(max(1, count_steps(self.frames) - PIECE + 1)))
        level = np.float32(self.rng.uniform(QUIETEST, 1))
        return {
            name: array[at : at + PIECE] * (level if array.dtype.kind == "f" else 1)
            for name, array in self.frames.items()
        }


class Noise:
    """Endless frames of normal numbers, none of which comes twice."""

    def __init__(self, port: str, shape: Sequence[int]) -> None:
        self.port, self.shape, self.rng = port, shape, np.random.default_rng(0)

    def __call__(self, count: int) -> Frames:
        return {self.port: self.rng.standard_normal((count, *self.shape), np.float32)}


def subjects(
    name: str, number_types: Sequence[str], *, width: int, step: str | None, say: Say
) -> Iterator[Subject]:
    """All that the name has with a state: a unit's or a model's name, a file, or a bundle.

    number_types: beside fp32. width: of a unit. step: the only one wanted.
    Raises: UnknownName, DataError if nothing has a state, and what compiling does.
    """
    if Path(name).suffix == ".edgernn":
        found = _of_bundle(Path(name), step, say)
    elif name in (known := _units()):
        found = _of_unit(name, number_types, width, say)
    else:
        found = _of_model(name, number_types, step, known, say)
    count = 0
    for subject in found:
        count += 1
        yield subject
    if not count:
        raise DataError(f"{name}: has no state that could grow")


def _units() -> list[str]:
    from edgernn.zoo import unit_classes

    sorts = unit_classes()
    return [*(s.__module__.rpartition(".")[2] for s in sorts), *(s.__name__ for s in sorts)]


def _of_unit(name: str, number_types: Sequence[str], width: int, say: Say) -> Iterator[Subject]:
    from edgernn.graph.capture import port_names
    from edgernn.sources import TorchSource
    from edgernn.state import named_leaves
    from edgernn.zoo import at_width, input_channels, unit_classes

    for sort in unit_classes([name]):
        unit = at_width(sort, width)
        if not named_leaves(unit.initial_state(1)):
            say(f"note: {sort.__name__}: has no state")
            continue
        given, made = port_names(unit)
        shape = (1, unit.timing.block, input_channels(sort, width))
        some = Noise(given, shape)(CALIBRATION)[given]
        source = TorchSource(sort.__name__.lower(), unit, some)
        programs = _compiled(source.graph(), number_types, source.frames, say)
        yield Subject(sort.__name__, TorchTruth(unit, given, made), programs, Noise(given, shape))


def _of_model(
    name: str, number_types: Sequence[str], step: str | None, units: Sequence[str], say: Say
) -> Iterator[Subject]:
    from edgernn.exporting import sources_of
    from edgernn.model import find_model, model_names
    from edgernn.sources import OnnxSource, TorchSource

    try:
        model = find_model(name)
    except UnknownName:
        raise UnknownName("unit or model", name, [*units, *model_names()]) from None
    sources = {source.name: source for source in sources_of(model, say)}
    for source in _chosen(sources, step):
        graph = source.graph()
        if not graph.states:
            say(f"note: {source.name}: has no state")
            continue
        programs = _compiled(graph, number_types, source.frames, say)
        truth: Truth
        if isinstance(source, OnnxSource):
            truth = ProgramTruth(source.program)
        else:
            assert isinstance(source, TorchSource)
            truth = TorchTruth(source.module, source.input, source.output)
        yield Subject(source.name, truth, programs, Shuffled(source.frames))


def _compiled(
    graph: StepGraph, number_types: Sequence[str], frames: Frames, say: Say
) -> dict[str, Program]:
    """The step as C for this machine, in float32 and in each number type."""
    from edgernn.road import opened
    from edgernn.target import find_target

    backend: Any = find_backend("c")
    host, made = find_target("host"), {}
    for number_type in dict.fromkeys((EXACT, *number_types)):
        say(f"{graph.name}: compiling {number_type}")
        some = {name: array[:CALIBRATION] for name, array in frames.items()}
        typed, _ = backend.typed(graph, number_type, each_step(some))
        row = graph.row(backend.state_rows(graph, typed, number_type))
        made[number_type] = opened(backend.export(graph, host, number_type, typed=typed), row, host)
    return made


def _of_bundle(path: Path, step: str | None, say: Say) -> Iterator[Subject]:
    from edgernn.bundle import open_bundle
    from edgernn.runtime import open_program
    from edgernn.verify import golden_of

    bundle = open_bundle(path)
    steps = {name: (name, row) for name, row in bundle.manifest["steps"].items()}
    for name, row in _chosen(steps, step):
        if not row["states"]:
            say(f"note: {name}: has no state")
            continue
        here = [one for one in row["artifacts"] if one["target"] in ("host", "any")]
        exact = [one for one in here if (one["backend"], one["number_type"]) == ("onnx", EXACT)]
        beside = [one for one in here if one not in exact]
        if not exact or not beside:
            raise BundleError(
                f"{path}: {name} has no ONNX form or no code for this machine, so nothing can be "
                "compared; follow the model itself, or export it without --slim"
            )
        programs = {one["number_type"]: open_program(bundle, one, name) for one in beside}
        truth = ProgramTruth(open_program(bundle, exact[0], name))
        yield Subject(name, truth, programs, Shuffled(golden_of(bundle, name)["in"]))


def _chosen(steps: Mapping[str, Any], step: str | None) -> list[Any]:
    if step is not None and step not in steps:
        raise UnknownName("step", step, steps)
    return list(steps.values()) if step is None else [steps[step]]
