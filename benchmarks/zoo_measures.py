"""What the zoo measures of a unit itself: training time, its compiled step, a long stream.

Times are of the processor, one thread: what else runs on the machine does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time_ns, thread_time_ns
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.compiled import Compiled, Stream
from benchmarks.cost_counts import Case, count
from benchmarks.interleave import interleaved, ratio, times
from benchmarks.rows import Row
from edgernn.backend import find_backend
from edgernn.drift import Course
from edgernn.drift_subjects import subjects
from edgernn.errors import ContractError
from edgernn.export.c.source import compile_step
from edgernn.graph.capture import capture
from edgernn.graph.onnx_import import to_graph
from edgernn.streaming import Streaming
from edgernn.streams import each_step
from edgernn.target import find_target
from edgernn.zoo import at_width, input_channels

WIDTH, BATCH = 64, 8
ROUNDS = {128: 5, 512: 3, 2048: 2}  # by length, of each form in turn
CALIBRATION, GOLDEN = 200, 8  # steps
LOOPS, LOOP_STEPS = 15, 2_000  # of the compiled step on this machine
NUMBER_TYPES = ("fp32", "w8a8")
CORES = {"cortex-m4": "max", "aarch64": "cortex-a72"}  # whose instructions are counted in w8a8


def training(sort: type[Streaming]) -> Row:
    """Milliseconds of a training step of the whole sequence, and how many times frame by frame.

    Raises: ContractError for a unit that learns nothing.
    """
    unit = at_width(sort, WIDTH).train()
    if not any(weight.requires_grad for weight in unit.parameters()):
        raise ContractError(f"{sort.__name__}: its weights stay as they are drawn")
    row: Row = {"parallel": unit.parallel}
    for length, rounds in ROUNDS.items():
        noise = torch.Generator().manual_seed(0)
        x = torch.randn(BATCH, length, input_channels(sort, WIDTH), generator=noise)
        forms = {"whole": _stepped(unit, unit, x), "frames": _stepped(unit, _by_frames(unit), x)}
        for form in forms.values() if length == min(ROUNDS) else ():
            form(1)  # once, until all that runs is loaded
        spent = interleaved(forms, rounds, 1, warm=dict.fromkeys(forms, 0))
        found = ratio(spent["frames"], spent["whole"])
        row[str(length)] = {
            "whole_ms": round(times(spent["whole"]).median_us / 1e3, 3),
            "ratio": [round(one, 3) for one in (found.median, found.low, found.high)],
        }
    return row


def _by_frames(unit: Streaming) -> Callable[[Tensor], Tensor]:
    """The step as it is written, one frame after the other."""

    def run(x: Tensor) -> Tensor:
        state, ys, block = unit.initial_state(x.shape[0]), [], unit.timing.block
        for frame in x.split(block, dim=1):  # type: ignore[no-untyped-call]
            y, state = unit.step(frame, state)
            ys.append(y)
        return torch.cat(ys, dim=1)

    return run


def _stepped(
    unit: Streaming, run: Callable[[Tensor], Tensor], x: Tensor
) -> Callable[[int], np.ndarray[Any, Any]]:
    """Nanoseconds of so many runs forth and back."""

    def measure(steps: int) -> np.ndarray[Any, Any]:
        spent = np.empty(steps)
        for k in range(steps):
            unit.zero_grad(set_to_none=True)
            start = process_time_ns()
            run(x).square().mean().backward()  # type: ignore[no-untyped-call]
            spent[k] = process_time_ns() - start
        return spent

    return measure


def compiled(sort: type[Streaming]) -> Row:
    """The step as C: microseconds here, instructions on chips, bytes."""
    unit = at_width(sort, WIDTH)
    rng, channels = np.random.default_rng(0), input_channels(sort, WIDTH)
    x = rng.standard_normal((CALIBRATION, 1, unit.timing.block, channels), np.float32)
    step = capture(unit, torch.from_numpy(x[0]), sort.__name__.lower())
    port, host, backend = step.inputs[0].name, find_target("host"), find_backend("c")
    row: Row = {"macs": to_graph(step).macs(), "us": {}, "instructions": {}}
    for kind in NUMBER_TYPES:
        frames = each_step({port: x})
        typed = backend.typed(step, kind, frames)[0]  # type: ignore[attr-defined]
        source = compile_step(step, typed, kind, isas=host.isa, faster=host.faster)
        made = Compiled(step, source)
        stream = Stream(made, x)
        row["us"][kind] = round(_looped(stream) / 1e3, 3)
        row[f"{kind}_bytes"] = [source.facts["weights_bytes"], source.facts["state_bytes"]]
    case = Case(step.name, step, {port: x[:GOLDEN]})
    for target, core in CORES.items():
        (found,) = count(case, typed, kind, find_target(target), (core,))
        row["instructions"][target] = None if found.why else round(found.instructions)
    return row


def _looped(stream: Stream) -> float:
    """Nanoseconds of a step in a loop of C, the median of several loops."""
    spent = []
    for _ in range(LOOPS + 1):
        start = thread_time_ns()
        stream.loop(LOOP_STEPS)
        spent.append((thread_time_ns() - start) / LOOP_STEPS)
    return float(np.median(spent[1:]))


def drifting(sort: type[Streaming], frames: int) -> Row:
    """The last value and the exponent of each state leaf and of each error."""

    def told(course: Course) -> list[float | None]:
        return [course.values[-1], course.exponent, course.exponent_error]

    (subject,) = subjects(sort.__name__, ("w8a8",), width=WIDTH, step=None, say=lambda line: None)
    found = subject.follow(frames, lambda frames: None)
    return {
        "frames": frames,
        "states": {one.what: told(one) for one in found.states},
        "errors": {one.what: told(one) for one in found.errors},
        "grows": [one.what for one in (*found.states, *found.errors) if one.grows],
    }
