"""What measures a step on a GPU, in a process of its own that prints what it found as JSON.

    python -m edgernn.on_gpu '["kws.edgernn", "kws", "cuda:0", 2.0]'

The step in float32, for many streams at once: by torch's own ops, one after the other; the same
ops as one CUDA graph; and for one stream by ONNX Runtime, where its wheel has CUDA. Frames lie on
the GPU already. Before a step is timed its results are compared with the bundle's golden ones.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from edgernn.backend import Array, open_artifact
from edgernn.bundle import Bundle, open_bundle
from edgernn.errors import DataError, EdgernnError, ToolError
from edgernn.graph.ir import Graph
from edgernn.graph.on_torch import batched_step, first_inputs, first_states
from edgernn.graph.onnx_import import to_graph
from edgernn.graph.step_graph import read_step_graph
from edgernn.target import find_target
from edgernn.verify import TRUTHS, compare, golden_of

STREAMS = (1, 16, 256, 4096)
ROUNDS = 11
WARM_STEPS = 20
LEAST_STEPS = 10  # of a round
IN_FLIGHT = 20  # steps sent off before the GPU is waited for, to tell the throughput
EAGER, CAPTURED, BY_ONNX = "torch eager", "CUDA graph", "ONNX Runtime"
CUDA = "CUDAExecutionProvider"


class BatchedStream:
    """Many streams side by side: inputs and states at fixed places on the device."""

    def __init__(self, graph: Graph, streams: int, device: torch.device) -> None:
        self.device, self.graph = device, graph
        self.run = batched_step(graph, streams, device)
        self.inputs = first_inputs(graph, streams, device)
        self.states = first_states(graph, streams, device)
        self.outputs: tuple[Tensor, ...] = ()

    @torch.no_grad()
    def step(self) -> None:
        """Read the inputs, leave outputs and the states after them."""
        count = len(self.graph.outputs)
        made = self.run(*self.inputs, *self.states)
        self.outputs = made[:count]
        for place, state in zip(self.states, made[count:], strict=True):
            place.copy_(state)

    def captured(self) -> Callable[[], None]:
        """The step as one CUDA graph, that runs on the same places."""
        aside = torch.cuda.Stream(self.device)  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(aside):  # libraries set themselves up in what is not captured
            for _ in range(3):
                self.step()
        torch.cuda.current_stream(self.device).wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay

    def feed(self, frame: Mapping[str, Tensor]) -> None:
        """Give each stream the same frame."""
        for name, place in zip(self.graph.inputs, self.inputs, strict=True):
            place.copy_(frame[name].expand(place.shape))


def measured(
    bundle: Bundle, step: str, device: torch.device, seconds: float
) -> list[dict[str, Any]]:
    """A row for each way of running it and number of streams; `seconds` of each.

    Raises: DataError for a slim bundle, UnsupportedOp, ParityError.
    """
    graph, golden = _graph(bundle, step), golden_of(bundle, step)
    frames = [
        {name: torch.tensor(array[at], device=device) for name, array in golden["in"].items()}
        for at in range(len(next(iter(golden["in"].values()))))
    ]
    want = golden[next(kind for kind in TRUTHS if kind in golden)]

    def row(how: str, streams: int) -> dict[str, Any]:
        """One of them; its stream is gone before the next one's peak is told."""
        head = {"how": how, "streams": streams}
        try:
            _start_memory(device)
            stream = BatchedStream(graph, streams, device)
            act = stream.captured() if how == CAPTURED else stream.step
            if streams == 1:
                _agrees(stream, act, frames, want, f"{step} by {how}")
            timed = _timed(stream, act, frames, seconds)
            return {**head, **timed, "peak_bytes": _peak_memory(device)}
        except torch.cuda.OutOfMemoryError as cause:
            return {**head, "lacking": str(cause).partition("\n")[0].partition(". ")[0]}

    ways = (EAGER, CAPTURED) if device.type == "cuda" else (EAGER,)
    rows = [row(how, streams) for streams in STREAMS for how in ways]
    return [*rows, _by_onnx(bundle, step, golden["in"], device, seconds)]


def _graph(bundle: Bundle, step: str) -> Graph:
    model = onnx.load_from_string(bundle.read(_onnx_row(bundle, step)["main"]))
    return to_graph(read_step_graph(model))


def _onnx_row(bundle: Bundle, step: str) -> dict[str, Any]:
    rows: list[dict[str, Any]] = bundle.manifest["steps"][step]["artifacts"]
    found = [r for r in rows if (r["backend"], r["number_type"]) == ("onnx", "fp32")]
    if not found:
        raise DataError(
            f"{bundle.path}: holds no {step} in ONNX and fp32, which a GPU is measured with; "
            "export it without --slim"
        )
    return found[0]


def _agrees(
    stream: BatchedStream,
    act: Callable[[], None],
    frames: list[dict[str, Tensor]],
    want: Mapping[str, Array],
    what: str,
) -> None:
    """Raises: ParityError. The states are those before the first frame behind it, too."""
    begun = first_states(stream.graph, 1, stream.device)
    _restore(stream, begun)
    made = []
    for frame in frames:
        stream.feed(frame)
        act()
        made.append([each[0].cpu().numpy() for each in stream.outputs])
    for (name, expected), got in zip(want.items(), zip(*made, strict=True), strict=True):
        compare(f"{what}, {name}", np.stack(got), expected, "fp32")
    _restore(stream, begun)


def _restore(stream: BatchedStream, states: list[Tensor]) -> None:
    for place, state in zip(stream.states, states, strict=True):
        place.copy_(state)


def _timed(
    stream: BatchedStream,
    act: Callable[[], None],
    frames: list[dict[str, Tensor]],
    seconds: float,
) -> dict[str, Any]:
    """Steps one by one, each waited for; then in flight, for the throughput."""
    on_gpu = stream.device.type == "cuda"
    wait: Callable[[], None] = torch.cuda.synchronize if on_gpu else lambda: None

    def one(at: int) -> int:
        stream.feed(frames[at % len(frames)])
        wait()
        start = perf_counter_ns()
        act()
        wait()
        return perf_counter_ns() - start

    row = _rounds(one, seconds)
    start = perf_counter_ns()
    for _ in range(IN_FLIGHT):
        act()
    wait()
    spent, streams = perf_counter_ns() - start, stream.inputs[0].shape[0]
    return row | {"steps_per_second": 1e9 * streams * IN_FLIGHT / spent}


def _rounds(one: Callable[[int], int], seconds: float) -> dict[str, Any]:
    """Of a step, which tells its nanoseconds: figures over ROUNDS parts of the time."""
    first = one(0)
    for at in range(WARM_STEPS):
        one(at)
    rounds: list[list[int]] = []
    for _ in range(ROUNDS):
        end, times = perf_counter_ns() + int(seconds * 1e9 / ROUNDS), list[int]()
        while len(times) < LEAST_STEPS or perf_counter_ns() < end:
            times.append(one(len(times)))
        rounds.append(times)
    spent = [each for times in rounds for each in times]
    p50, p99 = (float(x) / 1e3 for x in np.percentile(spent, [50, 99]))
    return {
        "steps": len(spent),
        "first_us": first / 1e3,
        "p50_us": p50,
        "p99_us": p99,
        "rounds_us": [float(np.median(times)) / 1e3 for times in rounds],
        "steps_per_second": 1e9 / float(np.mean(spent)),
    }


def _start_memory(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def _peak_memory(device: torch.device) -> int | None:
    """Of all that torch has allocated there: weights, inputs, states and what is in between."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None


def _by_onnx(
    bundle: Bundle, step: str, inputs: Mapping[str, Array], device: torch.device, seconds: float
) -> dict[str, Any]:
    """One stream by ONNX Runtime, from memory of the CPU and back."""
    row: dict[str, Any] = {"how": BY_ONNX, "streams": 1}
    entry = {**bundle.manifest["steps"][step], **_onnx_row(bundle, step), "step": step}
    if device.type == "cuda":
        entry["provider"] = (CUDA, {"device_id": device.index or 0})
    try:
        program = open_artifact(entry, bundle.read(entry["main"]), find_target("host"))
    except EdgernnError as cause:
        return row | {"lacking": str(cause)}
    count = len(next(iter(inputs.values())))

    def one(at: int) -> int:
        frame = {name: array[at % count] for name, array in inputs.items()}
        start = perf_counter_ns()
        program.step(frame)
        return perf_counter_ns() - start

    return row | _rounds(one, seconds)


def _main(path: str, step: str, url: str, seconds: float) -> dict[str, Any]:
    device = torch.device(url)
    name = "the CPU"
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ToolError(
                f"{url}: a GPU is there, but torch {torch.__version__} cannot use it; install one "
                "that is built for CUDA: https://pytorch.org/get-started"
            )
        torch.cuda.set_device(device)
        name = torch.cuda.get_device_name(device)
    rows = measured(open_bundle(path), step, device, seconds)
    return {"device": url, "gpu": name, "rows": rows}


if __name__ == "__main__":
    try:
        print(json.dumps(_main(*json.loads(sys.argv[1]))))
    except EdgernnError as error:
        print(json.dumps({"error": str(error)}))
