"""A stored step is the step: the same C for every target, the same bytes, or one clear error."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from edgernn.backend import find_backend
from edgernn.errors import BundleError
from edgernn.graph.stored import StoredStep, from_bytes, to_bytes
from edgernn.model import find_model
from edgernn.sources import TorchSource
from edgernn.streams import cut_to_steps, each_step
from edgernn.target import find_target


@pytest.fixture(scope="module", params=["fp32", "w4a8"])
def step(request: pytest.FixtureRequest) -> StoredStep:
    model = find_model("kws/tiny")
    ((name, module),) = model.steps().items()
    given = model.fed({name: module}, 4)
    source = TorchSource(name, module, cut_to_steps(given[name], module.timing.block))
    graph = source.graph()
    backend: Any = find_backend("c")
    typed, _ = backend.typed(graph, request.param, each_step(source.frames))
    return StoredStep(name, graph.inputs, graph.outputs, typed, request.param, "exact")


@pytest.mark.parametrize("target", ["host", "aarch64", "cortex-m4", "cortex-m55", "wasm"])
def test_what_is_read_back_compiles_to_the_same_c(step: StoredStep, target: str) -> None:
    backend: Any = find_backend("c")
    again, place = from_bytes(to_bytes(step)), find_target(target)
    made = [
        backend.source(one, one.graph, place, one.number_type, one.activations)
        for one in (step, again)
    ]
    assert made[0].files() == made[1].files()
    assert made[0].facts == made[1].facts


def test_the_same_step_gives_the_same_bytes(step: StoredStep) -> None:
    assert to_bytes(from_bytes(to_bytes(step))) == to_bytes(step)


def test_what_is_damaged_or_newer_is_one_error(step: StoredStep) -> None:
    data = to_bytes(step)
    for wrong in (b"", b"PK\x03\x04 no zip", data[: len(data) // 2]):
        with pytest.raises(BundleError, match="a stored step is damaged"):
            from_bytes(wrong)
    with np.load(io.BytesIO(data)) as arrays:
        parts = dict(arrays)
    head = json.loads(parts["step"].tobytes()) | {"format": 2}
    parts["step"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **parts)
    with pytest.raises(BundleError, match="of format 2, this edgernn reads 1"):
        from_bytes(buffer.getvalue())
