"""Units of linear recurrences compute what their papers write, and refuse what they cannot be."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.elstm import ELSTM
from edgernn.cells.hgrn import HGRN, HGRU
from edgernn.cells.indrnn import IndRNN
from edgernn.cells.lru import LRU, ComplexDecay
from edgernn.cells.mingru import MinGRU
from edgernn.cells.minlstm import MinLSTM
from edgernn.cells.qrnn import QRNN
from edgernn.cells.rglru import RGLRU
from edgernn.cells.sru import SRU
from edgernn.compress.units import Units
from edgernn.errors import EdgernnError, ShapeError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming

IN, H, T = 5, 4, 11


def frames(width: int = IN) -> Tensor:
    return torch.randn(2, T, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def agrees(cell: Streaming, ys: list[Tensor], x: Tensor) -> None:
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-9, rtol=1e-9)


def log_space(fade: Tensor, values: Tensor) -> Tensor:
    """The paper's parallel form: h from logarithms of a (B, T, H) and of b > 0, h before it 0."""
    total = fade.cumsum(1)
    return torch.exp(total + torch.logcumsumexp(values - total, dim=1))


def log_g(v: Tensor) -> Tensor:
    return torch.where(v >= 0, (F.relu(v) + 0.5).log(), -F.softplus(-v))


def test_min_gru_is_the_papers_log_space_form() -> None:
    cell, x = MinGRU(IN, H).double(), frames()
    k, new = cell.gates.linear(x).chunk(2, -1)
    want = log_space(-F.softplus(k), -F.softplus(-k) + log_g(new))
    torch.testing.assert_close(cell(x), want)


def test_min_lstm_is_the_papers_log_space_form() -> None:
    cell, x = MinLSTM(IN, H).double(), frames()
    f, i, new = cell.gates.linear(x).chunk(3, -1)
    apart = F.softplus(-f) - F.softplus(-i)
    want = log_space(-F.softplus(apart), -F.softplus(-apart) + log_g(new))
    torch.testing.assert_close(cell(x), want)


def test_min_lstm_with_both_gates_shut_is_no_nan() -> None:
    cell = MinLSTM(IN, H)
    torch.nn.init.constant_(cell.gates.linear.bias, -1e4)
    assert cell(frames().float()).isfinite().all()


@pytest.mark.parametrize("width", [H, IN])
def test_an_sru_is_its_formula(width: int) -> None:
    cell, x, c, ys = SRU(IN, width, highway_bias=-0.5).double(), frames(), 0.0, []
    w_u, w_f, w_r, *skip = cell.gates.linear.weight.split(width)
    (v_f, v_r), (b_f, b_r) = cell.peepholes.chunk(2), cell.bias.chunk(2)
    for now in x.unbind(1):
        f = torch.sigmoid(now @ w_f.T + v_f * c + b_f)
        r = torch.sigmoid(now @ w_r.T + v_r * c + b_r)
        c = f * c + (1 - f) * (now @ w_u.T)
        past = now @ skip[0].T if skip else math.sqrt(1 + 2 * math.exp(-0.5)) * now
        ys.append(r * c + (1 - r) * past)
    agrees(cell, ys, x)


def test_an_ifo_pooled_qrnn_is_its_formula() -> None:
    cell, x, c, ys = QRNN(IN, H, kernel_size=3, pooling="ifo").double(), frames(), 0.0, []
    conv = cell.window.conv
    padded = F.pad(x.transpose(1, 2), (2, 0))
    for made in F.conv1d(padded, conv.weight, conv.bias).unbind(2):
        z, f, o, i = made.chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * z.tanh()
        ys.append(o.sigmoid() * c)
    agrees(cell, ys, x)


def test_an_ind_rnn_is_its_formula_and_keeps_its_limit() -> None:
    cell, x, h, ys = IndRNN(IN, H, limit=0.5).double(), frames(), torch.zeros(2, H), []
    torch.nn.init.constant_(cell.own, 3.0)
    for now in x.unbind(1):
        h = torch.relu(cell.input.linear(now) + 0.5 * h)
        ys.append(h)
    agrees(cell, ys, x)


@pytest.mark.parametrize("stable", ["exp", "best"])
def test_an_lru_is_its_formula(stable: str) -> None:
    cell, x, ys = LRU(IN, H, stable=stable).double(), frames(), []
    own = cell.recurrence
    w = own.decay
    size = torch.exp(-torch.exp(w)) if stable == "exp" else 1 - 1 / (w * w + 0.5)
    turn = torch.polar(size, own.log_angle.exp())
    b = torch.complex(*cell.input.linear.weight.chunk(2))
    re, minus_im = cell.output.linear.weight.chunk(2, 1)
    h = torch.zeros(2, H, dtype=torch.complex128)
    for now in x.unbind(1):
        h = turn * h + own.log_gain.exp() * (now.to(b) @ b.T)
        ys.append((h @ torch.complex(re, -minus_im).T).real + cell.skip * now)
    agrees(cell, ys, x)


@pytest.mark.parametrize("stable", ["exp", "best"])
def test_states_of_an_lru_begin_on_their_ring(stable: str) -> None:
    torch.manual_seed(0)
    cell = ComplexDecay(2000, radius=(0.6, 0.9), stable=stable)
    state = cell.initial_state(1)._replace(re=torch.ones(1, 2000))
    _, after = cell.step(torch.zeros(1, 1, 4000), state)
    size = torch.hypot(after.re, after.im).detach()
    assert 0.6 - 1e-5 <= float(size.min()) < 0.63
    assert 0.88 < float(size.max()) <= 0.9 + 1e-5
    torch.testing.assert_close(
        cell.log_gain.exp().detach(), (1 - size[0] ** 2).sqrt(), atol=1e-4, rtol=1e-4
    )


def test_the_best_reparametrisation_stays_stable_and_its_gradient_in_proportion() -> None:
    """d lambda / dw over (1 - lambda)^2 |w| is one constant: 2; of "exp" it grows without end."""
    w = torch.tensor([0.8, 3.0, 30.0, 300.0], dtype=torch.float64, requires_grad=True)
    size = 1 - 1 / (w * w + 0.5)
    (slope,) = torch.autograd.grad(size.sum(), w)
    torch.testing.assert_close(slope / ((1 - size) ** 2 * w), torch.full_like(w, 2.0))
    cell = ComplexDecay(4, stable="best").double()
    with torch.no_grad():
        cell.decay.copy_(w)
    y, _ = cell.step(torch.ones(1, 3000, 8, dtype=torch.float64), cell.initial_state(1))
    assert y.isfinite().all()


def test_an_rg_lru_is_its_formula_and_begins_between_its_radii() -> None:
    cell, x, h, ys = RGLRU(IN).double(), frames(), torch.zeros(2, IN), []
    fade = torch.sigmoid(cell.decay.detach()) ** 8
    assert 0.9 - 1e-6 < float(fade.min()) < float(fade.max()) < 0.999 + 1e-6
    for now in x.unbind(1):
        r, i = cell.gates.linear(now).sigmoid().chunk(2, 1)
        a = torch.sigmoid(cell.decay) ** (8 * r)
        h = a * h + torch.sqrt(1 - a * a) * i * now
        ys.append(h)
    agrees(cell, ys, x)


def test_an_hgrn_is_its_formula() -> None:
    cell, x, ys = HGRN(IN, H, floor=0.3).double(), frames(), []
    h = torch.zeros(2, H, dtype=torch.complex128)
    phase = torch.polar(torch.ones(H, dtype=torch.float64), cell.recurrence.theta)
    for now in x.unbind(1):
        m, re, im, gate = cell.input.linear(now).split([H, H, H, 2 * H], dim=1)
        keep = 0.3 + 0.7 * m.sigmoid()
        h = keep * phase * h + (1 - keep) * torch.complex(F.silu(re), F.silu(im))
        ys.append(
            cell.output.linear(cell.norm.norm(gate.sigmoid() * torch.cat([h.real, h.imag], 1)))
        )
    agrees(cell, ys, x)


def test_the_online_gradient_of_an_elstm_is_that_of_all_frames() -> None:
    torch.manual_seed(0)
    cell, x = ELSTM(IN, H).double(), frames()
    wanted = torch.randn(2, T, H, dtype=torch.float64)
    (cell(x) - wanted).square().sum().backward()
    through_time = {name: p.grad for name, p in cell.named_parameters()}
    cell.zero_grad()
    state, traces, ys = cell.initial_state(2), cell.initial_traces(2), []
    for t in range(T):
        target = wanted[:, t : t + 1]
        y, state, traces = cell.learn(
            x[:, t : t + 1], state, traces, lambda y, target=target: (y - target).square().sum()
        )
        ys.append(y)
    torch.testing.assert_close(torch.cat(ys, dim=1), cell(x).detach())
    for name, parameter in cell.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, through_time[name], msg=name)
        assert parameter.grad.abs().max() > 1e-3


UNITS: dict[str, Any] = {
    "mingru": lambda: MinGRU(8, 6),
    "minlstm": lambda: MinLSTM(8, 6),
    "sru": lambda: SRU(8, 6),
    "qrnn": lambda: QRNN(8, 6, pooling="ifo"),
    "indrnn": lambda: IndRNN(8, 6),
}


@pytest.mark.parametrize("name", UNITS)
def test_units_go_from_the_gates_by_the_layout(name: str) -> None:
    net = Sequential(rnn=UNITS[name](), head=Linear(6, 3)).eval()
    Units({"rnn": 4}).apply(net)
    assert (net.rnn.hidden_size, net.head.linear.in_features) == (4, 4)
    check_streaming(net)


@pytest.mark.parametrize(("layer", "inner"), [("lru", LRU(8, 6)), ("hgrn", HGRN(8, 6))])
def test_complex_states_go_with_both_their_parts(layer: str, inner: Streaming) -> None:
    net = Sequential(**{layer: inner}, head=Linear(8, 3)).eval()
    Units({f"{layer}.recurrence": 4}).apply(net)
    assert net.initial_state(1)[layer].re.shape == (1, 4)
    check_streaming(net)


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: QRNN(8, 6, pooling="of"), UnknownName, "unknown pooling 'of'; did you mean"),
    (lambda: IndRNN(8, 6, limit=0.0), ShapeError, "a limit of 0; need one above 0"),
    (lambda: IndRNN(8, 6, nonlinearity="rel"), UnknownName, "did you mean relu"),
    (lambda: LRU(8, 0), ShapeError, "0 states; need at least 1"),
    (lambda: LRU(8, radius=(0.5, 1.5)), ShapeError, "radius 0.5 to 1.5; need 0 <= low < high <= 1"),
    (lambda: LRU(8, most_angle=0.0), ShapeError, "most_angle 0; need one above 0"),
    (lambda: LRU(8, stable="bst"), UnknownName, "did you mean best"),
    (lambda: RGLRU(8, radius=(0.9, 1.0)), ShapeError, "radius 0.9 to 1; need 0 < low < high < 1"),
    (lambda: HGRN(8, floor=1.0), ShapeError, "a floor of 1; need one of at least 0 and below 1"),
    (lambda: HGRU(0), ShapeError, "0 states; need at least 1"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()
