"""A compiled step measured on a device, by a static program that holds it and times it there.

Nothing is installed: the program is sent, run and removed (see `device`). It reads the finest clock
that the CPU gives a program, the time-stamp counter of x86-64 or the virtual counter of A64, around
every single step. A second program of the same source reads it between the nodes, too.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.bundle import Bundle
from edgernn.device import Device
from edgernn.errors import ToolError
from edgernn.firmware import C_TYPES
from edgernn.profile.frames import frames
from edgernn.profile.timed import Timed, read
from edgernn.step_code import artifact, step_files
from edgernn.target import find_target
from edgernn.toolchain import build_program, stub

FILES = ("measure.c", "ticks.h", "files.h", "core.h", "power.h")
SYSFS = "/sys"  # of the kernel, on the device
FRAMES = 64  # that it steps over again and again
WARM, ROUNDS, MOST = 200, 11, 20_000  # steps before, rounds, steps of a round (as measure.c has it)
TRIED = 200  # steps that tell how many a round can have


class Measuring:
    """A step that is being measured on a device, some rounds at a time.

    runs: what was measured so far, that of a run that broke off among it.

    Raises: DataError if the bundle has no C for the device, ToolError.
    """

    def __init__(self, device: Device, bundle: Bundle, step: str, seconds: float) -> None:
        given = frames(bundle, step, FRAMES)
        ports = [port["name"] for port in bundle.manifest["steps"][step]["inputs"]]
        self.data = b"".join(
            np.ascontiguousarray(one[name]).tobytes() for one in given for name in ports
        )
        self.device, self.bundle, self.step, self.count = device, bundle, step, len(given)
        self.program = self.made()
        tried, lost = _run(device, self.program, self.data, TRIED, 1)
        if tried is None or lost:
            raise lost or ToolError("no step was timed")
        each = max(float(np.median(tried.rounds)), 1.0)
        self.steps = int(np.clip(seconds * 1e9 / ROUNDS / each, TRIED, MOST))
        self.first = tried.first
        self.runs: list[Timed] = []
        self.nodes: Mapping[str, float] = {}

    def made(self) -> bytes:
        """The program that is sent there."""
        return build(self.bundle, self.step, self.device.target, self.count)[0]

    def run(self, rounds: int) -> None:
        """So many rounds more. Raises: ToolError."""
        timed, lost = _run(self.device, self.program, self.data, self.steps, rounds)
        if timed is not None:
            self.runs.append(timed)
        if lost is not None:
            raise lost

    def run_by_node(self) -> None:
        """The nodes, in a program of their own. Raises: ToolError."""
        made, labels = build(self.bundle, self.step, self.device.target, self.count, ticks=True)
        steps = min(self.steps, TRIED * ROUNDS)
        timed, lost = _run(self.device, made, self.data, steps, 1, labels)
        if timed is None or lost:
            raise lost or ToolError("no node was timed")
        self.nodes = timed.nodes

    def result(self) -> Timed:
        """All that was measured."""
        energy = [one.energy_uj for one in self.runs if one.energy_uj is not None]
        roofs = [one.roof for one in self.runs if one.roof is not None]
        return replace(
            self.runs[-1],
            rounds=np.concatenate([one.rounds for one in self.runs]),
            first=self.first,
            memory_bytes=max((one.memory_bytes or 0 for one in self.runs), default=0) or None,
            nodes=self.nodes,
            roof=min(roofs, default=None),
            energy_uj=float(np.mean(energy)) if energy else None,
            paces=tuple(pace for one in self.runs for pace in one.paces),
            energy_source=next((one.energy_source for one in self.runs if one.energy_source), None),
        )


def measure(device: Device, bundle: Bundle, step: str, seconds: float) -> Timed:
    """Run a step there for about so long. Raises: as `Measuring`."""
    one = Measuring(device, bundle, step, seconds)
    one.run(ROUNDS)
    one.run_by_node()
    return one.result()


def build(
    bundle: Bundle, step: str, target: str, count: int, *, ticks: bool = False
) -> tuple[bytes, list[str]]:
    """The static program, and the names of its nodes. Raises: DataError, ToolError."""
    facts = artifact(bundle, step, target)["facts"]
    symbol = facts["symbol"]
    every = step_files(bundle, target)
    files = {name: every[name] for name in (f"{symbol}.c", f"{symbol}.h")}
    labels: list[str] = []
    if ticks:
        files[f"{symbol}.c"], labels = ticking(files[f"{symbol}.c"], symbol)
    files["measured.h"] = _header(bundle.manifest["steps"][step], facts, count, len(labels))
    files |= {name: stub(f"measure/{name}") for name in FILES}
    with tempfile.TemporaryDirectory(prefix="edgernn-") as folder:
        place = find_target(target)
        return build_program(files, place, Path(folder), name="measure").read_bytes(), labels


def ticking(source: str, symbol: str) -> tuple[str, list[str]]:
    """The source with the clock read before each node of the step, and the nodes' names."""
    made, labels = split_nodes(source, symbol, lambda at: f"  edgernn_tick({at}u);")
    return f'#define NODES {len(labels)}u\n#include "ticks.h"\n{made}', labels


def split_nodes(source: str, symbol: str, mark: Callable[[int], str]) -> tuple[str, list[str]]:
    """The source with a line before each node of the step and one behind the last; their names.

    Raises: ToolError if it is no source of ours.
    """
    head, found, body = source.partition(f"\nvoid {symbol}_step(")
    if not found:
        raise ToolError(f"{symbol}.c has no function {symbol}_step to read the clock in")
    labels: list[str] = []

    def marked(match: re.Match[str]) -> str:
        labels.append(match[1])
        return f"{mark(len(labels) - 1)} /* {match[1]} */"

    inside, closed, rest = body.partition("\n}\n")
    inside = re.sub(r"(?m)^  /\* (.+) \*/$", marked, inside)
    return f"{head}{found}{inside}\n{mark(len(labels))}{closed}{rest}", labels


def _header(row: Mapping[str, Any], facts: Mapping[str, Any], count: int, nodes: int) -> str:
    """measured.h: the step behind one call, and the sizes."""
    symbol, at, words = facts["symbol"], 0, ["state", "scratch"]
    for port in row["inputs"]:
        words.append(f"(const {C_TYPES[port['dtype']]} *)(frame + {at})")
        at += int(np.prod(port["shape"])) * np.dtype(port["dtype"]).itemsize
    lines = []
    for number, port in enumerate(row["outputs"]):
        kind, size = C_TYPES[port["dtype"]], int(np.prod(port["shape"]))
        lines.append(f"static {kind} measured_out{number}[{size}];")
        words.append(f"measured_out{number}")
    upper = symbol.upper()
    return "\n".join(
        [
            f'#include "{symbol}.h"',
            f'#define SYSFS "{SYSFS}"',
            f"#define STATE_BYTES {upper}_STATE_BYTES",
            f"#define SCRATCH_BYTES {upper}_SCRATCH_BYTES",
            f"#define FRAMES {count}u",
            f"#define FRAME_BYTES {at}u",
            f"#define ROOF_BYTES {max(int(facts.get('weights_bytes') or 0), 64)}u",
            *([f"#define NODES {nodes}u"] if nodes else []),
            *lines,
            "static int measured_init(void *state, uint32_t bytes) {",
            f"  return {symbol}_init(state, bytes);",
            "}",
            "static void measured_step(void *state, void *scratch, const char *frame) {",
            f"  {symbol}_step({', '.join(words)});",
            "}",
            "",
        ]
    )


def _run(
    device: Device,
    program: bytes,
    data: bytes,
    steps: int,
    rounds: int,
    labels: Sequence[str] = (),
) -> tuple[Timed | None, ToolError | None]:
    """One run of the program, and what broke it off."""
    asked = struct.pack("<3I", WARM, steps, rounds)
    return read(device.run(program, [asked + data]), steps, rounds, labels)
