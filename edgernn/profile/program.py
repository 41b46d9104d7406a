"""A compiled step measured on a device, by a static program that holds it and times it there.

Nothing is installed: the program is sent, run and removed (see `device`). It reads the finest clock
that the CPU gives a program, the time-stamp counter of x86-64 or the virtual counter of A64, around
every single step. A second program of the same source reads it between the nodes, too.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgernn.backend import Array
from edgernn.bundle import Bundle
from edgernn.device import Device
from edgernn.errors import ToolError
from edgernn.firmware import C_TYPES
from edgernn.profile.frames import frames
from edgernn.step_code import artifact, step_files
from edgernn.target import find_target
from edgernn.toolchain import build_program, stub

FILES = ("measure.c", "ticks.h")
FRAMES = 64  # that it steps over again and again
WARM, ROUNDS, MOST = 200, 11, 20_000  # steps before, rounds, steps of a round (as measure.c has it)
TRIED = 200  # steps that tell how many a round can have
BEFORE = "call, and addresses"  # what is before the first node


@dataclass(frozen=True, slots=True)
class Timed:
    """Nanoseconds of a step on a device.

    rounds: of every step, (rounds, steps). first: the first step of all. memory_bytes: the most
    that it had resident above what an empty program has; None where it is not told. nodes: the
    mean of each node, by its name in the step graph; they are measured apart, with the clock read
    between them, so their sum is larger. roof: of reading as many bytes as the weights have.
    energy_uj: microjoules of a step, of the whole machine; None where none are told.
    """

    rounds: Array
    first: float
    memory_bytes: int | None
    nodes: Mapping[str, float]
    roof: float
    energy_uj: float | None


class Measuring:
    """A step that is being measured on a device, some rounds at a time.

    Raises: DataError if the bundle has no C for the device, ToolError.
    """

    def __init__(self, device: Device, bundle: Bundle, step: str, seconds: float) -> None:
        given = frames(bundle, step, FRAMES)
        ports = [port["name"] for port in bundle.manifest["steps"][step]["inputs"]]
        self.data = b"".join(
            np.ascontiguousarray(one[name]).tobytes() for one in given for name in ports
        )
        self.device, self.bundle, self.step, self.count = device, bundle, step, len(given)
        self.program, _ = build(bundle, step, device.target, len(given))
        tried = _run(device, self.program, self.data, TRIED, 1)
        each = max(float(np.median(tried.rounds)), 1.0)
        self.steps = int(np.clip(seconds * 1e9 / ROUNDS / each, TRIED, MOST))
        self.first = tried.first
        self.runs: list[Timed] = []

    def run(self, rounds: int) -> None:
        """So many rounds more."""
        self.runs.append(_run(self.device, self.program, self.data, self.steps, rounds))

    def result(self) -> Timed:
        """All that was measured, and the nodes."""
        made, labels = build(self.bundle, self.step, self.device.target, self.count, ticks=True)
        steps = min(self.steps, TRIED * ROUNDS)
        ticking = _run(self.device, made, self.data, steps, 1, labels)
        energy = [one.energy_uj for one in self.runs if one.energy_uj is not None]
        return Timed(
            np.concatenate([one.rounds for one in self.runs]),
            self.first,
            max((one.memory_bytes or 0 for one in self.runs), default=0) or None,
            ticking.nodes,
            min(one.roof for one in self.runs),
            float(np.mean(energy)) if energy else None,
        )


def measure(device: Device, bundle: Bundle, step: str, seconds: float) -> Timed:
    """Run a step there for about so long. Raises: as `Measuring`."""
    one = Measuring(device, bundle, step, seconds)
    one.run(ROUNDS)
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
) -> Timed:
    """One run of the program, in nanoseconds."""
    asked = struct.pack("<3I", WARM, steps, rounds)
    found: list[list[int]] = []
    told: dict[str, list[int]] = {}
    ended = False
    for line in device.run(program, [asked + data]):
        word, _, rest = line.partition(" ")
        try:
            if line == "round":
                found.append([])
            elif line == "end":
                ended = True
            elif ended:
                told.setdefault(word, []).append(int(rest))
            else:
                found[-1].append(int(line))
        except (ValueError, IndexError) as cause:
            raise ToolError(f"the measuring program printed {line!r}, which is no time") from cause
    if "nanoseconds" not in told or [len(one) for one in found] != [steps] * rounds:
        raise ToolError("the measuring program ended before it was done")
    scale = told["nanoseconds"][0] / max(told["ticks"][0], 1)
    nodes: Counter[str] = Counter()
    for label, ticks in zip([*labels, BEFORE], told.get("node", []), strict=False):
        nodes[label] += ticks
    memory = told["memory_kb"][0] * 1024
    return Timed(
        np.array(found, np.float64) * scale,
        told["first"][0] * scale,
        memory or None,
        {label: ticks * scale / (steps * rounds) for label, ticks in nodes.items()},
        told["roof"][0] * scale,
        told["energy_uj"][0] / (steps * rounds) or None,
    )
