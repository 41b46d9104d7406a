"""What a step costs on a GPU: latency, throughput over many streams, memory; see edgernn.on_gpu."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edgernn.errors import ToolError
from edgernn.profile.latency import child


@dataclass(frozen=True, slots=True)
class GpuLatency:
    """A step by one way of running it, for `streams` at once. Times in microseconds.

    how: torch's ops one after the other, the same as one CUDA graph, or ONNX Runtime. A step is
    waited for before its time is taken; steps_per_second counts those of all streams, 20 of them
    in flight (one by one in ONNX Runtime). peak_bytes: of device memory, what torch allocated.
    real_time_streams: how many streams it keeps up with.
    lacking: why there are no figures; None where there are.
    """

    device: str
    gpu: str
    how: str
    streams: int
    number_type: str = "fp32"
    steps: int = 0
    first_us: float | None = None
    p50_us: float | None = None
    p99_us: float | None = None
    rounds_us: tuple[float, ...] = ()
    steps_per_second: float | None = None
    real_time_streams: int | None = None
    peak_bytes: int | None = None
    lacking: str | None = None


def on_gpu(path: Path, step: str, url: str, seconds: float, frame_ms: float) -> list[GpuLatency]:
    """Measure one step, about `seconds` for each number of streams and way of running it.

    Raises: ToolError if torch cannot use the GPU, or the step does not compute there what it does
        in the bundle.
    """
    found = child(["-m", "edgernn.on_gpu", json.dumps([str(path), step, url, seconds])])
    if "error" in found:
        raise ToolError(found["error"])
    return [
        GpuLatency(
            found["device"],
            found["gpu"],
            real_time_streams=_kept_up(row.get("steps_per_second"), frame_ms),
            **row,
        )
        for row in found["rows"]
    ]


def _kept_up(steps_per_second: float | None, frame_ms: float) -> int | None:
    return None if steps_per_second is None else int(steps_per_second * frame_ms / 1e3)
