"""Recurrences that are not linear, solved at once, are the loop that they replace."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from edgernn.cells.paragru import ParaGRU
from edgernn.cells.paralstm import ParaLSTM
from edgernn.compress.units import Units
from edgernn.layers.linear import Linear
from edgernn.scans import newton
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming

IN, H, T = 5, 4, 40
UNITS: dict[str, Any] = {"paragru": ParaGRU, "paralstm": ParaLSTM}


def frames(width: int = IN, count: int = T) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, count, width, dtype=torch.float64, generator=random)


def unit(name: str, *sizes: int, stronger: float = 1.0) -> Streaming:
    torch.manual_seed(0)
    cell: Streaming = UNITS[name](*sizes).double()
    with torch.no_grad():
        cell.get_parameter("own").mul_(stronger)
    return cell


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """As many items as there were rounds of Newton's method."""
    seen: list[None] = []
    plain = newton._linearised

    def counted(*given: Any) -> Any:
        seen.append(None)
        return plain(*given)

    monkeypatch.setattr(newton, "_linearised", counted)
    return seen


def test_a_para_gru_is_its_formula() -> None:
    cell, x, h, ys = unit("paragru", IN, H), frames(), torch.zeros(2, H).double(), []
    (w_z, w_r, w_n), (b_z, b_r, b_n) = (
        cell.gates.linear.weight.split(H),
        cell.gates.linear.bias.split(H),
    )
    u_z, u_r, u_n = cell.own.split(H)
    for now in x.unbind(1):
        z = torch.sigmoid(now @ w_z.T + b_z + u_z * h)
        r = torch.sigmoid(now @ w_r.T + b_r + u_r * h)
        h = (1 - z) * h + z * torch.tanh(now @ w_n.T + b_n + u_n * (r * h))
        ys.append(h)
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-12, rtol=1e-12)


def test_a_para_lstm_is_its_formula() -> None:
    cell, x, ys = unit("paralstm", IN, H), frames(), []
    c = h = torch.zeros(2, H).double()
    (w_f, w_o, w_n), (b_f, b_o, b_n) = (
        cell.gates.linear.weight.split(H),
        cell.gates.linear.bias.split(H),
    )
    (u_f, u_o, u_n), (p_f, p_o) = cell.own.split(H), cell.peepholes.split(H)
    for now in x.unbind(1):
        f = torch.sigmoid(now @ w_f.T + b_f + u_f * h + p_f * c)
        c = f * c + (1 - f) * torch.tanh(now @ w_n.T + b_n + u_n * h)
        o = torch.sigmoid(now @ w_o.T + b_o + u_o * h + p_o * c)
        h = o * torch.tanh(c)
        ys.append(h)
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("name", UNITS)
def test_a_few_rounds_solve_hundreds_of_frames(name: str, rounds: list[None]) -> None:
    """The paper trains with three, in float32; we go on until nothing is left to correct."""
    cell, x = unit(name, 32, 32).float(), frames(32, 512).float()
    with torch.no_grad():
        cell(x)
    assert 2 <= len(rounds) <= 6


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("allowed", [0, 1, newton.ROUNDS])
def test_the_loop_is_what_is_computed_however_many_rounds_there_may_be(
    name: str, allowed: int, monkeypatch: pytest.MonkeyPatch, rounds: list[None]
) -> None:
    monkeypatch.setattr(newton, "ROUNDS", allowed)
    check_streaming(unit(name, IN, H, stronger=6.0), frames(count=16), atol=1e-11)
    assert bool(rounds) == bool(allowed)


@pytest.mark.parametrize("name", UNITS)
def test_units_go_by_the_layout(name: str) -> None:
    net = Sequential(rnn=UNITS[name](8, 6), head=Linear(6, 3)).eval()
    Units({"rnn": 4}).apply(net)
    assert (net.rnn.hidden_size, net.head.linear.in_features) == (4, 4)
    check_streaming(net)


@pytest.mark.parametrize("name", UNITS)
def test_it_is_solved_where_no_gradients_are_kept(name: str) -> None:
    cell, x = unit(name, IN, H), frames()
    wanted = cell(x).detach()
    for without in (torch.no_grad, torch.inference_mode):
        with without():
            assert torch.equal(cell(x), wanted), without
