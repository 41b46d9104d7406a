"""What `--explain` prints: every pass, every matrix, every buffer, so that a person can follow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
import torch

from edgernn.backend import find_backend
from edgernn.cells.gru import GRU
from edgernn.commands._explain import explained
from edgernn.export.c.lower import lower
from edgernn.export.c.memory_map import COLUMNS, describe
from edgernn.export.c.plan import plan_memory
from edgernn.export.c.source import compile_step
from edgernn.export.c.weights import Weights
from edgernn.graph.capture import capture
from edgernn.graph.passes import PIPELINE
from edgernn.layers.conv import Conv1d
from edgernn.layers.hold import Hold
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential

from ..compiled import Builder, noise, step_of

Notes = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def notes() -> Notes:
    """notes(number type) of a convolution, a cell and a linear layer."""
    torch.manual_seed(0)
    layer = Sequential(a=Conv1d(6, 8, 3), b=GRU(8, 5), c=Linear(5, 3))
    x = noise((30, 1, 1, 6))
    step = capture(layer, torch.from_numpy(x[0]), "net")
    backend: Any = find_backend("c")

    def made(number_type: str) -> list[str]:
        graph, passes = backend.typed(step, number_type, [{"x": frame} for frame in x])
        return [*passes, *compile_step(step, graph, number_type).notes]

    return made


def sections(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if line and not line.startswith(" "):
            found[line.partition(":")[0]] = []
        elif line:
            found[list(found)[-1]].append(line.strip())
    return found


def test_each_topic_has_a_heading_that_says_what_it_is(notes: Notes) -> None:
    lines = explained(notes("w8a8"))
    assert "quantize: Integer weights and matvec inputs" in "\n".join(lines)
    found = sections(lines)
    assert list(found)[-4:] == ["fuse", "kernel", "memory", "found nothing to do"]
    idle = next(line for line in lines if line.startswith("found nothing to do: "))
    names = {rewrite.__name__.rsplit(".", 1)[-1] for rewrite in PIPELINE}
    assert names == set(idle.partition(": ")[2].split(", ")) | (found.keys() & names)


def test_states_say_what_they_became_and_why(notes: Notes) -> None:
    found = sections(explained(notes("w8a8")))
    assert any(
        re.match(r"state a\.past is int8, .*: only products read it", n) for n in found["quantize"]
    )
    assert any(
        re.match(r"state b\.h is int16, x / 2\*\*\d+: computed", n) for n in found["quantize"]
    )
    assert "quantize" not in sections(explained(notes("fp32")))


@pytest.mark.parametrize("number_type", ["fp32", "w8a8"])
def test_every_matrix_names_its_kernel(notes: Notes, number_type: str) -> None:
    kernels = sections(explained(notes(number_type)))["kernel"]
    assert [re.findall(r" (\d+x\d+): ", line)[0] for line in kernels] == [
        *("8x18", "15x8", "15x5", "3x5")
    ]
    assert all(re.search(r"portable/\w+, dense, [\d,]+ bytes", line) for line in kernels)


def test_a_delta_pass_says_what_it_did_in_every_number_type() -> None:
    layer = Sequential(a=GRU(6, 8, threshold=0.1), b=Hold(8, 0.1, 4), c=Linear(8, 3))
    x = noise((30, 1, 1, 6))
    step = capture(layer, torch.from_numpy(x[0]), "net")
    backend: Any = find_backend("c")
    for number_type, anew in (
        ("fp32", ", each sum made anew every 64 steps"),
        ("w8a8", ""),
        ("w8a16", ""),
    ):
        _, passes = backend.typed(step, number_type, [{"x": frame} for frame in x])
        lines = sections(explained(passes))["delta"]
        sums = [line.partition(": ")[2] for line in lines]
        wanted = [f"24 running sums, columns that move{anew}"] * 2
        last = "3 running sums, blocks of 4 columns that move"
        if number_type == "fp32":
            assert lines[2].endswith("stays dense: 3 rows a column do not pay for the list")
            last = sums[2]
        assert sums == [*wanted, last]


def test_the_memory_map_shows_offsets_and_lives(notes: Notes) -> None:
    memory = sections(explained(notes("w8a8")))["memory"]
    total = re.match(
        r"state ([\d,]+) \+ scratch ([\d,]+) = ([\d,]+) bytes, ([\d.]+) times", memory[0]
    )
    assert total
    state, scratch, both = (int(n.replace(",", "")) for n in total.groups()[:3])
    assert state + scratch == both
    assert any(re.match(r"state +0 \+ +12  a\.past 1x2x6 int8: slid down", line) for line in memory)
    actions = [line for line in memory if line.startswith("action")]
    rows = [line for line in memory if re.match(r"scratch +\d", line)]
    for row in rows:
        at, size, life = re.match(r"scratch +(\d+) \+ +(\d+)  \|(.*)\| ", row).groups()  # type: ignore[union-attr]
        assert int(at) + int(size) <= scratch
        assert len(life) == len(actions)
        assert "#" in life
        assert " " not in life.strip()


def test_lives_in_the_map_are_those_of_the_plan_however_long_the_step() -> None:
    b = Builder()
    y = b.input("x", 1, 4)
    for k in range(3 * COLUMNS):
        y = b.op("linear", y, b.constant("w", noise((4, 4), k)))
    lowered = lower(b.done(y), Weights(()))
    plan = plan_memory(lowered)
    lines = describe(lowered, plan)
    (ruler,) = (line for line in lines if "actions a column" in line)
    assert ruler.index("|", ruler.index("|") + 1) - ruler.index("|") - 1 == COLUMNS
    assert "3 actions a column" in ruler
    life = {
        row.rsplit(" ", 1)[1]: row.split("|")[1] for row in lines if row.startswith("scratch  ")
    }
    for name, (first, last) in plan.spans.items():
        want = "".join("#" if first // 3 <= c <= last // 3 else " " for c in range(COLUMNS))
        assert life[name] == want, name


def test_the_plan_in_the_facts_is_the_one_that_the_step_was_built_by() -> None:
    """Only what is written over as it is read for the last time lies where another does."""
    b = Builder()
    x = b.input("x", 1, 64)
    y = b.op("tanh", b.op("linear", x, b.constant("w", noise((64, 48), 0))))
    graph = b.done(b.op("linear", y, b.constant("v", noise((48, 5), 1))))
    facts = compile_step(step_of(graph), graph, "fp32").facts
    row = json.loads(json.dumps(facts["memory_plan"]))
    assert len(row["actions"]) == len(row["live_bytes"]) > 1
    assert max(row["live_bytes"]) == facts["peak_live_bytes"]
    assert row["scratch"]
    for one, other in combinations(row["scratch"], 2):
        apart = one[1] + one[2] <= other[1] or other[1] + other[2] <= one[1]
        assert apart or one[4] <= other[3] or other[4] <= one[3], (one, other)
    for _, at, nbytes, first, last in row["scratch"]:
        assert 0 <= first <= last < len(row["actions"])
        assert at + nbytes <= facts["scratch_bytes"]


def test_steps_of_a_bundle_are_told_apart() -> None:
    lines = explained(["step: encoder", "fuse: a", "step: joiner", "fuse: b"])
    assert [line for line in lines if line.startswith("step ")] == ["step encoder", "step joiner"]
    assert lines.count("    a") == lines.count("    b") == 1
    assert sum(line.startswith("found nothing") for line in lines) == 2
