"""The road of one step, from a torch module to artifacts that are proven equal to it.

    the law -> capture -> ONNX against torch -> C on the desk against torch
      -> C on the target against the desk, bit for bit

Each stop raises before the next begins; `checks` holds a line for each that held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from edgernn.backend import Array, Artifact, find_backend, find_runner
from edgernn.errors import DoesNotFit, EdgernnError, ParityError
from edgernn.firmware import GoldenRun
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.streams import TorchStream, lengthened, step_by_step, through_torch
from edgernn.target import Target, all_targets, find_target
from edgernn.testing import check_streaming
from edgernn.verify import Check, Say, boot_check, compare, run_frames, same_bits, worst_leaf

if TYPE_CHECKING:
    from edgernn.streaming import Streaming

PARITY_FRAMES = 10_000  # steps compared with torch before anything is accepted
GOLDEN_FRAMES = 100  # stored in the bundle
IMAGE_FRAMES = 20  # built into a firmware image
LAW_FRAMES = 24  # steps on which the streaming law is checked
BLAME_FRAMES = 2_000  # steps searched for the first difference


@dataclass(frozen=True, slots=True)
class Travelled:
    """What a step arrives with: manifest row, artifacts, golden arrays, notes of the passes."""

    row: dict[str, Any]
    artifacts: list[Artifact]
    golden: dict[str, Array]
    notes: tuple[str, ...]


@dataclass
class Road:
    """One module under way. `frames` (N, 1, block, ...) are real input, for calibration too."""

    name: str
    module: Streaming
    frames: Array
    number_type: str
    say: Say = lambda line: None
    checks: list[Check] = field(default_factory=list)

    def travel(self, target: Target, cc: str | None = None) -> Travelled:
        """All stops, to a target."""
        self.law()
        graph = self.captured()
        stream = through_torch(self.module, lengthened(self.frames, PARITY_FRAMES))
        onnx = self.onnx(graph, stream)
        backend: Any = find_backend("c")
        self.say(f"{self.name}: calibrating and compiling {self.number_type} for {target.name}")
        calibration = ({graph.inputs[0].name: frame} for frame in self.frames)
        typed, notes = backend.typed(graph, self.number_type, calibration)
        row = step_row(graph, backend.state_rows(graph, typed, self.number_type))
        host = find_target("host")
        desk_cc = cc if target.name == host.name else _desk_cc(cc)
        twin = backend.export(graph, host, self.number_type, typed=typed, cc=desk_cc)
        golden, image = self.desk(twin, row, graph, stream)
        artifacts = [twin]
        if target.name != host.name:
            built = self.built(backend, graph, target, typed, image, cc)
            self.prove(built, row, target, golden)
            artifacts = [built, twin]
        notes = (*notes, *artifacts[0].facts.get("notes", ()))
        return Travelled(row, [*artifacts, onnx], golden, notes)

    def law(self) -> None:
        """The streaming law on real frames, before anything is captured."""
        import torch

        some = self.frames[:LAW_FRAMES]
        check_streaming(self.module, torch.from_numpy(some.reshape(1, -1, *some.shape[3:])))
        self.checks.append(Check(f"{self.name}: the streaming law", len(some), "holds"))

    def captured(self) -> StepGraph:
        """The step graph."""
        import torch

        self.say(f"{self.name}: capturing one step")
        return capture(self.module, torch.from_numpy(self.frames[0]), self.name)

    def onnx(self, graph: StepGraph, stream: TorchStream) -> Artifact:
        """The ONNX form, run frame by frame against torch."""
        backend, host = find_backend("onnx"), find_target("host")
        artifact = backend.export(graph, host, "fp32")
        self.say(f"{self.name}: ONNX Runtime against torch over {len(stream.frames):,} steps")
        program = opened(artifact, step_row(graph, []), host)
        name = f"{self.name} onnx fp32"
        peak, _ = self.against_torch(name, program, graph, stream, "fp32")
        for leaf, value in program.state().items():
            compare(f"{name}, state {leaf}", value[None], stream.state[leaf][None], "fp32")
        text = f"peak error {peak:.1e} of rms"
        self.checks.append(Check(f"{name} against torch", len(stream.frames), text))
        return artifact

    def against_torch(
        self,
        name: str,
        program: Any,
        graph: StepGraph,
        stream: TorchStream,
        number_type: str,
        rows: list[dict[str, Any]] | None = None,
    ) -> tuple[float, float]:
        """Peak and rms error over the stream. Raises: ParityError with the first frame and leaf."""
        source, out = graph.inputs[0].name, graph.outputs[0].name
        got = run_frames(program, {source: stream.frames})[out]
        try:
            return compare(name, got, stream.outputs, number_type)
        except ParityError as cause:
            leaf = self.blame(program, source, rows or [], number_type)
            raise ParityError(f"{cause}; {leaf}") from cause

    def blame(self, program: Any, source: str, rows: list[dict[str, Any]], number_type: str) -> str:
        """The first frame and state leaf that leave torch's, in words."""
        program.reset()
        frames = lengthened(self.frames, BLAME_FRAMES)
        for at, (_, leaves) in enumerate(step_by_step(self.module, frames)):
            program.step({source: frames[at]})
            found = worst_leaf(program.state(), leaves, rows, number_type)
            if found:
                return f"state {found[0]} leaves torch's first, at frame {at} (by {found[1]:.3g})"
        return "every state leaf stays with torch's, so the fault lies between state and output"

    def desk(
        self, twin: Artifact, row: dict[str, Any], graph: StepGraph, stream: TorchStream
    ) -> tuple[dict[str, Array], GoldenRun]:
        """The C on this machine against torch; its numbers become the golden vectors."""
        source, out = graph.inputs[0].name, graph.outputs[0].name
        self.say(f"{self.name}: C on this machine against torch over {len(stream.frames):,} steps")
        program = opened(twin, row, find_target("host"))
        name = f"{self.name} c {self.number_type}"
        peak, rms = self.against_torch(
            name, program, graph, stream, self.number_type, row["states"]
        )
        text = f"peak error {peak:.1e}, rms {rms:.1e} of rms"
        self.checks.append(Check(f"{name} on host against torch", len(stream.frames), text))
        some = stream.frames[:IMAGE_FRAMES]
        first = run_frames(program, {source: some})[out]
        image = GoldenRun((some,), (first,), program.blob_bytes())
        some = stream.frames[:GOLDEN_FRAMES]
        golden = {f"in.{source}": some, f"out.{out}": run_frames(program, {source: some})[out]}
        golden |= {f"state.{leaf}": value for leaf, value in program.state().items()}
        return golden | {f"torch.{out}": stream.outputs[:GOLDEN_FRAMES]}, image

    def built(
        self,
        backend: Any,
        graph: StepGraph,
        target: Target,
        typed: Any,
        image: GoldenRun,
        cc: str | None,
    ) -> Artifact:
        """The artifact for the target. Raises: DoesNotFit, with what would fit."""
        try:
            made: Artifact = backend.export(
                graph, target, self.number_type, typed=typed, golden=image, cc=cc
            )
        except DoesNotFit as cause:
            raise DoesNotFit(f"{cause}. {_what_fits(typed, target, self.number_type)}") from cause
        return replace(made, facts={**made.facts, "golden_frames": IMAGE_FRAMES})

    def prove(
        self, built: Artifact, row: Mapping[str, Any], target: Target, golden: Mapping[str, Array]
    ) -> None:
        """The target's artifact against the desk, bit for bit, where it can be run."""
        name = f"{self.name} c {self.number_type} on {target.name}"
        self.say(f"{name}: golden vectors")
        try:
            program = opened(built, row, target)
        except EdgernnError as cause:
            self.checks.append(Check(name, 0, f"not run here: {cause}"))
        else:
            frames = {k[3:]: v for k, v in golden.items() if k.startswith("in.")}
            want = {k[4:]: v for k, v in golden.items() if k.startswith("out.")}
            same_bits(name, run_frames(program, frames), want)
            states = {k[6:]: v[None] for k, v in golden.items() if k.startswith("state.")}
            same_bits(f"{name}, state", {k: v[None] for k, v in program.state().items()}, states)
            self.checks.append(Check(f"{name} against host", GOLDEN_FRAMES, "same bits"))
        if target.kind == "firmware":
            self.checks += boot_check(built.members[built.main], target, name, IMAGE_FRAMES)


def opened(artifact: Artifact, row: Mapping[str, Any], target: Target) -> Any:
    """A live stream over an artifact that is not in a bundle yet."""
    entry = {**row, "facts": artifact.facts}
    runner, main = find_runner(target.runner), artifact.members[artifact.main]
    return find_backend(artifact.backend).open(entry, main, runner, target)


def step_row(graph: StepGraph, states: list[dict[str, Any]]) -> dict[str, Any]:
    """A step's manifest row, but for its artifacts and golden vectors."""

    def ports(found: Any) -> list[dict[str, Any]]:
        return [{"name": p.name, "shape": list(p.shape), "dtype": p.dtype} for p in found]

    timing = graph.timing
    return {
        "inputs": ports(graph.inputs),
        "outputs": ports(graph.outputs),
        "states": states,
        "timing": {"block": timing.block, "ratio": str(timing.ratio), "delay": timing.delay},
    }


def _desk_cc(cc: str | None) -> str | None:
    """The desk twin of a cross build is made by zig, unless the compiler serves both."""
    return cc if cc in (None, "zig", "clang") else None


def _what_fits(typed: Any, target: Target, number_type: str) -> str:
    """Advice for a model too large for its chip, in numbers."""
    used = {name for node in typed.nodes for name in node.inputs}
    arrays = [array for name, array in typed.constants.items() if name in used]
    weights = sum(int(np.count_nonzero(array)) * array.itemsize for array in arrays)
    need = weights + 16 * 1024  # code, tables and golden inputs, roughly
    larger = [t.name for t in all_targets().values() if t.board and t.board.flash_bytes >= need]
    advice = [f"weights alone are about {weights:,} bytes"]
    if number_type == "fp32" and "w8a8" in target.number_types:
        advice.append(f"try --number-type w8a8 (about {weights // 4:,} bytes)")
    if larger:
        advice.append(f"chips with room for them: {', '.join(sorted(larger))}")
    if target.board and number_type != "fp32":
        share = (target.board.flash_bytes - 16 * 1024) / weights
        advice.append(f"or a model with at most {max(share, 0):.0%} of these weights")
    return "; ".join(advice)
