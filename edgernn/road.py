"""The road of one step, from its source to artifacts that are proven equal to it.

    the law -> capture -> ONNX against torch -> C on the desk against torch
      -> C on the target against the desk, bit for bit

A step that comes as ONNX begins at the third stop, and its model in ONNX Runtime stands in torch's
place. Each stop raises before the next begins; `checks` holds a line for each that held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edgernn.backend import Array, Artifact, find_backend, open_artifact
from edgernn.errors import DoesNotFit, EdgernnError, ParityError
from edgernn.firmware import IMAGE_FRAMES, GoldenRun
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.passes import find_holds
from edgernn.graph.step_graph import StepGraph
from edgernn.graph.stored import StoredStep, to_bytes
from edgernn.sources import Source
from edgernn.streams import Frames, Stream, count_steps, each_step, lengthened
from edgernn.target import Target, all_targets, find_target
from edgernn.verify import (
    HELD,
    ROUNDED,
    TOLERANCES,
    TRUTHS,
    Check,
    Say,
    boot_check,
    compare,
    golden_run,
    relative_errors,
    run_frames,
    same_bits,
    worst_leaf,
)

PARITY_FRAMES = 10_000  # steps compared with the model before anything is accepted
GOLDEN_FRAMES = 100  # stored in the bundle, fewer where they would be large
GOLDEN_BYTES, GOLDEN_LEAST = 1 << 18, 2
ANY = "any"  # the target of an artifact that any machine's runtime runs
BLAME_FRAMES = 2_000  # steps searched for the first difference
# of a step that holds: short streams, each from the initial state on, and the share of their frames
# that must be as near as if nothing were held; in the others a value hung at its threshold
STARTS, START_FRAMES, NEAR = 100, 8, 0.97


@dataclass(frozen=True, slots=True)
class Travelled:
    """What a step arrives with: manifest row, artifacts, golden arrays, notes, itself stored."""

    row: dict[str, Any]
    artifacts: list[Artifact]
    golden: dict[str, Array]
    notes: tuple[str, ...]
    stored: bytes = b""  # of which C for another target can be made


@dataclass
class Road:
    """One step under way."""

    source: Source
    number_type: str
    say: Say = lambda line: None
    checks: list[Check] = field(default_factory=list)
    activations: str = "exact"
    calibration: str = "percentile"
    holds: bool = False  # whether a value of the step is held until it moves
    rounds: bool = False  # whether one is rounded to few levels
    # what all number types share
    _start: tuple[StepGraph, Stream, Artifact] | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        """The step's."""
        return self.source.name

    @property
    def truth(self) -> str:
        """What everything is compared with, in words."""
        return TRUTHS[self.source.truth]

    def travel(self, target: Target, cc: str | None = None) -> Travelled:
        """All stops, to a target."""
        graph, stream, onnx = self.start()
        backend: Any = find_backend("c")
        self.say(f"{self.name}: calibrating and compiling {self.number_type} for {target.name}")
        frames = each_step(self.source.frames)
        typed, notes = backend.typed(graph, self.number_type, frames, self.calibration)
        row = graph.row(backend.state_rows(graph, typed, self.number_type))
        host = find_target("host")
        desk_cc = cc if target.name == host.name else _desk_cc(cc)
        form = {"typed": typed, "activations": self.activations}
        twin = backend.export(graph, host, self.number_type, cc=desk_cc, **form)
        golden, image = self.desk(twin, row, stream)
        artifacts = [twin]
        if target.name != host.name:
            built = self.built(backend, graph, target, typed, image, cc)
            self.prove(built, row, target, golden)
            artifacts = [built, twin]
        notes = (*notes, *artifacts[0].facts.get("notes", ()))
        ports = (graph.name, graph.inputs, graph.outputs)
        stored = StoredStep(*ports, typed, self.number_type, self.activations)
        return Travelled(row, [*artifacts, onnx], golden, notes, to_bytes(stored))

    def start(self) -> tuple[StepGraph, Stream, Artifact]:
        """The stops up to ONNX, the same for every number type: seen once."""
        if self._start is None:
            graph = self.captured()
            stream = self.source.run(lengthened(self.source.frames, PARITY_FRAMES))
            self._start = graph, stream, self.onnx(graph, stream)
        return self._start

    def elsewhere(self, name: str, target: Target) -> Travelled:
        """The stops of a backend whose artifacts another runtime runs, as near to the truth.

        Raises: ParityError, and what the backend does.
        """
        graph = self.captured()
        stream = self.source.run(lengthened(self.source.frames, PARITY_FRAMES))
        backend: Any = find_backend(name)
        self.say(f"{self.name}: {self.number_type} by {name}")
        kind, host = self.tolerance(self.number_type), find_target("host")

        def made_for(place: Target) -> Artifact:
            frames = each_step(self.source.frames)
            made: Artifact = backend.export(
                graph, place, self.number_type, frames=frames, mobile=True
            )
            return replace(made, facts={**made.facts, "tolerance": kind})

        made = made_for(target)
        twin = made if made.target in (ANY, host.name) else made_for(host)
        row = graph.row(made.facts["states"])
        program, what = opened(twin, row, host), f"{self.name} {name} {self.number_type}"
        self.say(f"{what} against {self.truth} over {len(stream):,} steps")
        peak, rms = self.against_truth(what, program, stream, kind, row["states"])
        self.from_the_start(what, program, stream.frames, kind)
        text = f"peak error {peak:.1e}, rms {rms:.1e} of rms"
        self.checks.append(Check(f"{what} against {self.truth}", len(stream), text))
        golden = self.golden(program, stream)
        if target.name != host.name:
            self.on_board(made, row, target, golden, kind)
        artifacts = [made] if twin is made else [made, twin]
        return Travelled(row, artifacts, golden, ())

    def on_board(
        self,
        made: Artifact,
        row: dict[str, Any],
        target: Target,
        golden: Mapping[str, Array],
        kind: str,
    ) -> None:
        """The golden vectors by the target's own runtime, where a board is. Raises: ParityError."""
        name = f"{self.name} {made.backend} {self.number_type} on {target.name}"
        program = self.opened_there(name, made, row, target)
        if program is None:
            return
        frames, want = _of_kind(golden, "in"), _of_kind(golden, self.source.truth)
        got = run_frames(program, frames)
        errors = [compare(name, got[out], want[out], kind, self.source.truth) for out in want]
        text = f"peak error {max(peak for peak, _ in errors):.1e} of rms"
        self.checks.append(Check(f"{name} against {self.truth}", count_steps(frames), text))

    def captured(self) -> StepGraph:
        """The step graph, once the law has been seen to hold."""
        held = self.source.law()
        if held is not None:
            self.checks.append(held)
            self.say(f"{self.name}: capturing one step")
        graph = self.source.graph()
        plain = to_graph(graph)
        self.rounds = any(node.op in ("round", "floor") for node in plain.nodes)
        self.holds = find_holds.run(plain).modified
        return graph

    def tolerance(self, number_type: str) -> str:
        """Its row in the table of tolerances."""
        if number_type == "fp32":
            return "fp32-held" if self.holds or self.rounds else number_type
        held = f"{number_type}{HELD}"
        kind = held if self.holds and held in TOLERANCES else number_type
        return f"{kind}{ROUNDED}" if self.rounds else kind

    def onnx(self, graph: StepGraph, stream: Stream) -> Artifact:
        """The ONNX form, run step by step against torch, unless it is the model itself."""
        backend, host = find_backend("onnx"), find_target("host")
        artifact = backend.export(graph, host, "fp32")
        if self.source.truth == backend.name:
            return artifact
        self.say(f"{self.name}: ONNX Runtime against {self.truth} over {len(stream):,} steps")
        program = opened(artifact, graph.row([]), host)
        name = f"{self.name} onnx fp32"
        exact = self.tolerance("fp32")
        peak, _ = self.against_truth(name, program, stream, exact)
        for leaf, value in program.state().items():
            kind = f"{exact}-state" if exact == "fp32-held" else exact
            compare(f"{name}, state {leaf}", value[None], stream.state[leaf][None], kind)
        self.from_the_start(name, program, stream.frames, exact)
        text = f"peak error {peak:.1e} of rms"
        self.checks.append(Check(f"{name} against {self.truth}", len(stream), text))
        return replace(artifact, facts={**artifact.facts, "tolerance": exact})

    def against_truth(
        self,
        name: str,
        program: Any,
        stream: Stream,
        number_type: str,
        rows: list[dict[str, Any]] | None = None,
    ) -> tuple[float, float]:
        """Peak and rms error over the stream, the worst of all outputs.

        Raises: ParityError with the first frame and leaf.
        """
        got = run_frames(program, stream.frames)
        try:
            errors = [
                compare(_output(name, out, stream), got[out], want, number_type, self.source.truth)
                for out, want in stream.outputs.items()
            ]
        except ParityError as cause:
            leaf = self.blame(program, rows or [], number_type)
            raise ParityError(f"{cause}; {leaf}") from cause
        return max(peak for peak, _ in errors), max(rms for _, rms in errors)

    def from_the_start(self, name: str, program: Any, frames: Frames, number_type: str) -> None:
        """Short pieces of a stream against the truth, as closely as floats where nothing is held.

        Over a long stream a value that hangs at its threshold is held by one and passed by the
        other, and so they part; soon after the start they have not.

        Raises: ParityError if too many frames differ.
        """
        if number_type != "fp32-held":
            return
        starts = np.linspace(0, count_steps(frames) - START_FRAMES, STARTS, dtype=int)
        near, worst, allowed = [], 0.0, TOLERANCES["fp32"].peak
        for at in starts:
            piece = {k: v[at : at + START_FRAMES] for k, v in frames.items()}
            wanted, got = self.source.run(piece).outputs, run_frames(program, piece)
            errors = [relative_errors(got[o], want).max(axis=1) for o, want in wanted.items()]
            near.append(np.max(errors, axis=0) <= allowed)
            worst = max(worst, float(np.max(errors)))
        share = float(np.mean(near))
        text = f"{share:.1%} of the frames within {allowed:g} of rms"
        if not share >= NEAR:
            raise ParityError(
                f"{name} from the initial state differs from {self.truth}: {text}, need "
                f"{NEAR:.0%}; peak error {worst:.3g}"
            )
        what = f"{name} against {self.truth}, {STARTS} times from the initial state"
        self.checks.append(Check(what, STARTS * START_FRAMES, text))

    def blame(self, program: Any, rows: list[dict[str, Any]], number_type: str) -> str:
        """The first frame and state leaf that leave the truth's, in words."""
        program.reset()
        frames = lengthened(self.source.frames, BLAME_FRAMES)
        whose = f"{self.truth}'s"
        steps = zip(each_step(frames), self.source.states(frames), strict=True)
        for at, (frame, leaves) in enumerate(steps):
            program.step(frame)
            found = worst_leaf(program.state(), leaves, rows, number_type)
            if found:
                return f"state {found[0]} leaves {whose} first, at frame {at} (by {found[1]:.3g})"
        return f"every state leaf stays with {whose}, so the fault lies between state and output"

    def desk(
        self, twin: Artifact, row: dict[str, Any], stream: Stream
    ) -> tuple[dict[str, Array], GoldenRun]:
        """The C on this machine against the truth; its numbers become the golden vectors."""
        count = len(stream)
        self.say(f"{self.name}: C on this machine against {self.truth} over {count:,} steps")
        program = opened(twin, row, find_target("host"))
        name = f"{self.name} c {self.number_type}"
        kind = self.tolerance(self.number_type)
        peak, rms = self.against_truth(name, program, stream, kind, row["states"])
        self.from_the_start(name, program, stream.frames, kind)
        text = f"peak error {peak:.1e}, rms {rms:.1e} of rms"
        self.checks.append(Check(f"{name} on host against {self.truth}", count, text))
        image = golden_run(program, row, stream.frames)
        return self.golden(program, stream), image

    def golden(self, program: Any, stream: Stream) -> dict[str, Array]:
        """Vectors by kind and name: the first frames, what a program gives, and the truth's."""
        count = _golden_count(stream)
        some = _first(stream.frames, count)
        kinds = {
            "in": some,
            "out": run_frames(program, some),
            "state": program.state(),
            self.source.truth: _first(stream.outputs, count),
        }
        return {f"{kind}.{k}": v for kind, arrays in kinds.items() for k, v in arrays.items()}

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
                graph,
                target,
                self.number_type,
                typed=typed,
                golden=image,
                cc=cc,
                activations=self.activations,
            )
        except DoesNotFit as cause:
            raise DoesNotFit(f"{cause}. {_what_fits(typed, target, self.number_type)}") from cause
        return replace(made, facts={**made.facts, "golden_frames": IMAGE_FRAMES})

    def opened_there(
        self, name: str, made: Artifact, row: Mapping[str, Any], target: Target
    ) -> Any | None:
        """A live stream on the target, for golden vectors; None, and noted, where it can't run."""
        self.say(f"{name}: golden vectors")
        try:
            return opened(made, row, target)
        except EdgernnError as cause:
            self.checks.append(Check(name, 0, f"not run here: {cause}"))
            return None

    def prove(
        self, built: Artifact, row: Mapping[str, Any], target: Target, golden: Mapping[str, Array]
    ) -> None:
        """The target's artifact against the desk, bit for bit, where it can be run."""
        name = f"{self.name} c {self.number_type} on {target.name}"
        program = self.opened_there(name, built, row, target)
        if program is not None:
            frames = _of_kind(golden, "in")
            same_bits(name, run_frames(program, frames), _of_kind(golden, "out"))
            states = {name: leaf[None] for name, leaf in _of_kind(golden, "state").items()}
            same_bits(f"{name}, state", {k: v[None] for k, v in program.state().items()}, states)
            same = Check(f"{name} against host", count_steps(frames), "same bits")
            self.checks.append(same)
        if target.kind == "firmware":
            self.checks += boot_check(built.members[built.main], target, name, IMAGE_FRAMES)


def _of_kind(golden: Mapping[str, Array], kind: str) -> dict[str, Array]:
    """Golden arrays of one kind by their names."""
    begin = f"{kind}."
    return {k.removeprefix(begin): v for k, v in golden.items() if k.startswith(begin)}


def _first(arrays: Frames, count: int) -> dict[str, Array]:
    return {name: array[:count] for name, array in arrays.items()}


def _golden_count(stream: Stream) -> int:
    """Frames whose inputs and outputs, ours and the truth's, are of GOLDEN_BYTES."""
    arrays = [*stream.frames.values(), *stream.outputs.values(), *stream.outputs.values()]
    frame: int = sum(array[0].nbytes for array in arrays)
    return min(GOLDEN_FRAMES, max(GOLDEN_LEAST, GOLDEN_BYTES // frame))


def _output(name: str, out: str, stream: Stream) -> str:
    """An artifact's name, with the output's where there are several."""
    return name if len(stream.outputs) == 1 else f"{name}, output {out}"


def opened(artifact: Artifact, row: Mapping[str, Any], target: Target) -> Any:
    """A live stream over an artifact that is not in a bundle yet."""
    kind = {"backend": artifact.backend, "number_type": artifact.number_type}
    entry = {**row, **kind, "facts": artifact.facts}
    return open_artifact(entry, artifact.members[artifact.main], target)


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
