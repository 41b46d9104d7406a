"""What was trained on a grid of integers is found on it again by the compiler."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgernn.compress.grid import Grid
from edgernn.compress.matrices import Matrix, matrices
from edgernn.compress.parametrized import attach, bake
from edgernn.graph.integer_weights import integer_weights

FORMS = [(8, 0), (4, 0), (4, 32), (2, 0), (2, 32)]


def _matrix(rows: int, cols: int) -> Matrix:
    torch.manual_seed(1)
    layer = nn.Linear(cols, rows)
    with torch.no_grad():
        layer.weight *= torch.logspace(-2, 1, rows)[:, None]
        layer.weight[0] = 0
    return matrices(layer)[0]


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(("bits", "chunk"), FORMS)
def test_rounded_weights_are_found_again_without_error(
    bits: int, chunk: int, learned: bool
) -> None:
    matrix = _matrix(24, 70)
    attach(matrix, Grid(matrix.weight, bits, chunk, learned=learned))
    bake(matrix.owner)
    rows = matrix.weight.detach().numpy().astype(np.float64)
    again = integer_weights(rows, bits, chunk)
    made = again.rows * again.scale[:, None] * again.gains_by_column()
    np.testing.assert_allclose(made, rows, atol=1e-6 * np.abs(rows).max())
    assert len(np.unique(again.rows)) <= 2**bits


def test_ternary_weights_need_two_bits_and_are_exact() -> None:
    matrix = _matrix(8, 40)
    attach(matrix, Grid(matrix.weight, 2, ternary=True))
    bake(matrix.owner)
    rows = matrix.weight.detach().numpy().astype(np.float64)
    assert all(len(np.unique(np.abs(row[row != 0]).round(6))) <= 1 for row in rows)
    again = integer_weights(rows, 2)
    np.testing.assert_allclose(again.rows * again.scale[:, None], rows, atol=1e-6)


def test_gradients_pass_through_rounding() -> None:
    matrix = _matrix(6, 10)
    attach(matrix, Grid(matrix.weight, 4))
    (matrix.weight * 3).sum().backward()
    assert torch.equal(matrix.original.grad, torch.full((6, 10), 3.0))


def test_learned_steps_lessen_the_loss_they_are_given() -> None:
    matrix = _matrix(6, 64)
    grid = Grid(matrix.weight, 2, learned=True)
    attach(matrix, grid)
    with torch.no_grad():
        grid.step *= 3  # far off
    wanted = matrix.original.detach().clone()
    optimizer = torch.optim.Adam([grid.step], lr=0.02)
    losses = []
    for _ in range(200):
        loss = ((matrix.weight - wanted) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2


def test_a_search_follows_the_weights() -> None:
    matrix = _matrix(6, 64)
    grid = Grid(matrix.weight, 4)
    with torch.no_grad():
        matrix.original.mul_(5)
    grid.search(matrix.original)
    assert torch.allclose(grid.step[1:], 5 * Grid(matrix.original / 5, 4).step[1:], rtol=1e-5)
