"""A stream over compiled C: one chunk, many at a time, and what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edgernn.errors import ShapeError
from edgernn.verify import go_on

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of

pytestmark = pytest.mark.cc
FRAMES = 50


@pytest.fixture(scope="module")
def program() -> Any:
    """Of two inputs and a sum of all that it was given."""
    build = Builder("adding")
    a, b = build.input("a", 1, 3), build.input("b", 1, 3)
    total = build.state("total", np.zeros((1, 3), np.float32))
    both = build.op("add", a, b)
    graph = build.done(both, total=build.op("add", total, both))
    return compiled(step_of(graph), graph)


def given() -> dict[str, Any]:
    return {"a": noise((FRAMES, 1, 3)), "b": noise((FRAMES, 1, 3), seed=1)}


def test_many_chunks_give_what_one_after_the_other_does(program: Any) -> None:
    frames = given()
    program.reset()
    rows = [program.step({k: v[at] for k, v in frames.items()}) for at in range(FRAMES)]
    total = program.state()["total"]
    program.reset()
    halves = [{k: v[half] for k, v in frames.items()} for half in (slice(20), slice(20, None))]
    made = [go_on(program, half) for half in halves]
    for name in rows[0]:
        got = np.concatenate([half[name] for half in made])
        assert_same_bits(got, np.stack([row[name] for row in rows]), name)
    assert_same_bits(program.state()["total"], total)


@pytest.mark.parametrize("short", ["a", "b"])
def test_another_size_is_refused(program: Any, short: str) -> None:
    frames = given()
    frames[short] = frames[short][..., :2]
    with pytest.raises(ShapeError, match=rf"input {short}: need 50 of \(1, 3\), got \(50, 1, 2\)"):
        program.steps(frames)
    with pytest.raises(ShapeError, match=rf"input {short}: need \(1, 3\), got \(1, 2\)"):
        program.step({k: v[0] for k, v in frames.items()})
