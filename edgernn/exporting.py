"""From a model's name to a verified bundle: the whole road, one function a stop.

    check the law -> capture -> ONNX against torch -> C on the desk against torch
      -> C on the target against the desk -> bundle

Nothing is written before everything has held.
"""

from __future__ import annotations

import io
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgernn import bundle
from edgernn.backend import Array, Artifact, find_backend, find_runner
from edgernn.errors import BundleError, DataError, DoesNotFit, EdgernnError, UnknownName
from edgernn.firmware import GoldenRun
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.model import Model, find_model
from edgernn.state import named_leaves
from edgernn.target import Target, all_targets, find_target
from edgernn.testing import check_streaming
from edgernn.verify import Check, Say, boot_check, compare, run_frames, same_bits

if TYPE_CHECKING:
    from edgernn.streaming import Streaming

STREAMS = 64  # clips asked of a model for calibration
PARITY_FRAMES = 10_000  # steps compared with torch before a bundle is written
GOLDEN_FRAMES = 100  # stored in the bundle
IMAGE_FRAMES = 20  # built into a firmware image
CHUNK = 500  # steps that torch runs at once
TOOLS = ("torch", "onnx", "onnxruntime", "numpy", "ziglang")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was built and what was proven of it."""

    path: str
    model: str
    target: str
    number_type: str
    sizes: dict[str, Any]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        return [check.row() for check in self.checks]


@dataclass(frozen=True, slots=True)
class _Stream:
    """Real frames of one step, and what torch makes of them; arrays (N, ...)."""

    frames: Array
    outputs: Array
    state: dict[str, Array]


def _steps_of(streams: list[Array], block: int) -> Array:
    """Streams (1, T, ...) as steps (N, 1, block, ...)."""
    parts = [s[:, : s.shape[1] // block * block] for s in streams]
    parts = [p.reshape(-1, 1, block, *p.shape[2:]) for p in parts if p.shape[1]]
    if not parts:
        raise DataError(f"no example is as long as one block of {block} frames")
    return np.concatenate(parts)


def _torch_run(module: Streaming, frames: Array) -> _Stream:
    """Torch over steps (N, 1, block, ...), in chunks, from the initial state."""
    import torch

    state, outputs = module.initial_state(1), []
    with torch.no_grad():
        for part in np.array_split(frames, max(1, len(frames) // CHUNK)):
            chunk = torch.from_numpy(part.reshape(1, -1, *part.shape[3:]))
            y, state = module.step(chunk, state)
            outputs.append(y.numpy().reshape(len(part), 1, -1, *y.shape[2:]))
    leaves = {name: leaf.numpy() for name, leaf in named_leaves(state).items()}
    return _Stream(frames, np.concatenate(outputs), leaves)


def _long(frames: Array, count: int) -> Array:
    """`count` steps: the examples over and over, each round at another level."""
    rounds = -(-count // len(frames))
    if not np.issubdtype(frames.dtype, np.floating):
        return np.concatenate([frames] * rounds)[:count]
    levels = np.array([0.5, 1.0, 0.25, 0.8], np.float32)
    return np.concatenate([frames * levels[k % 4] for k in range(rounds)])[:count]


@dataclass
class _Road:
    """One step on its way; the checks that held so far."""

    model: Model
    name: str
    module: Streaming
    number_type: str
    say: Say
    checks: list[Check]

    def travel(self, target: Target, cc: str | None) -> tuple[dict[str, Any], dict[str, bytes]]:
        """Manifest row and members of this step."""
        block = self.module.timing.block
        frames = _steps_of(list(self.model.calibration(STREAMS)), block)
        self.law(frames)
        graph = self.captured(frames)
        stream = _torch_run(self.module, _long(frames, PARITY_FRAMES))
        onnx = self.onnx(graph, stream)
        backend: Any = find_backend("c")
        self.say(f"{self.name}: calibrating and compiling {self.number_type} for {target.name}")
        calibration = ({graph.inputs[0].name: frame} for frame in frames)
        typed, notes = backend.typed(graph, self.number_type, calibration)
        row = _step_row(graph, backend.state_rows(graph, typed, self.number_type))
        host = find_target("host")
        desk_cc = cc if target.name == host.name else _desk_cc(cc)
        twin = backend.export(graph, host, self.number_type, typed=typed, cc=desk_cc)
        program = self.opened(twin, row, host)
        golden, image = self.desk(program, graph, stream)
        artifacts = [twin]
        if target.name != host.name:
            built = self.built(backend, graph, target, typed, image, cc)
            self.prove(built, row, target, golden)
            artifacts = [built, twin]
        artifacts.append(onnx)
        return self.packed(row, artifacts, golden, notes)

    def law(self, frames: Array) -> None:
        """The streaming law on real frames, before anything is captured."""
        import torch

        some = frames[: min(len(frames), 24)]
        check_streaming(self.module, torch.from_numpy(some.reshape(1, -1, *some.shape[3:])))
        self.checks.append(Check(f"{self.name}: the streaming law", len(some), "holds"))

    def captured(self, frames: Array) -> StepGraph:
        import torch

        self.say(f"{self.name}: capturing one step")
        return capture(self.module, torch.from_numpy(frames[0]), self.name)

    def onnx(self, graph: StepGraph, stream: _Stream) -> Artifact:
        """The ONNX form, run frame by frame against torch."""
        backend, host = find_backend("onnx"), find_target("host")
        artifact = backend.export(graph, host, "fp32")
        self.say(f"{self.name}: ONNX Runtime against torch over {len(stream.frames):,} steps")
        program = self.opened(artifact, _step_row(graph, []), host)
        got = run_frames(program, {graph.inputs[0].name: stream.frames})
        name = f"{self.name} onnx fp32"
        peak, _ = compare(name, got[graph.outputs[0].name], stream.outputs, "fp32")
        for leaf, value in program.state().items():
            compare(f"{name}, state {leaf}", value[None], stream.state[leaf][None], "fp32")
        self.checks.append(
            Check(f"{name} against torch", len(stream.frames), f"peak error {peak:.1e} of rms")
        )
        return artifact

    def opened(self, artifact: Artifact, row: Mapping[str, Any], target: Target) -> Any:
        """A live stream over an artifact that is not yet in a bundle."""
        entry = {**row, "facts": artifact.facts}
        runner = find_runner(target.runner)
        main = artifact.members[artifact.main]
        return find_backend(artifact.backend).open(entry, main, runner, target)

    def desk(
        self, program: Any, graph: StepGraph, stream: _Stream
    ) -> tuple[dict[str, Array], GoldenRun]:
        """The C on this machine against torch; its numbers become the golden vectors."""
        source, out = graph.inputs[0].name, graph.outputs[0].name
        self.say(f"{self.name}: C on this machine against torch over {len(stream.frames):,} steps")
        got = run_frames(program, {source: stream.frames})[out]
        name = f"{self.name} c {self.number_type}"
        peak, rms = compare(name, got, stream.outputs, self.number_type)
        text = f"peak error {peak:.1e}, rms {rms:.1e} of rms"
        self.checks.append(Check(f"{name} on host against torch", len(got), text))
        parts = {}
        for count in (IMAGE_FRAMES, GOLDEN_FRAMES):
            some = stream.frames[:count]
            parts[count] = run_frames(program, {source: some})[out]
            if count == IMAGE_FRAMES:
                image = GoldenRun((some,), (parts[count],), program.blob_bytes())
        golden = {f"in.{source}": stream.frames[:GOLDEN_FRAMES], f"out.{out}": parts[GOLDEN_FRAMES]}
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
            made = backend.export(graph, target, self.number_type, typed=typed, golden=image, cc=cc)
        except DoesNotFit as cause:
            raise DoesNotFit(f"{cause}. {_what_fits(typed, target, self.number_type)}") from cause
        facts = {**made.facts, "golden_frames": IMAGE_FRAMES}
        return Artifact(made.backend, made.target, made.number_type, made.members, made.main, facts)

    def prove(
        self, built: Artifact, row: Mapping[str, Any], target: Target, golden: Mapping[str, Array]
    ) -> None:
        """The target's artifact against the desk, bit for bit, where it can be run."""
        name = f"{self.name} c {self.number_type} on {target.name}"
        self.say(f"{name}: golden vectors")
        try:
            program = self.opened(built, row, target)
        except EdgernnError as cause:
            self.checks.append(Check(name, 0, f"not run here: {cause}"))
        else:
            frames = {k[3:]: v for k, v in golden.items() if k.startswith("in.")}
            want = {k[4:]: v for k, v in golden.items() if k.startswith("out.")}
            same_bits(name, run_frames(program, frames), want)
            self.checks.append(Check(f"{name} against host", GOLDEN_FRAMES, "same bits"))
        if target.kind == "firmware":
            self.checks += boot_check(built.members[built.main], target, name, IMAGE_FRAMES)

    def packed(
        self,
        row: dict[str, Any],
        artifacts: list[Artifact],
        golden: Mapping[str, Array],
        notes: list[str],
    ) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The step's manifest row and members."""
        members: dict[str, bytes] = {}
        for artifact in artifacts:
            members.update(artifact.members)
        buffer = io.BytesIO()
        np.savez(buffer, **dict(golden))  # type: ignore[arg-type]
        place = f"{self.name}/golden.npz"
        members[place] = buffer.getvalue()
        rows = [
            {
                "backend": a.backend,
                "target": a.target,
                "number_type": a.number_type,
                "main": a.main,
                "facts": {k: v for k, v in a.facts.items() if k != "notes"},
            }
            for a in artifacts
        ]
        self.notes = (*notes, *artifacts[0].facts.get("notes", ()))
        return {**row, "artifacts": rows, "golden": place}, members

    notes: tuple[str, ...] = ()


def _step_row(graph: StepGraph, states: list[dict[str, Any]]) -> dict[str, Any]:
    timing = graph.timing
    return {
        "inputs": [
            {"name": p.name, "shape": list(p.shape), "dtype": p.dtype} for p in graph.inputs
        ],
        "outputs": [
            {"name": p.name, "shape": list(p.shape), "dtype": p.dtype} for p in graph.outputs
        ],
        "states": states,
        "timing": {"block": timing.block, "ratio": str(timing.ratio), "delay": timing.delay},
    }


def _desk_cc(cc: str | None) -> str | None:
    """The desk twin of a cross build is made by zig, unless the compiler serves both."""
    return cc if cc in (None, "zig", "clang") else None


def _what_fits(typed: Any, target: Target, number_type: str) -> str:
    """Advice for a model too large for its chip, in numbers."""
    weights = sum(array.nbytes for array in typed.constants.values())
    need = weights + 16 * 1024  # code, tables and golden inputs, roughly
    larger = [t.name for t in all_targets().values() if t.board and t.board.flash_bytes >= need]
    advice = [f"weights alone are {weights:,} bytes"]
    if number_type == "fp32" and "w8a8" in target.number_types:
        advice.append(f"try --number-type w8a8 (about {weights // 4:,} bytes)")
    if larger:
        advice.append(f"chips with room for them: {', '.join(sorted(larger))}")
    if target.board and number_type != "fp32":
        share = (target.board.flash_bytes - 16 * 1024) / weights
        advice.append(f"or a model with at most {max(share, 0):.0%} of these weights")
    return "; ".join(advice)


def _tools() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in TOOLS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _accuracy(model: Model) -> dict[str, Any]:
    """What the model's own measurement recorded, if it has one."""
    import json

    path = model.folder / "metrics.json" if model.folder else None
    if path is None or not path.is_file():
        return {}
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("figures", {})
    return figures


def export(
    model: str,
    target: str,
    number_type: str,
    out: Path,
    cc: str | None = None,
    say: Say = lambda line: None,
) -> ExportReport:
    """Compile a model for a target, prove it equal to torch, and write the bundle.

    Raises: UnknownName, ContractError, UnsupportedOp, DoesNotFit, ToolError, ParityError.
    """
    place = find_target(target)
    if number_type not in place.number_types:
        raise UnknownName("number type", number_type, place.number_types)
    found = find_model(model)
    if out.is_dir() or not out.parent.is_dir():
        raise BundleError(f"{out}: not a file in an existing directory")
    steps: dict[str, Any] = {}
    members: dict[str, bytes] = {}
    checks: list[Check] = []
    notes: tuple[str, ...] = ()
    for name, module in found.steps().items():
        road = _Road(found, name, module, number_type, say, checks)
        steps[name], files = road.travel(place, cc)
        members.update(files)
        notes += road.notes
    if found.card is not None:
        members["CARD.md"] = found.card.read_bytes()
    info = found.info
    manifest = {
        "schema": 1,
        "edgernn": metadata.version("edgernn"),
        "model": found.name,
        "target": place.name,
        "number_type": number_type,
        "sample_rate_hz": info.sample_rate_hz,
        "frame_ms": info.frame_ms or 1.0,
        "labels": list(info.labels),
        "steps": steps,
        "accuracy": _accuracy(found),
        "tools": _tools(),
    }
    bundle.write(out, manifest, members)
    first = next(iter(steps.values()))["artifacts"][0]["facts"]
    sizes = {k: first[k] for k in first if k.endswith("_bytes") or k == "macs"}
    return ExportReport(str(out), found.name, place.name, number_type, sizes, tuple(checks), notes)
