"""The steps of a model or a bundle as the compiler takes them, with what moves in them.

Of a bundle they are read; of a model they are captured, which takes torch and seconds. Those of
shipped models are kept in the user's cache, until a file of edgernn or of the model changes.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgernn.backend import find_backend
from edgernn.bundle import Bundle, open_bundle
from edgernn.errors import BundleError, DataError
from edgernn.estimate.moves import moved
from edgernn.firmware import IMAGE_FRAMES
from edgernn.graph.stored import StoredStep, from_bytes, to_bytes
from edgernn.model import Model, find_model
from edgernn.profile.frames import frames
from edgernn.streams import Frames, each_step, noise_frames

if TYPE_CHECKING:
    from edgernn.graph.step_graph import StepGraph

SUFFIX = ".edgernn"
MOVES, STEP = "moves.json", "step.npz"  # of a kept step
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A step in its number type. moves: by hold, mean entries and chunks that a step lists."""

    step: StoredStep
    moves: Mapping[str, tuple[float, float]]


def steps_of(reference: str, number_type: str | None, say: Say) -> list[Foreseen]:
    """Of a bundle's path or a model's name. number_type: None for the bundle's own, else fp32.

    Raises: what opening a bundle or capturing a model does.
    """
    if reference.endswith(SUFFIX):
        return _of_bundle(open_bundle(reference), number_type)
    model = find_model(reference)
    number_type = number_type or "fp32"
    kept = _kept(model, number_type)
    if kept is not None and kept.is_file():
        try:
            return _read(kept)
        except (BundleError, OSError, ValueError, KeyError, zipfile.BadZipFile):
            say(f"{kept}: is damaged, and made anew")
    found = _captured(model, number_type, say)
    if kept is not None:
        _write(kept, found)
    return found


def _of_bundle(bundle: Bundle, number_type: str | None) -> list[Foreseen]:
    has = bundle.manifest["number_type"]
    if number_type not in (None, has):
        raise DataError(
            f"{bundle.path}: holds {has}, not {number_type}; estimate the model itself, "
            f"{bundle.manifest['model']}, to see another number type"
        )
    found = []
    for name, row in bundle.manifest["steps"].items():
        if row.get("stored") is None:
            raise DataError(
                f"{bundle.path}: stores no step {name} to estimate: it is slim, or of another "
                "backend; estimate the model itself"
            )
        try:
            step = from_bytes(bundle.read(row["stored"]))
        except BundleError as cause:
            raise BundleError(f"{bundle.path}: {cause}") from cause
        found.append(Foreseen(step, moved(step.graph, frames(bundle, name, IMAGE_FRAMES))))
    return found


def _captured(model: Model, number_type: str, say: Say) -> list[Foreseen]:
    """Calibrated by the frames that an image runs: what is counted depends little on ranges."""
    backend: Any = find_backend("c")
    found = []
    for graph, given in _graphs(model, say):
        some = {name: array[:IMAGE_FRAMES] for name, array in given.items()}
        typed, _ = backend.typed(graph, number_type, each_step(some))
        step = StoredStep(graph.name, graph.inputs, graph.outputs, typed, number_type, "exact")
        found.append(Foreseen(step, moved(typed, each_step(some))))
    return found


def _graphs(model: Model, say: Say) -> Iterator[tuple[StepGraph, Frames]]:
    """Every step with input: real, or seeded noise for an .onnx file."""
    if model.is_onnx:
        from edgernn.graph.onnx_file import read_onnx

        graph = read_onnx(model.source, model.name, say=say)
        yield graph, noise_frames(graph.inputs)
        return
    from edgernn.exporting import steps_of as sources_of

    for source in sources_of(model, say):
        say(f"{source.name}: capturing one step")
        yield source.graph(), source.frames


def _kept(model: Model, number_type: str) -> Path | None:
    """Where the steps of a shipped model are kept, by the files that they are made of."""
    if model.folder is None or (model.run is not None and model.variant is None):
        return None
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for root in (package, package / "export", package / "models"):
        for folder, _, names in os.walk(root):
            for name in sorted(names):
                if not name.endswith(".pyc"):
                    about = os.stat(os.path.join(folder, name))
                    digest.update(f"{folder}/{name} {about.st_size} {about.st_mtime_ns}".encode())
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    name = f"{model.reference.replace('/', '-')}-{number_type}-{digest.hexdigest()[:16]}.zip"
    return Path(cache).expanduser() / "edgernn" / "steps" / name


def _write(path: Path, steps: list[Foreseen]) -> None:
    """Whole or not at all; a cache that cannot be written is none."""
    from edgernn.errors import ToolError
    from edgernn.toolchain import write_whole

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for at, one in enumerate(steps):
            archive.writestr(f"{at}/{STEP}", to_bytes(one.step))
            archive.writestr(f"{at}/{MOVES}", json.dumps(one.moves))
    try:
        write_whole(path, buffer.getvalue(), mode=0o644)
    except ToolError:
        return


def _read(path: Path) -> list[Foreseen]:
    with zipfile.ZipFile(path) as archive:
        count = sum(name.endswith(STEP) for name in archive.namelist())
        return [
            Foreseen(
                from_bytes(archive.read(f"{at}/{STEP}")),
                {k: tuple(v) for k, v in json.loads(archive.read(f"{at}/{MOVES}")).items()},
            )
            for at in range(count)
        ]
