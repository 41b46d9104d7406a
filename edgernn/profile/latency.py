"""How long a step takes on this machine, and how much memory the process needs.

Measured in a process of its own that opens the bundle as a user's program does, one thread,
frames of the golden vectors. Two figures, because a call from Python has its price: through
`Session.step` (checks, copies and the call included), and the compiled step alone (called through
the same foreign function, less a call of an empty function).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from edgernn.errors import EdgernnError, ToolError

if TYPE_CHECKING:
    from edgernn.runtime import Session

WARM_STEPS = 100
LEAST_STEPS = 200
ROUNDS = 11
MOST_STEPS = 200_000
CHILD_SECONDS = 600
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class HostLatency:
    """What a step costs here. Times in microseconds, memory in bytes.

    first_us: the first step of all, apart. rounds_us: medians of ROUNDS parts of the time, which
    verdicts are drawn from.
    real_time_factor: computing time over the real time of a frame; below 1 keeps up.
    alone_p50_us: the compiled step without Python; None where it cannot be called alone (ONNX).
    peak_bytes: peak resident memory of the process above an empty Python; None where unknown.
    core: the one that it stayed on; None where it could not.
    """

    backend: str
    target: str
    number_type: str
    steps: int
    first_us: float
    p50_us: float
    p90_us: float
    p99_us: float
    max_us: float
    rounds_us: tuple[float, ...]
    steps_per_second: float
    real_time_factor: float
    alone_p50_us: float | None
    peak_bytes: int | None
    core: int | None = None


def measure(path: Path, step: str, target: str, seconds: float) -> HostLatency:
    """Measure one artifact of a bundle, that for `host` or `any` (ONNX), for about `seconds`.

    Raises: ToolError if it cannot run here.
    """
    job = json.dumps([str(path), step, target, seconds])
    found = child(["-m", "edgernn.profile.latency", job])
    if "error" in found:
        raise ToolError(found["error"])
    empty = child(["-c", _EMPTY])["peak_bytes"]
    peak = None if None in (found["peak_bytes"], empty) else found["peak_bytes"] - empty
    return HostLatency(**{**found, "peak_bytes": peak})


def machine() -> str:
    """This machine in words, for the head of a table."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass  # not Linux: the architecture must do
    return f"{name}, {platform.system()}, one thread"


def child(arguments: list[str]) -> dict[str, Any]:
    """What another Python, of one thread, prints as JSON. Raises: ToolError."""
    environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=CHILD_SECONDS,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as cause:
        raise ToolError(f"the measuring process did not end in {CHILD_SECONDS} s") from cause
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ToolError(f"the measuring process failed: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# ru_maxrss outlives exec on Linux, so that a child would inherit its parent's peak; VmHWM does not
_PEAK = """
def peak_bytes():
    try:
        with open("/proc/self/status") as status:
            rows = [line.split() for line in status if line.startswith("VmHWM")]
        return int(rows[0][1]) * 1024
    except (OSError, IndexError):
        return None
"""
_EMPTY = f"import json\n{_PEAK}\nprint(json.dumps({{'peak_bytes': peak_bytes()}}))"


def _measure_here(path: str, step: str, target: str, seconds: float) -> dict[str, Any]:
    """What the child does."""
    from edgernn.profile.frames import frames
    from edgernn.profile.there import pin
    from edgernn.runtime import Session

    core = pin()
    session = Session(path, step, on=target)
    inputs = frames(session.bundle, step)
    at = 0

    def one() -> None:
        nonlocal at
        session.step(inputs[at])
        at = (at + 1) % len(inputs)

    start = perf_counter_ns()
    one()
    first = perf_counter_ns() - start
    spent = _times(one, seconds)
    rounds = [
        spent[k * len(spent) // ROUNDS : (k + 1) * len(spent) // ROUNDS] for k in range(ROUNDS)
    ]
    times = sorted(spent)
    space: dict[str, Any] = {}
    exec(_PEAK, space)
    middle, total = times[len(times) // 2], sum(times)
    return {
        **{key: session.artifact[key] for key in ("backend", "target", "number_type")},
        "steps": len(times),
        "first_us": first / 1e3,
        "p50_us": middle / 1e3,
        "p90_us": times[len(times) * 90 // 100] / 1e3,
        "p99_us": times[len(times) * 99 // 100] / 1e3,
        "max_us": times[-1] / 1e3,
        "rounds_us": [sorted(one)[len(one) // 2] / 1e3 for one in rounds],
        "steps_per_second": 1e9 * len(times) / total,
        "real_time_factor": total / len(times) / (session.frame_ms * 1e6),
        "peak_bytes": space["peak_bytes"](),
        "core": core,
        "alone_p50_us": _alone(session, inputs, seconds / 2),
    }


def _times(action: Callable[[], Any], seconds: float) -> list[int]:
    """Nanoseconds of each call, after warming up."""
    for _ in range(WARM_STEPS):
        action()
    times: list[int] = []
    end = perf_counter_ns() + int(seconds * 1e9)
    while len(times) < LEAST_STEPS or (perf_counter_ns() < end and len(times) < MOST_STEPS):
        start = perf_counter_ns()
        action()
        times.append(perf_counter_ns() - start)
    return times


def _alone(session: Session, inputs: Sequence[Any], seconds: float) -> float | None:
    """Median of the compiled step alone, on each frame from the state that the frame meets.

    The same frame again and again would not move, and a step that holds would read nothing of it.
    """
    program: Any = session.program
    if not hasattr(program, "module") or not hasattr(program, "arguments"):
        return None
    call, symbol, times = program.module.call, program.symbol, list[int]()
    program.reset()
    end = perf_counter_ns() + int(seconds * 1e9)
    for at in count():
        if (at >= WARM_STEPS + LEAST_STEPS and perf_counter_ns() >= end) or at >= MOST_STEPS:
            break
        before = program.state()
        program.step(inputs[at % len(inputs)])  # puts the frame in its place
        program.load_state(before)
        start = perf_counter_ns()
        call(f"{symbol}_step", *program.arguments)
        times.append(perf_counter_ns() - start)
    step = sorted(times[WARM_STEPS:])
    empty = _times(lambda: call(f"{symbol}_state_size"), 0)
    return max(0, step[len(step) // 2] - sorted(empty)[len(empty) // 2]) / 1e3


if __name__ == "__main__":
    try:
        print(json.dumps(_measure_here(*json.loads(sys.argv[1]))))
    except EdgernnError as error:
        print(json.dumps({"error": str(error)}))
