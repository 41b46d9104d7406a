"""`Session`: open a bundle and step frames through it. Needs numpy and one backend, never torch.

    session = Session("kws.edgernn")
    for frame in frames:  # (1, 320, 1) float32
        logits = session.step(frame)

A session is one live stream: not to be shared between threads, as many as you like side by side.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array, Program, np_dtype, open_artifact
from edgernn.bundle import Bundle, open_bundle
from edgernn.errors import BundleError, DataError, EdgernnError, ShapeError, ToolError, UnknownName
from edgernn.target import find_target
from edgernn.timing import Timing

_MARK = "fingerprint"
_KINDS = defaultdict(lambda: "other", b="bool", f="real", i="whole", u="whole")
_SCALE = {
    "int16": "Samples of 16 bits: divide by 32768 first",
    "int32": "Samples of 32 bits: divide by 2147483648 first",
}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output of a step."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


def preference(entry: Mapping[str, Any]) -> int:
    """Rank of an artifact for running here: this machine's own, emulated ones, ONNX."""
    return 0 if entry["target"] == "host" else 1 if entry["target"] != "any" else 2


def open_program(bundle: Bundle, entry: Mapping[str, Any], step: str) -> Program:
    """A live stream over one artifact of a bundle; `entry` is its manifest row.

    The backend is handed the row and beside it what the step's row says of ports and states.

    Raises: ToolError or MissingExtra if it cannot run here.
    """
    target = find_target("host" if entry["target"] == "any" else entry["target"])
    row = {**bundle.manifest["steps"][step], **entry, "step": step}
    return open_artifact(row, bundle.read(entry["main"]), target)


class Session:
    """One live stream through a bundle, given by its path or opened.

    step: which of the bundle's steps; may be left out where there is one.
    on: the target to run on (`host`, `cortex-m4`, `any` for ONNX); left out, the first that
        works here: the machine's own code, then an emulated chip, then ONNX.

    Raises: BundleError if the file is not whole, ToolError if no artifact in it can run here.
    """

    def __init__(
        self, bundle: Path | str | Bundle, step: str | None = None, *, on: str | None = None
    ) -> None:
        self.bundle = bundle if isinstance(bundle, Bundle) else open_bundle(bundle)
        self.name = _chosen(self.bundle, step)
        row = self.bundle.manifest["steps"][self.name]
        self.inputs = tuple(_port(port) for port in row["inputs"])
        self.outputs = tuple(_port(port) for port in row["outputs"])
        timing = row["timing"]
        self.timing = Timing(timing["block"], Fraction(timing["ratio"]), timing["delay"])
        self.labels: tuple[str, ...] = tuple(self.bundle.manifest.get("labels") or ())
        self.further_words = tuple(self.bundle.manifest.get("further_words") or ())
        self.first_words: Mapping[str, float] = self.bundle.manifest.get("first_words") or {}
        self.frame_ms = self.bundle.frame_ms(self.name)
        self.artifact, self.program = _first_that_runs(self.bundle, self.name, on)

    def __repr__(self) -> str:
        where = self.artifact["target"]
        return f"Session({str(self.bundle.path)!r}, step={self.name!r}, on={where!r})"

    def step(self, frame: Any) -> Any:
        """Run one chunk and advance the state.

        frame: the one input as an array, or every input by name. Unit axes may be left out.

        Returns: the one output as an array, or every output by name: as many as it has, and
            always by name if the inputs were.

        Raises: ShapeError for another shape or type, DataError for a NaN or an infinity.

        After an error the state has not moved.
        """
        named = isinstance(frame, Mapping)
        if not named and len(self.inputs) > 1:
            names = ", ".join(port.name for port in self.inputs)
            raise ShapeError(f"{self.name} has {len(self.inputs)} inputs; give a dict of {names}")
        given = frame if named else {self.inputs[0].name: frame}
        wrong = given.keys() ^ {port.name for port in self.inputs}
        if wrong:
            needed = ", ".join(port.name for port in self.inputs)
            raise ShapeError(f"{self.name}: inputs are {needed}; wrong or missing: {min(wrong)!r}")
        out = self.program.step({p.name: self._fitted(p, given[p.name]) for p in self.inputs})
        return out if named or len(out) > 1 else out[self.outputs[0].name]

    def _fitted(self, port: Port, value: Any) -> Array:
        """The frame as the port needs it."""
        where = f"{self.name} input {port.name!r}"
        try:
            array = np.asarray(value)
        except ValueError as cause:
            raise ShapeError(f"{where}: the frame is not an array; need {port}") from cause
        if _squeezed(array.shape) != _squeezed(port.shape):
            raise ShapeError(f"{where}: frame is {array.shape} {array.dtype}; need {port}")
        if _KINDS[array.dtype.kind] != _KINDS[np_dtype(port.dtype).kind]:
            mend = f". {_SCALE[array.dtype.name]}" if array.dtype.name in _SCALE else ""
            raise ShapeError(f"{where}: frame is {array.dtype}; need {port}{mend}")
        with np.errstate(over="ignore"):  # what overflows is caught as an infinity
            fitted = np.ascontiguousarray(array, np_dtype(port.dtype)).reshape(port.shape)
        if fitted.dtype.kind == "f" and not np.isfinite(fitted).all():
            at = int(np.flatnonzero(~np.isfinite(fitted))[0])
            raise DataError(f"{where}: value {at} is {array.flat[at]}; need finite {port.dtype}")
        if array.dtype.kind in "iu" and (fitted.reshape(-1) != array.reshape(-1)).any():
            raise ShapeError(f"{where}: a value does not fit in {port.dtype}")
        return fitted

    def reset(self) -> None:
        """Back to the state before the first frame."""
        self.program.reset()

    @property
    def state(self) -> dict[str, Array]:
        """A copy of every state leaf by its dotted name, as stored."""
        return self.program.state()

    def load_state(self, leaves: Mapping[str, Array]) -> None:
        """Continue from these leaves. Raises: ShapeError if they are not this step's."""
        now = self.program.state()
        wrong = sorted(leaves.keys() ^ now.keys())
        if wrong:
            raise ShapeError(f"{self.name}: state leaf {wrong[0]!r} is unknown or missing")
        for name, leaf in now.items():
            got = np.asarray(leaves[name])
            if (got.shape, got.dtype) != (leaf.shape, leaf.dtype):
                raise ShapeError(
                    f"{self.name}: state {name} is {got.shape} {got.dtype}; "
                    f"need {leaf.shape} {leaf.dtype}"
                )
        self.program.load_state(leaves)

    def snapshot(self) -> bytes:
        """The state as bytes, for `restore` in any session of the same bundle."""
        leaves, buffer = self.program.state(), io.BytesIO()
        arrays: dict[str, Any] = {f"leaf.{name}": leaf for name, leaf in leaves.items()}
        arrays[_MARK] = np.frombuffer(self._fingerprint(leaves), np.uint8)
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    def restore(self, data: bytes) -> None:
        """Continue from `snapshot` bytes. Raises: ShapeError if damaged or of another model."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except Exception as cause:  # numpy's readers raise nearly anything for damaged bytes
            raise ShapeError(f"{self.name}: state snapshot is damaged: {cause}") from cause
        mark = arrays.pop(_MARK, np.empty(0, np.uint8)).tobytes()
        if mark != self._fingerprint(self.program.state()):
            raise ShapeError(f"{self.name}: state snapshot belongs to another model or number type")
        self.load_state({name.removeprefix("leaf."): leaf for name, leaf in arrays.items()})

    def _fingerprint(self, leaves: Mapping[str, Array]) -> bytes:
        form = [(name, leaf.shape, str(leaf.dtype)) for name, leaf in leaves.items()]
        weights = self.bundle.manifest["members"][self.artifact["main"]]["sha256"]
        return hashlib.sha256(json.dumps([self.name, weights, form]).encode()).digest()


def open_steps(path: Path | str, *, on: str | None = None) -> dict[str, Session]:
    """A session for each step of a bundle, by name. Raises: as `Session`."""
    bundle = open_bundle(path)
    return {name: Session(bundle, name, on=on) for name in bundle.manifest["steps"]}


def _port(row: Mapping[str, Any]) -> Port:
    return Port(row["name"], tuple(row["shape"]), row["dtype"])


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _chosen(bundle: Bundle, step: str | None) -> str:
    steps = list(bundle.manifest["steps"])
    if step is None and len(steps) > 1:
        raise BundleError(f"{bundle.path} has the steps {', '.join(steps)}: say which one")
    name = steps[0] if step is None else step
    if name not in steps:
        raise UnknownName("step", name, steps)
    return name


def _first_that_runs(
    bundle: Bundle, step: str, on: str | None
) -> tuple[Mapping[str, Any], Program]:
    """The best artifact that opens here. Raises: ToolError with every reason if none does."""
    rows = sorted(bundle.manifest["steps"][step]["artifacts"], key=preference)
    targets = [row["target"] for row in rows]
    if on is not None:
        rows = [row for row in rows if row["target"] == on]
        if not rows:
            raise UnknownName("target in this bundle", on, targets)
    reasons = []
    for row in rows:
        try:
            return row, open_program(bundle, row, step)
        except BundleError:
            raise
        except EdgernnError as cause:
            reasons.append(f"{row['backend']} for {row['target']}: {cause}")
    raise ToolError(f"{bundle.path}: nothing in it runs here: {'; '.join(reasons)}")
