"""Parity: the numbers of an artifact against its model's, and of a bundle against its own promise.

One table of tolerances by number type. `fp32` differs from the model in the last places only;
quantized types differ more, so they are also held to the bits of every other CPU.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array, Program, find_runner
from edgernn.bundle import Bundle, open_bundle
from edgernn.errors import BundleError, EdgernnError, ParityError
from edgernn.firmware import IMAGE_FRAMES, GoldenRun
from edgernn.graph.number_type import SMALL_STATE
from edgernn.runtime import open_program
from edgernn.target import Target, find_target

Say = Callable[[str], None]


TRUTHS = {"torch": "torch", "onnx": "ONNX Runtime"}  # what runs the model that all is compared with


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Largest error allowed, as a share of the root mean square of the model's own output."""

    peak: float
    rms: float


TOLERANCES = {
    "fp32": Tolerance(2e-3, 1e-4),
    # the last place of a value decides on which side of a threshold it is, and it stays there; so
    # a threshold costs its own size, whatever was rounded
    "fp32-held": Tolerance(2.0, 0.16),
    # one frame's state: what hangs at its threshold just then is a good part of it; another
    # leaf's values, or those of another frame, would be off by its rms and more
    "fp32-held-state": Tolerance(4.0, 0.5),
    "w8a8": Tolerance(1.0, 0.08),
    "w8a16": Tolerance(0.5, 0.04),
    "w4a8": Tolerance(2.5, 0.30),
    "w4a8-row": Tolerance(2.5, 0.30),
    # without training for it two bits keep little more than the sign of the answer
    "w2a8": Tolerance(8.0, 1.0),
    "w2a8-row": Tolerance(8.0, 1.0),
    "mixed": Tolerance(1.0, 0.08),  # fewer bits only where they hold the weights exactly
}
# what other runtimes make with as many bits
TOLERANCES |= {
    "int8-dynamic": TOLERANCES["w8a8"],
    "int8": TOLERANCES["w8a8"],
    "int4": TOLERANCES["w4a8"],
}
# 8 bits of a computed state, written anew in each step, cost about as much again
TOLERANCES |= {
    f"{name}{SMALL_STATE}": Tolerance(2 * allowed.peak, 2 * allowed.rms)
    for name, allowed in TOLERANCES.items()
    if name.startswith(("w", "mixed"))
}
HELD = "-held"
TOLERANCES |= {
    f"{name}{HELD}": Tolerance(max(2 * allowed.peak, 2.0), max(2 * allowed.rms, 0.16))
    for name, allowed in TOLERANCES.items()
    if name.startswith(("w8", "mixed", "int8"))
}
# of two values that differ little, rounded to few levels, one may be a level higher
ROUNDED = "-rounded"
TOLERANCES |= {
    f"{name}{ROUNDED}": Tolerance(4 * allowed.peak, 3 * allowed.rms)
    for name, allowed in TOLERANCES.items()
    if not name.startswith("fp32")
}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison that held."""

    what: str
    frames: int
    result: str

    def row(self) -> dict[str, Any]:
        return {"check": self.what, "frames": self.frames, "result": self.result}


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found; every row held, or could not run here and says so."""

    path: str
    model: str
    target: str
    number_type: str
    checks: tuple[Check, ...]

    def rows(self) -> list[dict[str, Any]]:
        return [check.row() for check in self.checks]


def run_frames(program: Program, frames: Mapping[str, Array], every: int = 1) -> dict[str, Array]:
    """Step a program over arrays (N, ...) from the initial state; outputs (N, ...).

    every: of every so many steps alone, from the first on.
    """
    program.reset()
    return go_on(program, frames, every)


def go_on(program: Program, frames: Mapping[str, Array], every: int = 1) -> dict[str, Array]:
    """The same from where the program is."""
    steps = getattr(program, "steps", None)
    if steps is not None and every == 1:
        made: dict[str, Array] = steps(frames)
        return made
    rows = []
    for at in range(len(next(iter(frames.values())))):
        row = program.step({k: v[at] for k, v in frames.items()})
        if at % every == 0:
            rows.append(row)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def golden_run(program: Any, row: Mapping[str, Any], frames: Mapping[str, Array]) -> GoldenRun:
    """What a firmware image runs when it boots: the first frames, by the C on this machine."""
    some = {name: array[:IMAGE_FRAMES] for name, array in frames.items()}
    made = run_frames(program, some)
    return GoldenRun(
        tuple(some[port["name"]] for port in row["inputs"]),
        tuple(made[port["name"]] for port in row["outputs"]),
        program.blob_bytes(),
    )


def relative_errors(got: Array, want: Array) -> Array:
    """Errors of (N, ...) arrays in shares of the rms of `want`: (N, values of a frame)."""
    wide = want.astype(np.float64)
    scale = float(np.sqrt(np.mean(wide**2))) or 1.0
    return np.asarray(np.abs(got.astype(np.float64) - wide).reshape(len(want), -1) / scale)


def compare(
    name: str, got: Array, want: Array, number_type: str, truth: str = "torch"
) -> tuple[float, float]:
    """Peak and rms error over (N, ...) arrays, relative to the rms of `want`.

    Raises: ParityError with the first frame beyond the tolerance.
    """
    allowed = TOLERANCES[number_type]
    error = relative_errors(got, want)
    peak, rms = float(error.max()), float(np.sqrt(np.mean(error**2)))
    if not np.isfinite(got).all() or not peak <= allowed.peak or not rms <= allowed.rms:
        beyond = np.flatnonzero(~(error.max(axis=1) <= min(allowed.peak, 2 * allowed.rms)))
        first = int(beyond[0]) if len(beyond) else 0
        raise ParityError(
            f"{name} differs from {TRUTHS[truth]} from frame {first}: peak error {peak:.3g}, rms "
            f"{rms:.3g} of the output's rms; {number_type} allows {allowed.peak:g} and "
            f"{allowed.rms:g}"
        )
    return peak, rms


def worst_leaf(
    got: Mapping[str, Array],
    want: Mapping[str, Array],
    rows: Sequence[Mapping[str, Any]],
    number_type: str,
) -> tuple[str, float] | None:
    """The state leaf farthest beyond the tolerance and its error, or None.

    `rows` give the scale and zero point of leaves that are stored as integers.
    """
    scales = {row["in"]: row for row in rows if row.get("scale")}
    worst: tuple[str, float] | None = None
    for name, leaf in want.items():
        value = got[name].astype(np.float64)
        if name in scales:
            value = (value - scales[name]["zero_point"]) * scales[name]["scale"]
        size = max(float(np.sqrt(np.mean(leaf.astype(np.float64) ** 2))), 1e-3)
        error = float(np.abs(value - leaf).max())
        if not error <= 2 * TOLERANCES[number_type].rms * size and (not worst or error > worst[1]):
            worst = (name, error)
    return worst


def same_bits(name: str, got: Mapping[str, Array], want: Mapping[str, Array]) -> None:
    """Raises: ParityError with the first frame and output that differ in any bit."""
    for key, array in want.items():
        a, b = (np.ascontiguousarray(x).reshape(len(array), -1) for x in (got[key], array))
        differ = (a.view(np.uint8) != b.view(np.uint8)).any(axis=1)
        if differ.any():
            first = int(np.flatnonzero(differ)[0])
            worst = float(np.abs(a[first].astype(np.float64) - b[first]).max())
            raise ParityError(f"{name}: {key} differs at frame {first} (by {worst:.3g})")


def golden_of(bundle: Bundle, step: str) -> dict[str, dict[str, Array]]:
    """The golden arrays by kind (`in`, `out`, `state`, one of TRUTHS) and name."""
    member = bundle.manifest["steps"][step].get("golden")
    if member is None:
        raise BundleError(f"{bundle.path}: step {step} has no golden vectors")
    try:
        with np.load(io.BytesIO(bundle.read(member)), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except ValueError as cause:
        raise BundleError(f"{bundle.path}: {member} is damaged: {cause}") from cause
    kinds: dict[str, dict[str, Array]] = {}
    for name, array in arrays.items():
        kind, _, rest = name.partition(".")
        kinds.setdefault(kind, {})[rest] = array
    return kinds


def _check_program(
    bundle: Bundle, step: str, entry: Mapping[str, Any], golden: dict[str, dict[str, Array]]
) -> Check:
    """Golden vectors through one artifact, called step by step."""
    where = f"{step} {entry['backend']} {entry['number_type']} on {entry['target']}"
    count = len(next(iter(golden["in"].values())))
    try:
        program = open_program(bundle, entry, step)
    except BundleError:
        raise
    except EdgernnError as cause:
        return Check(where, 0, f"not run here: {cause}")
    got = run_frames(program, golden["in"])
    if entry["backend"] == "c":
        same_bits(where, got, golden["out"])
        leaves = {name: leaf[None] for name, leaf in program.state().items()}
        want = {name: leaf[None] for name, leaf in golden.get("state", {}).items()}
        same_bits(f"{where}, state", leaves, want)
        return Check(where, count, "same bits, outputs and state")
    truth = next(kind for kind in TRUTHS if kind in golden)
    allowed = entry["facts"].get("tolerance", entry["number_type"])
    if allowed not in TOLERANCES:
        raise BundleError(f"{where}: {allowed!r} is no tolerance; one of {', '.join(TOLERANCES)}")
    errors = [compare(where, got[k], golden[truth][k], allowed, truth) for k in got]
    peak = max(error[0] for error in errors)
    return Check(where, count, f"equals {TRUTHS[truth]}, peak error {peak:.1e}")


def boot_check(binary: bytes, target: Target, what: str, frames: int) -> list[Check]:
    """Boot a firmware image from reset on every emulator that is here.

    Raises: ParityError if the image's own hash is not the expected one.
    """
    checks = []
    for name in dict.fromkeys((target.runner, "qemu")):
        runner: Any = find_runner(name)
        where = f"{what} image boots on {name}"
        missing = runner.missing()
        if missing:
            checks.append(Check(where, 0, f"not run here: {missing}"))
            continue
        try:
            report = runner.boot(binary, target)
        except EdgernnError as cause:
            checks.append(Check(where, 0, f"not run here: {cause}"))
            continue
        if report.exit_code != 0:
            raise ParityError(f"{where}: exit code {report.exit_code}, {report.text.strip()!r}")
        checks.append(Check(f"{what} image boots on {report.emulator}", frames, "same hash"))
    return checks


def verify(path: Path | str, say: Say = lambda line: None) -> VerifyReport:
    """Check every byte of a bundle, then run its golden vectors on all that runs here.

    Raises: BundleError if it is not whole or nothing in it could be run, ParityError.
    """
    bundle = open_bundle(path)
    say(f"{path}: whole, every checksum holds")
    checks = [Check("every member's sha256", 0, f"{len(bundle.members())} members hold")]
    ran = 0
    for step, row in bundle.manifest["steps"].items():
        golden = golden_of(bundle, step)
        for entry in row["artifacts"]:
            found = [_check_program(bundle, step, entry, golden)]
            target = find_target("host" if entry["target"] == "any" else entry["target"])
            if target.kind == "firmware":
                frames = int(entry["facts"].get("golden_frames", 0))
                what = f"{step} {entry['number_type']} {target.name}"
                found += boot_check(bundle.read(entry["main"]), target, what, frames)
            for check in found:
                say(f"{check.what}: {check.result}")
            ran += sum(check.frames > 0 for check in found)
            checks += found
    if not ran:
        raise BundleError(f"{path}: whole, but nothing in it can be run here")
    manifest = bundle.manifest
    return VerifyReport(
        str(path), manifest["model"], manifest["target"], manifest["number_type"], tuple(checks)
    )
