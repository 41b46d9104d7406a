"""Gates in few bits: their levels, their gradients, and that a cell with them still streams."""

from __future__ import annotations

import copy

import pytest
import torch

from edgernn.cells.gru import GRU
from edgernn.cells.lstm import LSTM
from edgernn.cells.rnn import RNN
from edgernn.errors import ShapeError, UnknownName
from edgernn.layers.ramp import Exact, Ramp, RampFunctions
from edgernn.streaming import Streaming
from edgernn.testing import check_streaming

CELLS: dict[str, Streaming] = {
    "rnn": RNN(5, 7),
    "gru": GRU(5, 7),
    "gru_reset_before": GRU(5, 7, reset_after=False),
    "gru_delta": GRU(5, 7, threshold=0.1),
    "lstm": LSTM(5, 7),
    "lstm_projected": LSTM(5, 7, proj_size=3),
}


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
def test_levels_are_even_and_each_is_the_nearest(bits: int) -> None:
    x, ramp = torch.linspace(-12, 12, 100_001), RampFunctions(bits)
    for name, steps, count in (
        ("sigmoid", 2**bits - 1, 2**bits),
        ("tanh", 2 ** (bits - 1) - 1, 2**bits - 1),
    ):
        y = getattr(ramp, name)(x)
        levels = y.unique()
        assert len(levels) == count
        torch.testing.assert_close(levels * steps, (levels * steps).round(), atol=5e-5, rtol=0)
        assert (y - getattr(torch, name)(x)).abs().max() <= 0.5 / steps + 1e-6
        assert float(levels[-1]) == pytest.approx(1, abs=1e-6)
    assert ramp.tanh(torch.zeros(1)) == 0
    torch.testing.assert_close(ramp.tanh(-x), -ramp.tanh(x), atol=0, rtol=0)


def test_gradients_are_those_of_the_function_and_values_the_same_as_without() -> None:
    ramp = RampFunctions(4)
    for name in ("sigmoid", "tanh"):
        x = torch.randn(200, requires_grad=True)
        y = getattr(ramp, name)(x)
        (got,) = torch.autograd.grad(y.sum(), x)
        (want,) = torch.autograd.grad(getattr(torch, name)(x).sum(), x)
        assert torch.equal(got, want)
        with torch.no_grad():
            assert torch.equal(y, getattr(ramp, name)(x))


def test_noise_moves_levels_in_training_alone_and_follows_torch_s_seed() -> None:
    ramp, x = RampFunctions(5, noise=1.0), torch.randn(1000, requires_grad=True)
    quiet = RampFunctions(5).tanh(x)
    torch.manual_seed(0)
    one = ramp.tanh(x)
    torch.manual_seed(0)
    assert torch.equal(one, ramp.tanh(x))
    assert not torch.equal(one, ramp.tanh(x))
    moved = (one - quiet).detach().abs() * 15
    assert 0.3 < float(moved.mean()) < 1.2
    assert one.abs().max() <= 1
    assert ramp.sigmoid(x).min() >= 0
    assert torch.equal(ramp.eval().tanh(x), quiet)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_with_levels_obeys_the_law_and_keeps_its_state_dict(name: str) -> None:
    cell = copy.deepcopy(CELLS[name]).eval()
    assert isinstance(cell.functions, Exact)
    exact, names = cell(torch.ones(1, 4, 5)), list(cell.state_dict())
    cell.functions = RampFunctions(3)
    assert list(cell.state_dict()) == names
    check_streaming(cell, torch.randn(2, 12, 5))
    y = cell(torch.ones(1, 4, 5))
    assert not torch.equal(y, exact)
    if name == "rnn":
        torch.testing.assert_close(y * 3, (y * 3).round())
    y.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in cell.parameters())


def test_with_eight_bits_a_cell_is_nearly_exact() -> None:
    cell, x = copy.deepcopy(CELLS["gru"]), torch.randn(4, 30, 5)
    exact = cell(x)
    cell.functions = RampFunctions(8)
    assert 0 < (cell(x) - exact).abs().max() < 0.02


def test_other_bits_noise_and_functions_are_refused() -> None:
    for bits in (1, 9):
        with pytest.raises(ShapeError, match=f"ramp: {bits} bits; need 2 to 8"):
            RampFunctions(bits)
    with pytest.raises(ShapeError, match="noise -1 must be finite"):
        RampFunctions(5, noise=-1)
    with pytest.raises(UnknownName, match="unknown ramp 'relu'"):
        Ramp("relu", 5)
