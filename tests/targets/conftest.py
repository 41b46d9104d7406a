"""A small step written by hand in C, its oracle in numpy, and builds of it shared by the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgernn import toolchain
from edgernn.backend import Array, Module
from edgernn.firmware import GoldenRun, golden_header
from edgernn.target import Target

STEPS, CHANNELS = 12, 8
HERE = Path(__file__).parent
EXPORTS = ("acc_polynomial", "acc_trap")

Build = Callable[..., bytes]


def sources() -> dict[str, str]:
    return {name: (HERE / name).read_text() for name in ("acc.c", "acc.h")}


@pytest.fixture(scope="session")
def golden() -> GoldenRun:
    """The C step said again in numpy: integers truncate towards zero, floats round each time."""
    rng = np.random.default_rng(7)
    x = rng.integers(-128, 128, (STEPS, CHANNELS), dtype=np.int8)
    gain = rng.standard_normal((STEPS, 1)).astype(np.float32)
    weight = np.array([1, -2, 3, -4, 5, -6, 7, -8], np.int32)
    total = 100 * np.arange(CHANNELS, dtype=np.int32)
    y = np.empty((STEPS, 4), np.int32)
    z = np.empty((STEPS, 4), np.float32)
    for t in range(STEPS):
        dot = [int(weight @ np.roll(x[t].astype(np.int32), -i)) for i in range(CHANNELS)]
        total = (np.trunc(total / 2) + dot).astype(np.int32)
        y[t] = total[:4]
        z[t] = y[t].astype(np.float32) * gain[t] + np.float32(0.125)
    return GoldenRun((x, gain), (y, z), total.tobytes())


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory, golden: GoldenRun) -> Build:
    """build(target) -> bytes of the step built for it, with golden vectors where it boots."""

    def run(target: Target, *, right: bool = True) -> bytes:
        folder = tmp_path_factory.mktemp("built")
        options = {"name": "acc", "exports": EXPORTS}
        if target.kind == "library":
            return toolchain.build_library(sources(), target, folder, **options).read_bytes()
        if target.kind == "archive":
            return toolchain.build_archive(sources(), target, folder, name="acc").read_bytes()
        if target.kind == "wasm":
            return toolchain.build_wasm(sources(), target, folder, **options).read_bytes()
        header = golden_header("acc", golden)
        if not right:
            header = header.replace("GOLDEN_HASH 0x", "GOLDEN_HASH 1u + 0x")
        files = {**sources(), "golden.h": header}
        return toolchain.build_firmware(files, target, folder, **options).read_bytes()

    return run


@pytest.fixture(scope="session")
def play() -> Callable[[Module, GoldenRun], tuple[Array, Array, bytes]]:
    """play(module, golden) drives the step as a caller would."""
    return _play


def _play(module: Module, golden: GoldenRun) -> tuple[Array, Array, bytes]:
    """Drive the step as a caller would: outputs of all steps, and the final state."""
    state = module.alloc(module.call("acc_state_size"))
    scratch = module.alloc(module.call("acc_scratch_size"))
    places = [module.alloc(64) for _ in range(4)]
    assert module.call("acc_init", state, 32) == 0
    ys, zs = [], []
    for x, gain in zip(*golden.inputs, strict=True):
        module.write(places[0], x.tobytes())
        module.write(places[1], gain.tobytes())
        module.call("acc_step", state, scratch, *places)
        ys.append(np.frombuffer(module.read(places[2], 16), np.int32))
        zs.append(np.frombuffer(module.read(places[3], 16), np.float32))
    return np.array(ys), np.array(zs), module.read(state, 32)
