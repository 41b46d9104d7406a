"""What export/ and targets/ implement: backends make artifacts, runners load them.

    Backend.export(step graph, target) -> Artifact          (export/NAME.py or export/NAME/)
    Runner.load(binary, target)        -> Module            (targets/runners/NAME.py)
    Backend.open(artifact, runner)     -> Program           one live stream, numpy in and out

A `Module` is the least that a place where code runs can offer: memory, and calls into it. The
host process, an emulated chip and a wasm engine each implement it in one file, and one
`Program` over it serves them all.
"""

from __future__ import annotations

import importlib
import pkgutil
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError, ToolError, UnknownName

if TYPE_CHECKING:
    from edgernn.graph.step_graph import StepGraph
    from edgernn.target import Target

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Artifact:
    """What a backend made of one step for one target.

    members: path inside the bundle -> content. main: the member that a runner loads.
    facts: what the manifest records beside it (bytes, MACs, layout of the state).
    """

    backend: str
    target: str
    number_type: str
    members: Mapping[str, bytes]
    main: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a step will do and hold on a target, told before it is compiled.

    work: amounts in a step by kind. code: in how many places each kind is written.
    facts: MACs, and bytes of weights, state and scratch, which are exact.
    """

    work: Mapping[str, float]
    code: Mapping[str, int]
    facts: Mapping[str, int]


class Program(Protocol):
    """One live stream over a loaded artifact. Arrays have the shapes of the manifest.

    One that can take many chunks at a time faster has `steps` besides: arrays (N, ...) in and out.
    """

    def reset(self) -> None:
        """Back to the initial state."""

    def step(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run one chunk and advance the state."""

    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by name, as stored (quantized leaves as integers)."""

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if they do not fit."""


class Module(Protocol):
    """Code loaded somewhere, with its memory. Addresses and sizes are in bytes."""

    def alloc(self, nbytes: int) -> int:
        """Reserve zeroed memory aligned to 16; gives its address."""

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes in."""

    def read(self, address: int, nbytes: int) -> bytes:
        """Copy bytes out."""

    def call(self, symbol: str, *args: int) -> int:
        """Call a function with integer or pointer arguments; gives its integer result."""

    def count(self, symbol: str, *args: int) -> int:
        """Call, and give the exact number of instructions executed.

        Raises: ToolError where instructions cannot be counted (the host itself).
        """


class Runner(Protocol):
    """A way to reach a place where artifacts run."""

    name: str

    def missing(self) -> str | None:
        """None if it can be used here, else one line that says what to install."""

    def load(self, binary: bytes, target: Target) -> Module:
        """Load an artifact's main member. Raises: ToolError."""


class Backend(Protocol):
    """Step graph in, artifact out."""

    name: str
    extra: str  # the pip extra it needs, or ""
    number_types: Sequence[str]  # those that it makes
    runtime: str  # the library of others that runs its artifacts, or ""

    def supports(self, target: Target, number_type: str) -> bool:
        """Whether `export` can serve this pair."""

    def export(
        self, graph: StepGraph, target: Target, number_type: str, **options: Any
    ) -> Artifact:
        """Build the artifact. Raises: UnsupportedOp, DoesNotFit, ToolError."""

    def open(
        self, entry: Mapping[str, Any], main: bytes, runner: Runner, target: Target
    ) -> Program:
        """A live stream over an artifact read back from a bundle; `entry` is its manifest row."""


def _names(package: str) -> list[str]:
    path = importlib.import_module(package).__path__
    return sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_"))


def find_backend(name: str) -> Backend:
    """The backend in export/NAME. Raises: UnknownName, MissingExtra."""
    known = _names("edgernn.export")
    if name not in known:
        raise UnknownName("backend", name, known)
    backend: Backend = importlib.import_module(f"edgernn.export.{name}").BACKEND
    return backend


def open_artifact(entry: Mapping[str, Any], main: bytes, target: Target) -> Program:
    """A live stream over an artifact: here, on an emulated core, or by a board's own runtime.

    entry: its manifest row, and beside it what the step's row says of ports and states.
    Raises: ToolError or MissingExtra if it cannot run here.
    """
    backend = find_backend(entry["backend"])
    if backend.runtime and target.name != "host" and platform.machine() != target.name:
        from edgernn.board import BoardProgram

        return BoardProgram(entry, main)
    runner = find_runner(target.runner)
    if missing := runner.missing():
        raise ToolError(missing)
    return backend.open(entry, main, runner, target)


def serves_client(backend: Backend) -> bool:
    """Whether it makes a folder for another program, which hears it, and no bundle."""
    return hasattr(backend, "heard")


def find_runner(name: str) -> Runner:
    """The runner in targets/runners/NAME.py. Raises: UnknownName."""
    known = _names("edgernn.targets.runners")
    if name not in known:
        raise UnknownName("runner", name, known)
    runner: Runner = importlib.import_module(f"edgernn.targets.runners.{name}").RUNNER
    return runner


def np_dtype(name: str) -> np.dtype[Any]:
    """A manifest type name (`float32`, `int8`, ...) as a numpy type."""
    return np.dtype(name)


def need_steps(names: Iterable[str], needed: Iterable[str], what: str) -> None:
    """Raises: DataError if these steps lack some of those needed. what: has all of them."""
    names = list(names)
    if missing := [name for name in needed if name not in names]:
        raise DataError(f"{', '.join(names)}: no {what}; it lacks the step {', '.join(missing)}")
