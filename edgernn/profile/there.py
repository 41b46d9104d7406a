"""What runs on a device: an artifact of a runtime of others, opened by it and timed, in Python.

The other end is `runtimes`, which sends this module and what it imports as one file, with the
artifact in it. It reads and prints what measure.c does: the artifact's times are those of a call
from Python. Needs numpy and the artifact's own runtime.
"""

from __future__ import annotations

import os
import struct
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns
from typing import IO, Any

import numpy as np

from edgernn.backend import Array, find_backend, find_runner
from edgernn.errors import EdgernnError
from edgernn.target import find_target

ASKED = struct.Struct("<3I")  # steps to warm up with, to time in a round, rounds
CPU = Path("/sys/devices/system/cpu")
STATUS, STAT = Path("/proc/self/status"), Path("/proc/self/stat")
PROCESSOR = 36  # of the fields of `stat` behind the name: the core that it ran on last


def main(entry: Mapping[str, Any], artifact: bytes) -> None:
    """Time the artifact over the frames on stdin. Exits with a line where it cannot be opened.

    What a runtime puts into its home meanwhile (ONNX Runtime has a cache) goes with it.
    """
    with tempfile.TemporaryDirectory(prefix="edgernn-") as own:
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME"), own))
        _time(entry, artifact)


def _time(entry: Mapping[str, Any], artifact: bytes) -> None:
    core, before = pin(), _kilobytes("VmRSS")
    warm, steps, rounds = ASKED.unpack(sys.stdin.buffer.read(ASKED.size))
    frames = _frames(sys.stdin.buffer, entry["inputs"])
    host, answers, sys.stdout = find_target("host"), sys.stdout, sys.stderr  # of its own prints
    backend = find_backend(entry["backend"])
    try:
        program = backend.open(entry, artifact, find_runner(host.runner), host)
    except (EdgernnError, ImportError) as cause:
        sys.exit(f"the Python there does not run {backend.name}, by {backend.runtime}: {cause}")

    def spent(at: int) -> int:
        begin = perf_counter_ns()
        program.step(frames[at % len(frames)])
        return perf_counter_ns() - begin

    lines = [] if core is None else [f"core {core}"]
    lines.append(f"first {spent(0)}")
    for at in range(warm):
        spent(1 + at)
    for number in range(rounds):
        times = [spent(1 + warm + number * steps + at) for at in range(steps)]
        lines += ["round", *map(str, times), "ticks 1", "nanoseconds 1"]
        print("\n".join(lines), file=answers, flush=True)
        lines = []
    print(f"memory_kb {max(_kilobytes('VmHWM') - before, 0)}", file=answers, flush=True)


def pin() -> int | None:
    """Stay on one core, of the fastest that are allowed the one that this runs on; None if not."""
    try:
        here = int(STAT.read_text().rpartition(")")[2].split()[PROCESSOR])
        best = max(os.sched_getaffinity(0), key=lambda core: (_clock(core), core == here))
        os.sched_setaffinity(0, {best})
    except (AttributeError, OSError, ValueError, IndexError):
        return None
    return best


def _clock(core: int) -> int:
    try:
        return int((CPU / f"cpu{core}/cpufreq/cpuinfo_max_freq").read_text())
    except (OSError, ValueError):
        return 0


def _frames(pipe: IO[bytes], ports: Sequence[Mapping[str, Any]]) -> list[dict[str, Array]]:
    kinds = [np.dtype((port["dtype"], tuple(port["shape"]))) for port in ports]
    whole = pipe.read()
    size, found = sum(kind.itemsize for kind in kinds), []
    for begin in range(0, len(whole), size):
        frame, at = {}, begin
        for port, kind in zip(ports, kinds, strict=True):
            one = np.frombuffer(whole, kind.base, kind.itemsize // kind.base.itemsize, at)
            frame[port["name"]] = one.reshape(kind.shape)
            at += kind.itemsize
        found.append(frame)
    return found


def _kilobytes(name: str) -> int:
    """Of /proc/self/status; 0 where it is not told."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)
