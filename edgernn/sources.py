"""Where a step comes from, and the truth that all made of it is compared with.

A `TorchSource` is a module: it is captured, and torch is the truth. An `OnnxSource` is a step that
another exporter wrote: its model is taken as it is, and ONNX Runtime running it is the truth.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from edgernn.backend import Array, find_backend, find_runner
from edgernn.errors import BundleError, DataError, ModelError
from edgernn.streams import Frames, Stream, count_steps
from edgernn.target import find_target
from edgernn.verify import Check, run_frames

if TYPE_CHECKING:
    from edgernn.graph.step_graph import StepGraph
    from edgernn.streaming import Streaming

CHUNK = 500  # steps that torch runs at once
LAW_STEPS = 24  # on which the streaming law is checked


class Source(Protocol):
    """One step of a model. `truth` is what it is called, in `verify.TRUTHS`."""

    name: str
    truth: str

    @property
    def frames(self) -> Frames:
        """Real input, for calibration too."""

    def law(self) -> Check | None:
        """Prove what the whole rests on, before anything is made of it."""

    def graph(self) -> StepGraph:
        """The step as a graph."""

    def run(self, frames: Frames, every: int = 1) -> Stream:
        """What the model itself makes of a stream, from the initial state, every so many steps."""

    def states(self, frames: Frames) -> Iterator[Mapping[str, Array]]:
        """The model's state leaves after every single step."""


class TorchSource:
    """A Streaming module; `frames` (N, 1, block, ...) are real input."""

    truth = "torch"

    def __init__(self, name: str, module: Streaming, frames: Array) -> None:
        from edgernn.graph.capture import port_names

        self.name, self.module = name, module
        self.input, self.output = port_names(module)
        self.frames: Frames = {self.input: frames}

    def law(self) -> Check:
        """The streaming law on real frames.

        With gates of few levels it is checked in float64: in float32 the last place, which chunks
        may change, would now and then decide between two levels.
        """
        import torch

        from edgernn.graph.capture import need_finite
        from edgernn.layers.ramp import RampFunctions
        from edgernn.testing import check_streaming

        need_finite(self.module, self.name)
        some = self.frames[self.input][:LAW_STEPS]
        module, x = self.module, torch.from_numpy(some.reshape(1, -1, *some.shape[3:]))
        if any(isinstance(part, RampFunctions) for part in module.modules()):
            module = copy.deepcopy(module).double()
            x = x.double() if x.is_floating_point() else x
        check_streaming(module, x)
        return Check(f"{self.name}: the streaming law", len(some), "holds")

    def graph(self) -> StepGraph:
        import torch

        from edgernn.graph.capture import capture

        return capture(self.module, torch.from_numpy(self.frames[self.input][0]), self.name)

    def run(self, frames: Frames, every: int = 1) -> Stream:
        outputs: list[Array] = []
        leaves: dict[str, Array] = {}
        at = 0
        for y, leaves in self._chunks(frames, max(1, count_steps(frames) // CHUNK)):  # noqa: B007
            outputs.append(y[-at % every :: every].copy())
            at += len(y)
        return Stream(frames, {self.output: np.concatenate(outputs)}, leaves, every)

    def states(self, frames: Frames) -> Iterator[Mapping[str, Array]]:
        for _, leaves in self._chunks(frames, count_steps(frames)):
            yield leaves

    def _chunks(self, frames: Frames, parts: int) -> Iterator[tuple[Array, dict[str, Array]]]:
        import torch

        from edgernn.state import named_leaves

        state = self.module.initial_state(1)
        for part in np.array_split(frames[self.input], parts):
            x = torch.from_numpy(part.reshape(1, -1, *part.shape[3:]))
            with torch.no_grad():
                y, state = self.module.step(x, state)
            leaves = {name: leaf.numpy() for name, leaf in named_leaves(state).items()}
            yield y.numpy().reshape(len(part), 1, -1, *y.shape[2:]), leaves


class OnnxSource:
    """A step that is an ONNX model, with frames for each of its inputs.

    Raises: ModelError if ONNX Runtime refuses it.
    """

    truth = "onnx"

    def __init__(self, step: StepGraph, frames: Frames) -> None:
        self.name, self.step, self.frames = step.name, step, frames
        backend, host = find_backend("onnx"), find_target("host")
        artifact = backend.export(step, host, "fp32")
        row = {**step.row([]), "facts": artifact.facts}
        main = artifact.members[artifact.main]
        try:
            self.program = backend.open(row, main, find_runner(host.runner), host)
        except BundleError as cause:
            raise ModelError(f"{step.name}: {cause}") from cause

    def law(self) -> None:
        """None: what a model made elsewhere does with longer chunks is not known."""

    def graph(self) -> StepGraph:
        return self.step

    def run(self, frames: Frames, every: int = 1) -> Stream:
        """Raises: DataError if the model itself gives NaN or infinity."""
        outputs = run_frames(self.program, frames, every)
        for name, array in outputs.items():
            bad = ~np.isfinite(array.reshape(len(array), -1)).all(axis=1)
            if bad.any():
                at = every * int(np.flatnonzero(bad)[0])
                raise DataError(
                    f"{self.name}: the model itself gives NaN or infinity at step {at} ({name}); "
                    "give it real input with --frames"
                )
        return Stream(frames, outputs, self.program.state(), every)

    def states(self, frames: Frames) -> Iterator[Mapping[str, Array]]:
        self.program.reset()
        for at in range(count_steps(frames)):
            self.program.step({name: array[at] for name, array in frames.items()})
            yield self.program.state()
