"""Each matrix gets the bits that hold it; products behind one hold get the same."""

from __future__ import annotations

import numpy as np

from edgernn.backend import Array
from edgernn.graph.calibrate import calibrate
from edgernn.graph.integer_weights import integer_weights
from edgernn.graph.ir import Graph
from edgernn.graph.number_type import find_number_type
from edgernn.graph.passes import quantize

from ..compiled import Builder, noise


def _on_grid(shape: tuple[int, int], bits: int, chunk: int = 0) -> Array:
    made = integer_weights(noise(shape).astype(np.float64), bits, chunk)
    weight = made.rows * made.gains_by_column() * made.scale[:, None]
    return np.asarray(weight, np.float32)


def _bits(graph: Graph, name: str) -> dict[str, int]:
    frames = [{"x": noise((1, 40))} for _ in range(4)]
    made = quantize.run(graph, calibrate(graph, frames), find_number_type(name)).graph
    assert all(np.isfinite(array).all() for array in made.constants.values())
    return {n.name: n.attrs["bits"] for n in made.nodes if "bits" in n.attrs}


def _two(first: Array, second: Array, *, held: bool) -> Graph:
    b = Builder()
    x = b.input("x", 1, 40)
    moved = x
    if held:
        moved = b.op(
            "hold", x, b.state("held", np.zeros((1, 40), np.float32)), threshold=0.1, block=1
        )
    outs = [b.op("linear", moved, b.constant(f"w{i}", w)) for i, w in enumerate((first, second))]
    return b.done(*outs, **({"held": moved} if held else {}))


def test_mixed_gives_each_matrix_the_fewest_bits_that_hold_it() -> None:
    graph = _two(_on_grid((6, 40), 2), _on_grid((6, 40), 4, 32), held=False)
    assert sorted(_bits(graph, "mixed").values()) == [2, 4]
    assert sorted(_bits(graph, "w8a8").values()) == [8, 8]


def test_mixed_keeps_eight_bits_where_fewer_would_lose() -> None:
    graph = _two(_on_grid((6, 40), 2), noise((6, 40)), held=False)
    assert sorted(_bits(graph, "mixed").values()) == [2, 8]


def test_products_behind_one_hold_share_a_form() -> None:
    graph = _two(_on_grid((6, 40), 2), _on_grid((6, 40), 4), held=True)
    assert set(_bits(graph, "mixed").values()) == {4}


def test_a_single_row_keeps_eight_bits_unless_it_was_trained_for_fewer() -> None:
    graph = _two(noise((6, 40)), noise((1, 40), 1), held=False)
    assert list(_bits(graph, "w4a8").values()) == [4, 8]
    assert list(_bits(graph, "w2a8-row").values()) == [2, 8]
    trained = _two(noise((6, 40)), _on_grid((1, 40), 4, 32), held=False)
    assert list(_bits(trained, "w4a8").values()) == [4, 4]
    assert list(_bits(trained, "w8a8").values()) == [8, 8]


def test_a_single_row_does_not_widen_what_reads_the_same_hold() -> None:
    graph = _two(noise((6, 40)), noise((1, 40), 1), held=True)
    assert set(_bits(graph, "w4a8").values()) == {4}
    fine = _two(_on_grid((6, 40), 2), noise((1, 40), 1), held=True)
    assert set(_bits(fine, "mixed").values()) == {8}
    alone = _two(noise((1, 40)), noise((1, 40), 1), held=True)
    assert set(_bits(alone, "w4a8").values()) == {8}
