"""Softmax and layer norm in C, over rows of every width."""

from __future__ import annotations

import numpy as np
import pytest

from edgernn.backend import Array
from edgernn.graph.ir import Graph
from edgernn.graph.reference import Reference

from ..compiled import Builder, compiled, noise, step_of, streamed

pytestmark = pytest.mark.cc
SHAPES = [(1,), (7,), (1, 8), (3, 1), (2, 9), (2, 3, 17), (1, 2, 2, 64), (5, 31)]


def softmax(*shape: int, turned: bool = False) -> Graph:
    b = Builder()
    x = b.input("x", *shape)
    if turned:
        x = b.op("transpose", x, perm=tuple(range(len(shape)))[::-1])
    return b.done(b.op("softmax", x))


def layernorm(*shape: int, turned: bool = False, eps: float = 1e-5) -> Graph:
    b = Builder()
    x = b.input("x", *shape)
    if turned:
        x = b.op("transpose", x, perm=tuple(range(len(shape)))[::-1])
        shape = shape[::-1]
    gain, bias = (b.constant(name, noise(shape[-1:], k)) for k, name in enumerate(("g", "b")))
    return b.done(b.op("layernorm", x, gain, bias, eps=eps))


def both(graph: Graph, x: Array) -> tuple[Array, Array]:
    frames = [{"x": x}]
    runs = (compiled(step_of(graph), graph), Reference(graph))
    got, want = (streamed(run, frames)[0][0] for run in runs)
    return got, want


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("form", [softmax, layernorm], ids=lambda f: f.__name__)
def test_rows_of_every_width_equal_numpy(form: type, shape: tuple[int, ...]) -> None:
    for turned in (False, True):
        graph = form(*shape, turned=turned)
        got, want = both(graph, 3 * noise(shape) + 1)
        np.testing.assert_allclose(got, want, atol=2e-6, rtol=2e-6)


def test_softmax_of_far_and_equal_numbers() -> None:
    x = np.array([[1e30, -1e30, 1e30], [-1e30, -1e30, -1e30], [88, -88, 0]], np.float32)
    got, _ = both(softmax(3, 3), x)
    np.testing.assert_allclose(got, [[0.5, 0, 0.5], [1 / 3] * 3, [1, 0, 0]], atol=1e-7)


@pytest.mark.parametrize("offset", [0.0, 30.0, 3000.0])
def test_layer_norm_keeps_its_places_far_from_zero(offset: float) -> None:
    x = (noise((4, 256)) + np.float32(offset)).astype(np.float32)
    got, want = both(layernorm(4, 256), x)
    places = np.float32(offset + 4)
    assert np.abs(got - want).max() < 2e-6 + 4 * np.spacing(places)


def test_layer_norm_of_a_constant_row_is_its_bias() -> None:
    got, _ = both(layernorm(2, 8), np.full((2, 8), 7.25, np.float32))
    np.testing.assert_array_equal(got, np.stack([noise((8,), 1)] * 2))


def test_layer_norm_s_floor_is_its_own() -> None:
    x = noise((2, 8))
    for eps in (1e-5, 0.5):
        got, want = both(layernorm(2, 8, eps=eps), x)
        np.testing.assert_allclose(got, want, atol=2e-6)
    first, second = (both(layernorm(2, 8, eps=eps), x)[0] for eps in (1e-5, 0.5))
    assert np.abs(first - second).max() > 0.01
