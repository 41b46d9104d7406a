"""Cells hold torch's weights under torch's names and give torch's numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.gru import GRU, GRUState
from edgernn.cells.lstm import LSTM, LSTMState
from edgernn.cells.rnn import RNN, RNNState
from edgernn.errors import ShapeError, TimingError, UnknownName
from edgernn.streaming import Streaming

PAIRS: dict[str, tuple[Streaming, nn.RNNBase]] = {
    "gru": (GRU(5, 7), nn.GRU(5, 7, batch_first=True)),
    "gru_no_bias": (GRU(5, 7, bias=False), nn.GRU(5, 7, bias=False, batch_first=True)),
    "lstm": (LSTM(5, 7), nn.LSTM(5, 7, batch_first=True)),
    "lstm_projected": (
        LSTM(5, 7, proj_size=3),
        nn.LSTM(5, 7, proj_size=3, batch_first=True),
    ),
    "rnn_tanh": (RNN(5, 7), nn.RNN(5, 7, batch_first=True)),
    "rnn_relu": (
        RNN(5, 7, nonlinearity="relu"),
        nn.RNN(5, 7, nonlinearity="relu", batch_first=True),
    ),
}


def frame_by_frame(cell: Streaming, x: Tensor, state: Any) -> tuple[Tensor, Any]:
    ys = []
    for t in range(x.shape[1]):
        y, state = cell.step(x[:, t : t + 1], state)
        ys.append(y)
    return torch.cat(ys, dim=1), state


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", PAIRS)
def test_cell_equals_torch_given_its_state_dict(name: str) -> None:
    cell, theirs = PAIRS[name]
    cell.load_state_dict({f"rnn.{key}": value for key, value in theirs.state_dict().items()})
    x = torch.randn(3, 20, 5)
    want, last = theirs(x)
    hs = [h.squeeze(0) for h in (last if isinstance(last, tuple) else (last,))]
    for run in (cell.step, lambda *a: frame_by_frame(cell, *a)):
        y, state = run(x, cell.initial_state(3))
        torch.testing.assert_close(y, want, atol=1e-6, rtol=1e-5)
        for got, h in zip(state, hs, strict=True):
            torch.testing.assert_close(got, h, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_warm_state_goes_in_and_comes_out(name: str) -> None:
    cell, _ = PAIRS[name]
    state = type(cell.initial_state(2))(*(torch.randn_like(s) for s in cell.initial_state(2)))
    x = torch.randn(2, 6, 5)
    whole, after = cell.step(x, state)
    apart, after_apart = frame_by_frame(cell, x, state)
    torch.testing.assert_close(whole, apart, atol=1e-6, rtol=1e-5)
    for a, b in zip(after, after_apart, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)
    assert not torch.allclose(whole, cell(x))


def test_reset_before_is_the_paper_s_equation() -> None:
    cell = GRU(5, 7, reset_after=False)
    x, h = torch.randn(2, 1, 5), torch.randn(2, 7)
    w_ih, w_hh, b_ih, b_hh = cell.rnn.all_weights[0]
    wr, wz, wn = w_ih.split(7)
    ur, uz, un = w_hh.split(7)
    cr, cz, cn = (b_ih + b_hh).split(7)
    frame = x[:, 0]
    r = torch.sigmoid(frame @ wr.T + h @ ur.T + cr)
    z = torch.sigmoid(frame @ wz.T + h @ uz.T + cz)
    n = torch.tanh(frame @ wn.T + (r * h) @ un.T + cn)
    want = (1 - z) * n + z * h
    y, after = cell.step(x, GRUState(h))
    torch.testing.assert_close(after.h, want)
    torch.testing.assert_close(y[:, 0], want)


def test_the_two_reset_forms_differ() -> None:
    after, before = GRU(5, 7), GRU(5, 7, reset_after=False)
    before.load_state_dict(after.state_dict())
    x = torch.randn(2, 9, 5)
    assert (after(x) - before(x)).abs().max() > 1e-3


def test_projected_state_has_the_projected_width() -> None:
    state = LSTM(5, 7, proj_size=3).initial_state(2)
    assert isinstance(state, LSTMState)
    assert (tuple(state.h.shape), tuple(state.c.shape)) == ((2, 3), (2, 7))


def test_weights_changed_by_a_parametrization_are_the_ones_used() -> None:
    class Halve(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            return weight / 2

    cell, plain = GRU(5, 7), GRU(5, 7)
    plain.load_state_dict(cell.state_dict())
    with torch.no_grad():
        plain.rnn.weight_hh_l0 /= 2
    nn.utils.parametrize.register_parametrization(cell.rnn, "weight_hh_l0", Halve())
    x = torch.randn(2, 6, 5)
    torch.testing.assert_close(cell(x), plain(x))


@pytest.mark.parametrize("cell", [GRU(5, 7), LSTM(5, 7), RNN(5, 7)], ids=["GRU", "LSTM", "RNN"])
def test_input_of_another_width_is_refused(cell: Streaming) -> None:
    name = type(cell).__name__
    with pytest.raises(ShapeError, match=rf"{name}: x is \(1, 3, 4\); need \(batch, frames, 5\)"):
        cell(torch.zeros(1, 3, 4))
    with pytest.raises(ShapeError, match=rf"{name}: x is \(3, 5\)"):
        cell(torch.zeros(3, 5))
    with pytest.raises(TimingError, match=rf"{name}: 0 frames"):
        cell(torch.zeros(1, 0, 5))


def test_a_projection_must_be_narrower_than_the_cell() -> None:
    with pytest.raises(ShapeError, match="proj_size 7 must be 0"):
        LSTM(5, 7, proj_size=7)


def test_an_unknown_nonlinearity_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="unknown nonlinearity 'tahn'; did you mean tanh"):
        RNN(5, 7, nonlinearity="tahn")


def test_state_types_say_their_leaves() -> None:
    assert (GRUState._fields, LSTMState._fields, RNNState._fields) == (("h",), ("h", "c"), ("h",))
