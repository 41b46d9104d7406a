"""From a model's name to a verified bundle. Nothing is written before everything has held."""

from __future__ import annotations

import io
import json
import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgernn import bundle
from edgernn.backend import Array, find_backend
from edgernn.errors import BundleError, DataError, ModelError, UnknownName
from edgernn.graph.number_type import find_number_type
from edgernn.graph.onnx_file import Wiring, read_onnx
from edgernn.model import Model, find_model
from edgernn.road import Road, Travelled
from edgernn.sources import OnnxSource, Source, TorchSource
from edgernn.streams import cut_to_steps, noise_frames, read_frames
from edgernn.target import Target, find_target
from edgernn.verify import Check, Say

SOURCE = ".c"  # of a member that a slim bundle lacks
STREAMS = 64  # clips asked of a model for calibration
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
        """The checks as table rows."""
        return [check.row() for check in self.checks]


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """What is said beside an .onnx file: its wiring, a file of real frames, a step's real time."""

    wiring: Wiring = Wiring()  # noqa: RUF009
    frames: Path | None = None
    frame_ms: float | None = None


def _sources(
    model: Model, number_type: str, quantized: bool, options: OnnxOptions, say: Say
) -> list[Source]:
    """A model's steps, each with frames. Raises: ModelError, DataError."""
    if model.is_onnx:
        return [_onnx_source(model, number_type if quantized else None, options, say)]
    if options != OnnxOptions():
        raise ModelError(
            f"{model.name}: --state, --shape, --frames and --frame-ms are for an .onnx file; this "
            "model says all that itself"
        )
    from edgernn.plain.network import Streamified

    steps = model.steps()
    for name, step in steps.items():
        if isinstance(step, Streamified):
            say(f"{name}: a plain torch module; {step.extra_repr()}")
    given = _given(model, steps, say)
    return [
        TorchSource(name, module, cut_to_steps(given[name], module.timing.block))
        for name, module in steps.items()
    ]


def steps_of(model: Model, say: Say) -> list[Source]:
    """The steps of a model that is no .onnx file, each with real frames. Raises: ModelError."""
    if model.is_onnx:
        raise ModelError(f"{model.source}: is no torch module, which all is compared with")
    return sources_of(model, say)


def sources_of(model: Model, say: Say) -> list[Source]:
    """The steps of a model, each with frames; those of an .onnx file are noise."""
    return _sources(model, "fp32", False, OnnxOptions(), say)


def _onnx_source(
    model: Model, calibrated: str | None, options: OnnxOptions, say: Say
) -> OnnxSource:
    """calibrated: the number type, if it asks for real input."""
    step = read_onnx(model.source, model.name, options.wiring, say)
    if options.frames is not None:
        return OnnxSource(step, read_frames(options.frames, step.inputs))
    if calibrated is not None:
        raise DataError(
            f"{model.source}: {calibrated} is calibrated on real input; give some steps of it "
            f"with --frames FILE.npz ({', '.join(f'{p.name} {p.shape}' for p in step.inputs)})"
        )
    say(f"note: {model.source}: compared on seeded noise; give real input with --frames")
    return OnnxSource(step, noise_frames(step.inputs))


def _given(model: Model, steps: Mapping[str, Any], say: Say) -> Mapping[str, list[Array]]:
    """Streams of real input of each step; says so where they can only be noise."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        given = model.fed(steps, STREAMS)
    for warning in caught:
        say(f"note: {warning.message}")
    return given


def _npz(arrays: Mapping[str, Array]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def _packed(name: str, made: Travelled, slim: bool) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A step's manifest row and members.

    slim: only what runs on the target, neither its source nor forms for elsewhere.
    """
    golden = f"{name}/golden.npz"
    members = {golden: _npz(made.golden)}
    rows = []
    for artifact in made.artifacts[:1] if slim else made.artifacts:
        kept = artifact.members.items()
        members.update({k: v for k, v in kept if not (slim and k.endswith(SOURCE))})
        rows.append(
            {
                "backend": artifact.backend,
                "target": artifact.target,
                "number_type": artifact.number_type,
                "main": artifact.main,
                "facts": {k: v for k, v in artifact.facts.items() if k != "notes"},
            }
        )
    row = {**made.row, "artifacts": rows, "golden": golden}
    if made.stored and not slim:
        row["stored"] = f"{name}/step.npz"
        members[row["stored"]] = made.stored
    return row, members


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
    path = model.file("metrics.json")
    if path is None:
        return {}
    figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")).get("figures", {})
    return figures


def _quantized(backend: str, target: Target, number_type: str) -> bool:
    """Whether it has fewer bits than a float. Raises: UnknownName, ModelError."""
    if backend == "c":
        return find_number_type(number_type, target.number_types).quantized
    serves = find_backend(backend)
    if number_type not in serves.number_types:
        raise UnknownName(f"number type of {backend}", number_type, serves.number_types)
    if not serves.supports(target, number_type):
        raise ModelError(f"--backend {backend}: makes no {number_type} for {target.name}")
    return number_type != "fp32"


def export(
    model: str,
    target: str,
    number_type: str,
    out: Path,
    cc: str | None = None,
    say: Say = lambda line: None,
    *,
    activations: str = "exact",
    calibration: str = "percentile",
    onnx: OnnxOptions | None = None,
    slim: bool = False,
    backend: str = "c",
) -> ExportReport:
    """Compile a model for a target, prove it equal to the model itself, and write the bundle.

    backend: `c`, or one whose artifacts another runtime runs.
    activations: exact, table or polynomial, the form of sigmoid, tanh and exp of floats.
    calibration: percentile or mse, how the ranges of 8-bit values are found.
    onnx: for a model that is an .onnx file.
    slim: of what was compiled and proven, only what runs on the target goes into the bundle.

    Raises: UnknownName, ModelError, ContractError, UnsupportedOp, DataError, DoesNotFit,
        ToolError, ParityError, BundleError.
    """
    place = find_target(target)
    quantized = _quantized(backend, place, number_type)
    found = find_model(model)
    if out.is_dir() or not out.parent.is_dir():
        raise BundleError(f"{out}: not a file in an existing directory")
    steps: dict[str, Any] = {}
    members: dict[str, bytes] = {}
    checks: list[Check] = []
    notes: tuple[str, ...] = ()
    onnx = onnx or OnnxOptions()
    for source in _sources(found, number_type, quantized, onnx, say):
        road = Road(source, number_type, say, checks, activations, calibration)
        made = road.travel(place, cc) if backend == "c" else road.elsewhere(backend, place)
        steps[source.name], files = _packed(source.name, made, slim)
        if source.name in found.info.step_ms:
            steps[source.name]["frame_ms"] = found.info.step_ms[source.name]
        members.update(files)
        notes += (f"step: {source.name}", *made.notes)
    if found.card is not None:
        members["CARD.md"] = found.card.read_bytes()
    manifest = {
        "edgernn": metadata.version("edgernn"),
        "model": found.name,
        "variant": found.variant,
        "target": place.name,
        "number_type": number_type,
        "calibration": calibration if quantized else None,
        "sample_rate_hz": found.info.sample_rate_hz,
        "frame_ms": onnx.frame_ms or found.info.frame_ms or 1.0,
        "labels": list(found.info.labels),
        "further_words": list(found.info.further_words) or None,
        "first_words": dict(found.info.first_words) or None,
        "spotting": dict(found.info.spotting) or None,
        "steps": steps,
        "accuracy": _accuracy(found),
        "tools": _tools(),
    }
    bundle.write(out, manifest, members)
    first = next(iter(steps.values()))["artifacts"][0]["facts"]
    sizes = {k: first[k] for k in first if k.endswith("_bytes") or k == "macs"}
    return ExportReport(str(out), found.name, place.name, number_type, sizes, tuple(checks), notes)
