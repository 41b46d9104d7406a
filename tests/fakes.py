"""A backend, a runner and a bundle small enough to reason about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgernn.bundle import write
from edgernn.errors import ToolError
from edgernn.target import Target

PORTS: dict[str, Any] = {
    "inputs": [{"name": "x", "shape": [1, 4, 1], "dtype": "float32"}],
    "outputs": [{"name": "y", "shape": [1, 1, 2], "dtype": "float32"}],
    "states": [{"in": "sum", "out": "new_sum", "shape": [1, 1], "dtype": "float32"}],
    "timing": {"block": 4, "ratio": "1/4", "delay": 0},
}


class Summing:
    """Two outputs: the sum of all samples so far, and of this frame."""

    def __init__(self, entry: Mapping[str, Any]) -> None:
        self.entry = entry
        self.reset()

    def reset(self) -> None:
        self.sum = np.zeros((1, 1), np.float32)

    def step(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        (port,) = self.entry["inputs"]
        x = inputs[port["name"]]
        assert (list(x.shape), str(x.dtype)) == (port["shape"], port["dtype"])
        self.sum = self.sum + np.float32(x.sum())
        return {"y": np.array([[[self.sum[0, 0], x.sum()]]], np.float32)}

    def state(self) -> dict[str, Any]:
        return {"sum": self.sum.copy()}

    def load_state(self, leaves: Mapping[str, Any]) -> None:
        self.sum = np.array(leaves["sum"])


class FakeBackend:
    name, extra, runtime = "fake", "", ""
    broken: tuple[str, ...] = ()

    def open(self, entry: Mapping[str, Any], main: bytes, runner: Any, target: Target) -> Summing:
        if entry["target"] in self.broken:
            raise ToolError(f"{target.name} is broken: {main.decode()}")
        return Summing(entry)


class FakeRunner:
    name = "fake"

    def missing(self) -> str | None:
        return None


def use_fakes(monkeypatch: pytest.MonkeyPatch) -> FakeBackend:
    """Let `edgernn.runtime` find the fakes, whatever the name."""
    backend = FakeBackend()
    monkeypatch.setattr("edgernn.backend.find_backend", lambda name: backend)
    monkeypatch.setattr("edgernn.backend.find_runner", lambda name: FakeRunner())
    monkeypatch.setattr("edgernn.runtime.find_target", lambda name: Target(name, "", "library", ""))
    return backend


def artifact(target: str) -> dict[str, Any]:
    return {"backend": "fake", "target": target, "number_type": "fp32", "main": f"{target}/main"}


def write_bundle(
    path: Path, *steps: str, targets: tuple[str, ...] = ("any", "chip", "host")
) -> Path:
    row = {**PORTS, "artifacts": [artifact(target) for target in targets]}
    manifest = {
        "edgernn": "0.1.0",
        "model": "summing",
        "target": "chip",
        "number_type": "fp32",
        "frame_ms": 20.0,
        "sample_rate_hz": 200,
        "labels": ["all", "now"],
        "steps": dict.fromkeys(steps or ("m",), row),
    }
    write(path, manifest, {f"{target}/main": target.encode() for target in targets})
    return path
