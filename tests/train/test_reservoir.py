"""A read-out fitted at once on what a cell gives, whose own weights stay."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from edgernn.cells.echo import EchoStateRNN
from edgernn.cells.gru import GRU
from edgernn.cells.rnn import RNN
from edgernn.errors import DataError, ShapeError
from edgernn.streaming import Delay, Sequential, Streaming, offline
from edgernn.testing import check_streaming
from edgernn.train.reservoir import fit_readout


def narma(frames: int, seed: int) -> tuple[Tensor, Tensor]:
    """NARMA of order 10: x (1, T, 1) and y (1, T, 1), which depends on ten frames of both."""
    u = torch.rand(frames, generator=torch.Generator().manual_seed(seed)).mul(0.5).tolist()
    y = [0.0] * 10
    for t in range(9, frames - 1):
        y.append(0.3 * y[t] + 0.05 * y[t] * sum(y[t - 9 :]) + 1.5 * u[t - 9] * u[t] + 0.1)
    return torch.tensor(u).reshape(1, -1, 1), torch.tensor(y).reshape(1, -1, 1)


def reservoir(units: int = 100) -> RNN:
    torch.manual_seed(0)
    cell = RNN(1, units)
    with torch.no_grad():
        recurrent = cell.rnn.weight_hh_l0
        recurrent.mul_(0.95 / torch.linalg.eigvals(recurrent).abs().max())
        cell.rnn.weight_ih_l0.uniform_(-0.5, 0.5)
    return cell


@torch.no_grad()
def error(model: Streaming, x: Tensor, y: Tensor, washout: int = 100) -> float:
    """Root mean square error, as a share of the deviation of y."""
    got, want = offline(model, x)[:, washout:], y[:, washout:]
    return float(((got - want).square().mean() / want.var()).sqrt())


def test_narma_is_followed_better_than_without_a_memory() -> None:
    cell, (x, y), held_out = reservoir(), narma(1500, 1), narma(700, 2)
    before = copy.deepcopy(cell.state_dict())
    model = Sequential(rnn=cell, head=fit_readout(cell, [(x, y)], washout=100))
    alone = fit_readout(Delay(0, 1), [(x, y)], washout=100)
    assert error(model, *held_out) < 0.6 < 0.9 < error(alone, *held_out)
    assert all(torch.equal(now, before[name]) for name, now in cell.state_dict().items())
    check_streaming(model, x[:, :13])


def test_it_is_the_minimum_that_is_said() -> None:
    """Against the gradient of the loss, from streams of unequal lengths."""
    torch.manual_seed(0)
    cell = GRU(3, 5).double().train()
    streams = [(torch.randn(2, n, 3).double(), torch.randn(2, n, 4).double()) for n in (9, 14)]
    head = fit_readout(cell, streams, ridge=0.1, washout=2)
    assert cell.training
    h = torch.cat([cell(x)[:, 2:].flatten(0, 1) for x, _ in streams])
    y = torch.cat([y[:, 2:].flatten(0, 1) for _, y in streams])
    loss = (head.linear(h) - y).square().sum(1).mean() + 0.1 * head.linear.weight.square().sum()
    for slope in torch.autograd.grad(loss, list(head.parameters())):
        assert slope.abs().max() < 1e-9


def test_a_cell_that_looks_ahead_is_fitted_on_what_its_frames_describe() -> None:
    torch.manual_seed(0)
    cell = EchoStateRNN(1, 30, lookahead=2)
    x = torch.randn(1, 600, 1)
    y = torch.cat([x[:, 2:], x[:, :2]], dim=1)  # the frame after the next one
    model = Sequential(rnn=cell, head=fit_readout(cell, [(x, y)], ridge=1e-9, washout=20))
    assert error(model, x[:, :-2], y[:, :-2], 20) < 0.2
    blind = EchoStateRNN(1, 30)
    model = Sequential(rnn=blind, head=fit_readout(blind, [(x, y)], ridge=1e-9, washout=20))
    assert error(model, x[:, :-2], y[:, :-2], 20) > 0.9


def test_what_cannot_be_fitted_is_named() -> None:
    cell, x = GRU(3, 5), torch.randn(2, 8, 3)
    y = torch.randn(2, 8, 4)
    with pytest.raises(ShapeError, match=r"^fit_readout: y is \(2, 7, 4\); need \(2, 8, 'any'\)$"):
        fit_readout(cell, [(x, y[:, 1:])])
    with pytest.raises(ShapeError, match=r"y is \(2, 8, 2\); need \(2, 8, 4\)"):
        fit_readout(cell, [(x, y), (x, y[..., :2])])
    with pytest.raises(ShapeError, match="ridge 0, washout 0; need > 0"):
        fit_readout(cell, [(x, y)], ridge=0)
    for streams, washout in (([], 0), ([(x, y)], 8), ([(x, y / 0)], 0)):
        with pytest.raises(DataError, match=f"no finite frames after a washout of {washout}"):
            fit_readout(cell, streams, washout=washout)
