"""Long streams in one hash: steps for them, builds with tests/stream.c, and frames in numpy."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgernn.backend import Array, find_backend, find_runner
from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.export.c.source import CSource, compile_step
from edgernn.frontend.logmel import LogMel
from edgernn.graph.capture import capture
from edgernn.graph.ir import Graph
from edgernn.graph.step_graph import StepGraph
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming
from edgernn.target import Target
from edgernn.targets.runners.qemu import QemuRunner
from edgernn.toolchain import build_firmware, build_library, build_program, build_wasm

FRAMES = 10_000
NODE = """
const fs = require('fs');
const [file, state, scratch, frames] = process.argv.slice(1);
const made = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)), {}).exports;
let top = (made.__heap_base.value + 15) & ~15;
const room = (bytes) => { const at = top; top += (Number(bytes) + 15) & ~15; return at; };
const places = [room(state), room(scratch)];
const lacking = top - made.memory.buffer.byteLength;
if (lacking > 0) made.memory.grow(Math.ceil(lacking / 65536));
console.log((made.stream_hash(...places, Number(frames)) >>> 0).toString(16));
"""


@dataclass(frozen=True, slots=True)
class Stream:
    """A step in a number type that takes (1, block, width) frames and gives one output."""

    step: StepGraph
    typed: Graph
    number_type: str
    frames: int = FRAMES

    def source(self, target: Target) -> CSource:
        return compile_step(
            self.step, self.typed, self.number_type, isas=target.isa, faster=target.faster
        )

    def files(self, source: CSource, main: bool) -> dict[str, str]:
        """The step's C with the generator."""
        name, upper = source.symbol, source.symbol.upper()
        width = int(np.prod(self.step.inputs[0].shape))
        outputs = int(np.prod(self.step.outputs[0].shape))
        lines = [
            f'#include "{name}.h"',
            *(["#define STREAM_MAIN"] if main else []),
            f"#define STREAM_FRAMES {self.frames}",
            f"#define STEP_WIDTH {width}",
            f"#define STEP_OUTPUTS {outputs}",
            f"#define STEP_STATE_BYTES {upper}_STATE_BYTES",
            f"#define STEP_SCRATCH_BYTES {upper}_SCRATCH_BYTES",
            f"#define STEP_INIT(state) {name}_init((state), {upper}_STATE_BYTES)",
            f"#define STEP(state, scratch, x, y) {name}_step((state), (scratch), (x), (y))",
        ]
        text = (Path(__file__).parent / "stream.c").read_text()
        return {**source.files(), "stream.c": text, "stream.h": "\n".join(lines) + "\n"}

    def called(self, target: Target, folder: Path, frames: int = 0) -> int:
        """The hash from a library or a module, loaded by the target's runner."""
        source = self.source(target)
        build = build_wasm if target.kind == "wasm" else build_library
        path = build(
            *(self.files(source, main=False), target, folder),
            name=source.symbol,
            exports=["stream_hash"],
        )
        module: Any = find_runner(target.runner).load(path.read_bytes(), target)
        facts = source.facts
        state, scratch = (module.alloc(facts[f"{kind}_bytes"]) for kind in ("state", "scratch"))
        return int(module.call("stream_hash", state, scratch, frames or self.frames)) & 0xFFFFFFFF

    def booted(self, target: Target, folder: Path, cpu: str = "max") -> int:
        """The hash that firmware or a static program prints under QEMU."""
        source = self.source(target)
        build = build_firmware if target.kind == "firmware" else build_program
        path = build(self.files(source, main=True), target, folder, name=source.symbol)
        report = QemuRunner(user_cpu=cpu).boot(path.read_bytes(), target)
        assert report.ok, report.text
        return int(report.text.strip().removeprefix("hash=0x"), 16)

    def in_node(self, target: Target, folder: Path) -> int:
        """The hash from a module in node."""
        source = self.source(target)
        path = build_wasm(
            *(self.files(source, main=False), target, folder),
            name=source.symbol,
            exports=["stream_hash"],
        )
        sizes = [str(source.facts[f"{kind}_bytes"]) for kind in ("state", "scratch")]
        command = [str(shutil.which("node")), "-e", NODE, str(path), *sizes, str(self.frames)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
        return int(done.stdout, 16)


def frames(shape: tuple[int, ...], count: int) -> Iterator[Array]:
    """The frames of tests/stream.c."""
    seed, x = 2463534242, np.zeros(int(np.prod(shape)), np.float32)
    for t in range(count):
        for i in range(x.size):
            seed ^= seed << 13 & 0xFFFFFFFF
            seed ^= seed >> 17
            seed ^= seed << 5 & 0xFFFFFFFF
            if not seed & 3:
                x[i] = np.float32((seed >> 8) - 8388608) * np.float32(2.0**-22)
            if (t >> 5) % 8 == 7:
                x[i] = 0
        yield x.reshape(shape).copy()


def _front() -> tuple[Streaming, tuple[int, ...]]:
    """A front end in floats, a GRU and a projected LSTM: what fits every chip."""
    layers = {
        "mel": LogMel(8000, window=64, hop=40, mels=10),
        "gru": GRU(10, 9),
        "lstm": LSTM(9, 11, proj_size=7),
        "out": Linear(7, 3),
    }
    return Sequential(**layers), (1, 40, 1)


def _sparse() -> tuple[Streaming, tuple[int, ...]]:
    """Three quarters of the 16x4 blocks of a GRU are zero."""
    net = Sequential(gru=GRU(20, 32), out=Linear(32, 5))
    keep = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in net.parameters():
            if weight.dim() == 2 and weight.shape[0] % 16 == 0:
                kept = (
                    torch.rand(weight.shape[0] // 16, weight.shape[1] // 4, generator=keep) < 0.25
                )
                weight.mul_(kept.repeat_interleave(16, 0).repeat_interleave(4, 1))
    return net, (1, 1, 20)


def _held(block: int) -> tuple[Streaming, tuple[int, ...]]:
    """A GRU that reads what has moved; blocks of 4 leave a rest of both its inputs."""
    channels, units = (20, 36) if block == 1 else (18, 39)
    cell = GRU(channels, units, threshold=0.1, block=block)
    return Sequential(gru=cell, out=Linear(units, 5)), (1, 1, channels)


# name: network, number type, frames; floats take chips without a float unit much longer
MODELS: dict[str, tuple[Callable[[], tuple[Streaming, tuple[int, ...]]], str, int]] = {
    "front-w8a8": (_front, "w8a8", FRAMES),
    "front-w8a16": (_front, "w8a16", FRAMES // 10),
    "front-fp32": (_front, "fp32", FRAMES // 10),
    "front-w8a8-s8": (_front, "w8a8-s8", FRAMES // 10),
    "sparse-w8a8": (_sparse, "w8a8", FRAMES),
    "sparse-w2a8-row": (_sparse, "w2a8-row", FRAMES),
    "delta-w8a8": (lambda: _held(1), "w8a8", FRAMES),
    "delta-fp32": (lambda: _held(1), "fp32", FRAMES // 10),
    "blocks-fp32": (lambda: _held(4), "fp32", FRAMES // 20),
    "delta-w8a16": (lambda: _held(1), "w8a16", FRAMES // 10),
    "blocks-w8a16": (lambda: _held(4), "w8a16", FRAMES // 10),
    "blocks-w4a8": (lambda: _held(4), "w4a8", FRAMES),
}


def made(name: str) -> Stream:
    """A captured and quantized model by name."""
    build, number_type, count = MODELS[name]
    torch.manual_seed(0)
    net, shape = build()
    some = list(frames(shape, 300))
    step = capture(net.eval(), torch.from_numpy(some[0]), "net")
    backend: Any = find_backend("c")
    port = step.inputs[0].name
    typed, _ = backend.typed(step, number_type, [{port: frame} for frame in some])
    return Stream(step, typed, number_type, count)
