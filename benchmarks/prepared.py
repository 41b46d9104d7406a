"""What is timed: a workload's networks, our compiled forms of them, the others at their best."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import delta, workloads
from benchmarks.compiled import Compiled, Stream, host_source
from benchmarks.contender import Contender, whole
from benchmarks.interleave import fastest, interleaved
from benchmarks.peers import Peer
from benchmarks.variants import Variant
from edgernn.errors import EdgernnError, ParityError, ToolError
from edgernn.graph.capture import capture
from edgernn.graph.step_graph import StepGraph
from edgernn.streaming import Streaming

Array = NDArray[Any]

CHECKED_STEPS = 128
PICK_ROUNDS, PICK_STEPS = 7, 30
# rms of the difference from torch, as a share of the rms of torch's output; another network's
# output is at 1.4. Random weights in 4 bits are far off, and in 2 bits another network's; a delta
# network in integers may pass on what torch holds.
LARGEST_ERROR = {"fp32": 1e-4, "int8": 0.08, "int4": 0.3, "delta": 0.4, "w2a8-row": float("inf")}


@dataclass(frozen=True, slots=True)
class Network:
    """A captured network with frames, and what torch makes of the first of them.

    frames: run forth and back, so that a stream that starts over does not jump.
    """

    graph: StepGraph
    calibration: Array
    frames: Array
    want: Array

    def error(self, contender: Contender, bound: float, name: str) -> float:
        """Rms of its difference from torch over the rms of torch's output. Raises: ParityError."""
        got = contender.outputs(self.frames[: len(self.want)]).astype(np.float64)
        size = float(np.sqrt(np.mean(self.want.astype(np.float64) ** 2)))
        error = float(np.sqrt(np.mean((got.reshape(self.want.shape) - self.want) ** 2))) / size
        if not error <= bound:
            raise ParityError(f"{name}: its outputs are not torch's: error {error:.3g} of {bound}")
        return error


@dataclass(frozen=True, slots=True)
class Ours:
    """One of our variants, ready. columns: the share of them that its stream was seen to move."""

    variant: Variant
    contender: Contender
    frames: Array
    facts: dict[str, Any]
    error: float
    columns: float | None


def network(name: str, module: Streaming, drift: float = 1.0) -> Network:
    """Capture a network and run torch over its frames."""
    frames = workloads.frames(name, workloads.CALIBRATION + CHECKED_STEPS, drift)
    calibration, rest = frames[: workloads.CALIBRATION], frames[workloads.CALIBRATION :]
    graph = capture(module, torch.from_numpy(frames[0]), name)
    want = workloads.torch_outputs(module, rest[:CHECKED_STEPS])
    return Network(graph, calibration, np.concatenate([rest, rest[::-1]]), want)


def ours(name: str, variants: tuple[Variant, ...]) -> Iterator[Ours]:
    """Our variants, compiled; those that differ in their stream only share a library."""
    made = [_made(name, variant) for variant in variants]
    steps: dict[tuple[object, ...], Future[Compiled]] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for variant, (own, _) in zip(variants, made, strict=True):
            if variant.network not in steps:
                source = host_source(own.graph, variant.number_type, own.calibration)
                steps[variant.network] = pool.submit(Compiled, own.graph, source)
    seen: set[tuple[object, ...]] = set()
    for variant, (own, rows) in zip(variants, made, strict=True):
        number = int(variant.network in seen)
        stream = Stream(steps[variant.network].result(), own.frames, number)
        seen.add(variant.network)
        contender = stream.contender()
        error = own.error(contender, _bound(variant), f"{name} {variant.title}")
        columns = delta.share(_leaves(stream, rows), rows) if rows else None
        yield Ours(variant, contender, own.frames, stream.step.facts, error, columns)


def _made(name: str, variant: Variant) -> tuple[Network, dict[str, int]]:
    """The variant's network, and the rows of the products of what it holds."""
    if variant.delta:
        held = delta.held(name, variant.delta)
        drift = held.speech if variant.share == delta.SPEECH else held.silence
        return network(name, held.network, drift), held.rows
    module = workloads.module(name)
    if variant.pruned:
        workloads.prune(module, variant.pruned)
    return network(name, module), {}


def _bound(variant: Variant) -> float:
    kind = "delta" if variant.delta else variant.against[-1]
    return LARGEST_ERROR.get(variant.number_type, LARGEST_ERROR[kind])


def _leaves(stream: Stream, rows: dict[str, int]) -> Iterator[dict[str, Array]]:
    """What is held after each frame, from the state of the compiled step."""
    contender = stream.contender()
    stream.reset()
    for frame in stream.frames:
        contender.x[...] = frame
        contender.call()
        yield {name: stream.leaf(name) for name in rows}


def best(dense: Network, peer: Peer, kind: str, cache: Path) -> tuple[Contender, float]:
    """A peer's fastest candidate whose outputs are torch's, and its error.

    Raises: ToolError with the last complaint when there is none; MissingExtra.
    """
    good: dict[str, tuple[Contender, float]] = {}
    complaint = "no candidate"
    for candidate in peer.candidates(dense.graph, kind, cache):
        name = f"{dense.graph.name} {peer.NAME} {candidate.setting}"
        try:
            good[candidate.setting] = candidate, dense.error(candidate, LARGEST_ERROR[kind], name)
        except EdgernnError as cause:
            complaint = str(cause)
    if not good:
        raise ToolError(complaint)
    if len(good) == 1:
        return next(iter(good.values()))
    timed = {setting: whole(one, dense.frames) for setting, (one, _) in good.items()}
    return good[fastest(interleaved(timed, PICK_ROUNDS, PICK_STEPS))]
