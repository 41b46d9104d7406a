"""What was verified on the desk is what runs on the chip: equal hashes on every target."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgernn.backend import Array, find_backend, find_runner
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.firmware import GoldenRun
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.linear import Linear
from edgernn.layers.ramp import RampFunctions
from edgernn.streaming import Sequential
from edgernn.target import all_targets, find_target
from edgernn.targets.runners import qemu

from . import streams
from .compiled import assert_same_bits, compiled, cpu_runs, noise, streamed

pytestmark = [pytest.mark.cc, pytest.mark.emulator]
FRAMES = 200
Made = tuple[StepGraph, Graph, Array, str, GoldenRun, str]


def digest(program: Any, x: Array) -> str:
    """A hash over every output and every state of the stream, bit by bit."""
    found = hashlib.sha256()
    program.reset()
    for frame in x:
        found.update(program.step({"x": frame})["y"].tobytes())
        found.update(program.blob_bytes())
    return found.hexdigest()


@pytest.fixture(scope="module", params=["w8a8", "w8a8-s8", "fp32"])
def made(request: pytest.FixtureRequest) -> Made:
    """A float front end, a GRU, a projected LSTM with gates of 5 bits, and what comes of them."""
    torch.manual_seed(0)
    layers = {
        "mel": LogMel(8000, window=64, hop=40, mels=10),
        "gru": GRU(10, 9),
        "lstm": LSTM(9, 11, proj_size=7),
        "out": Linear(7, 3),
    }
    layers["lstm"].functions = RampFunctions(5)
    net = Sequential(**layers).eval()
    levels = np.exp(2 * noise((FRAMES, 1, 1, 1), 1))
    x = (0.1 * levels * noise((FRAMES, 1, 40, 1))).astype(np.float32)
    x[50:60] = 0  # silence, where the logarithm meets its floor
    step = capture(net, torch.from_numpy(x[0]), "net")
    backend: Any = find_backend("c")
    typed, _ = backend.typed(step, request.param, [{"x": frame} for frame in x])
    host = compiled(step, typed, request.param)
    few = x[:4]
    outputs = np.stack([host.step({"x": frame})["y"] for frame in few])
    golden = GoldenRun((few,), (outputs,), host.blob_bytes())
    return step, typed, x, digest(host, x), golden, request.param


def test_this_machine_hears_the_stream(made: Made) -> None:
    step, typed, x, want, _, number_type = made
    again = compiled(step, typed, number_type)
    assert digest(again, x) == want
    assert digest(again, x[::-1]) != want


@pytest.mark.parametrize("name", [name for name in all_targets() if name != "host"])
def test_every_target_gives_this_machine_s_bits(name: str, made: Made) -> None:
    step, typed, x, want, golden, number_type = made
    target = find_target(name)
    missing = find_runner(target.runner).missing()
    if missing:
        pytest.skip(missing)
    program = compiled(
        step, typed, number_type, target, golden if target.kind == "firmware" else None
    )
    assert digest(program, x) == want


Long = tuple[streams.Stream, int]
HOST = find_target("host")
PLAIN = replace(HOST, isa=(), faster="")
CHIPS = [name for name, target in all_targets().items() if target.kind == "firmware"]


@pytest.fixture(scope="module", params=streams.MODELS)
def long(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Long:
    """A model for a long stream, and the hash that portable C on this machine makes of it."""
    stream = streams.made(request.param)
    return stream, stream.called(PLAIN, tmp_path_factory.mktemp("plain"))


def test_the_long_stream_is_what_numpy_draws_and_computes(long: Long, tmp_path: Path) -> None:
    stream, _ = long
    port = stream.step.inputs[0]
    x = np.stack(list(streams.frames(port.shape, 80)))
    frames = [{port.name: frame} for frame in x]
    program = compiled(stream.step, stream.typed, stream.number_type, PLAIN)
    outputs, _ = streamed(program, frames)
    run = GoldenRun((x,), (np.stack(outputs),), program.blob_bytes())
    assert run.expected_hash() == stream.called(PLAIN, tmp_path, len(x))
    if port.shape[1] == 1 and stream.number_type != "fp32":  # integers throughout
        for got, want in zip(outputs, streamed(Reference(stream.typed), frames)[0], strict=True):
            assert_same_bits(got, want)


@pytest.mark.slow
@pytest.mark.parametrize("forced", ["base", "faster"])
def test_each_instruction_set_of_this_machine_hears_the_long_stream(
    forced: str, long: Long, tmp_path: Path
) -> None:
    stream, want = long
    if forced == "faster" and not cpu_runs(HOST.faster):
        pytest.skip(f"this CPU does not run kernels of {HOST.faster}")
    target = HOST if forced == "faster" else replace(HOST, faster="")
    assert stream.called(target, tmp_path) == want


@pytest.mark.slow
@pytest.mark.parametrize("core", ["cortex-a72", "cortex-a76"])
def test_each_aarch64_core_hears_the_long_stream(core: str, long: Long, tmp_path: Path) -> None:
    stream, want = long
    if shutil.which(qemu.USER) is None:
        pytest.skip(f"needs {qemu.USER}; run: {qemu.INSTALL[qemu.USER]}")
    assert stream.booted(find_target("aarch64"), tmp_path, core) == want


@pytest.mark.slow
@pytest.mark.parametrize("name", CHIPS)
def test_each_chip_hears_the_long_stream(name: str, long: Long, tmp_path: Path) -> None:
    stream, want = long
    if missing := qemu.RUNNER.missing():
        pytest.skip(missing)
    assert stream.booted(find_target(name), tmp_path) == want


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["wasmtime", "node"])
def test_each_wasm_engine_hears_the_long_stream(engine: str, long: Long, tmp_path: Path) -> None:
    stream, want = long
    wasm = find_target("wasm")
    if engine == "node":
        if shutil.which("node") is None:
            pytest.skip("needs node; run: apt-get install nodejs")
        assert stream.in_node(wasm, tmp_path) == want
        return
    if missing := find_runner(wasm.runner).missing():
        pytest.skip(missing)
    assert stream.called(wasm, tmp_path) == want
