"""Masks, choices and holds in C, to the bit of numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference

from ..compiled import Builder, assert_same_bits, compiled, noise, step_of, streamed

pytestmark = pytest.mark.cc


def held(channels: int, block: int, rows: int = 1, threshold: float = 0.7) -> Graph:
    b = Builder()
    x, h = b.input("x", rows, channels), b.state("h", noise((rows, channels)))
    new = b.op("hold", x, h, threshold=threshold, block=block)
    return b.done(b.op("sub", x, new), h=new)


def masks() -> Graph:
    """Comparisons with itself, a column and a number, and choices by them."""
    b = Builder()
    x, h = b.input("x", 3, 4), b.state("h", noise((3, 4)))
    column = b.constant("column", noise((3, 1), 1))
    above = b.op("greater", x, column)
    least = b.op("greater_equal", h, x)
    both = b.op("mul", above, least)
    new = b.op("where", both, b.constant("five", np.array(-5.0)), x)
    wide = b.op("where", b.op("greater", column, b.constant("zero", np.array(0.0))), new, h)
    return b.done(b.op("add", wide, least), h=new)


def spread_choice() -> Graph:
    """A mask and one side with fewer elements than the result."""
    b = Builder()
    x, row = b.input("x", 3, 4), b.constant("row", noise((4,), 2))
    first = b.op("slice", x, bounds=((0, 3, 1), (0, 1, 1)))
    mask = b.op("greater", first, b.constant("half", np.array(0.5)))
    return b.done(b.op("where", mask, row, x))


GRAPHS: dict[str, Callable[[], Graph]] = {
    "elements": lambda: held(9, 1),
    "blocks": lambda: held(8, 4),
    "blocks_and_rest": lambda: held(7, 4),
    "rest_alone": lambda: held(3, 4),
    "rows_of_blocks": lambda: held(6, 4, rows=3),
    "rows_of_elements": lambda: held(6, 1, rows=3),
    "all_that_changes": lambda: held(5, 1, threshold=0.0),
    "masks": masks,
    "spread_choice": spread_choice,
}


def frames(graph: Graph) -> list[dict[str, Array]]:
    """A random walk in which some frames repeat the one before, and one is not finite."""
    shape = graph.values["x"].shape
    walk = [noise(shape)]
    for t in range(1, 40):
        walk.append(walk[-1] + np.float32(0.4 * (t % 5 > 0)) * noise(shape, t))
    walk[17] = np.where(noise(shape, 99) > 0, np.float32(np.nan), walk[17])
    return [{"x": frame} for frame in walk]


@pytest.mark.parametrize("name", GRAPHS)
def test_c_gives_numpy_s_bits(name: str) -> None:
    graph = GRAPHS[name]()
    got, want = (
        streamed(run, frames(graph)) for run in (compiled(step_of(graph), graph), Reference(graph))
    )
    for t, (a, b) in enumerate(zip(got[0], want[0], strict=True)):
        assert_same_bits(np.isnan(a), np.isnan(b), f"NaN of step {t}")
        assert_same_bits(np.nan_to_num(a), np.nan_to_num(b), f"output of step {t}")
    for t, (mine, theirs) in enumerate(zip(got[1], want[1], strict=True)):
        for leaf in theirs:
            np.testing.assert_array_equal(mine[leaf], theirs[leaf], f"{leaf} after step {t}")


@pytest.mark.parametrize("block", [1, 4])
def test_what_is_held_moves_in_part(block: int) -> None:
    """The streams above tell the forms apart: a part of the elements is refreshed."""
    graph = held(8, block)
    _, states = streamed(Reference(graph), frames(graph))
    leaves = np.stack([state["h"] for state in states])
    assert 0.1 < np.mean(leaves[1:] != leaves[:-1]) < 0.9
