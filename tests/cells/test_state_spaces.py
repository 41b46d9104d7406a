"""State spaces compute what their papers write, and refuse what they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.dss import DSS, skew_rates
from edgernn.cells.gss import GSS
from edgernn.cells.liquid import LiquidS4
from edgernn.cells.lssl import LSSL, legs
from edgernn.cells.mamba import Mamba
from edgernn.cells.ssm import SSM
from edgernn.compress.units import Units
from edgernn.errors import ContractError, EdgernnError, ShapeError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.state_expansion import expand_states
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming

C, N, T = 4, 3, 90  # more frames than are computed at once
DT = (0.05, 0.3)


def frames(width: int = C, count: int = T) -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, count, width, dtype=torch.float64, generator=random)


def seeded(build: Any) -> Any:
    torch.manual_seed(0)
    return build().double()


def rates(cell: SSM) -> tuple[Tensor, Tensor, Tensor]:
    """Exp(dt a), (exp(dt a) - 1) / a and c of each state, complex (C, N)."""
    a = torch.complex(-cell.get_parameter("log_decay").exp(), cell.frequency).expand(
        cell.channels, -1
    )
    turn = torch.exp(cell.log_dt.exp()[:, None] * a)
    return turn, (turn - 1) / a, torch.view_as_complex(cell.mix.detach().contiguous())


def convolved(x: Tensor, kernel: Tensor) -> Tensor:
    """Causal convolution of each channel: x (B, T, C), kernel (C, T)."""
    ys = [(x[:, : t + 1].flip(1) * kernel.T[: t + 1]).sum(1) for t in range(x.shape[1])]
    return torch.stack(ys, dim=1)


def powers(turn: Tensor, count: int = T) -> Tensor:
    return turn[..., None] ** torch.arange(count)


def test_a_dss_is_a_convolution_with_the_papers_kernel() -> None:
    cell, x = seeded(lambda: DSS(C, N, dt=DT)), frames()
    turn, rise, c = rates(cell)
    kernel = (2 * c * rise)[..., None] * powers(turn)  # its weights w are 2 c
    want = convolved(x, kernel.real.sum(1)) + cell.skip * x
    torch.testing.assert_close(cell(x), want, atol=1e-9, rtol=1e-9)


def test_skew_rates_are_those_of_hippo() -> None:
    """HiPPO-LegS and a rank of one are normal: its eigenvalues are -1/2 and the rates beside it."""
    n = torch.arange(8, dtype=torch.float64)
    legs = -torch.outer((2 * n + 1).sqrt(), (2 * n + 1).sqrt()).tril(-1) - torch.diag(n + 1)
    found = torch.linalg.eigvals(legs + torch.outer((n + 0.5).sqrt(), (n + 0.5).sqrt()))
    torch.testing.assert_close(found.real, torch.full_like(found.real, -0.5))
    torch.testing.assert_close(found.imag.sort(descending=True).values[:4].float(), skew_rates(4))


def test_a_gss_is_its_formula() -> None:
    cell, x, ys = seeded(lambda: GSS(C, N, width=2)), frames(count=9), []
    turn, rise, c = rates(cell.ssm)
    s = torch.zeros(2, 2, N, dtype=torch.complex128)
    for now in x.unbind(1):
        n = F.layer_norm(now, (C,))
        u = F.layer_norm(F.gelu(cell.input.linear(n)), (2,))
        s = turn * s + u[..., None]
        mixed = 2 * (c * rise * s).real.sum(-1) + cell.ssm.skip * u
        gated = cell.spread.linear(mixed) * F.gelu(cell.gate.linear(n))
        ys.append(now + cell.output.linear(gated))
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-9, rtol=1e-9)


def liquid(kernel: str, order: int) -> LiquidS4:
    cell = seeded(lambda: LiquidS4(C, N, kernel=kernel, order=order, dt=DT))
    with torch.no_grad():
        cell.take.normal_(generator=torch.Generator().manual_seed(3))
    return cell


@pytest.mark.parametrize("kernel", ["pb", "kb"])
def test_a_liquid_s4_is_a_convolution_of_products_of_inputs(kernel: str) -> None:
    cell, x = liquid(kernel, 3), frames()
    turn, rise, c = rates(cell)
    b = rise * torch.view_as_complex(cell.take.detach())
    want, product = cell.skip * x, torch.ones_like(x)
    for p in (1, 2, 3):
        product = product * F.pad(x, (0, 0, p - 1, 0))[:, :T]
        mix = 2 * c * b**p
        memory = powers(turn) if p == 1 or kernel == "kb" else (torch.arange(T) == 0).double()
        want = want + convolved(product, (mix[..., None] * memory).real.sum(1))
    torch.testing.assert_close(cell(x), want, atol=1e-9, rtol=1e-9)


def test_a_liquid_s4_is_the_recurrence_that_hears_its_input_twice() -> None:
    """Of two frames in a row its kernel leaves nothing out of s' = (exp(dt a) + b u) s + b u."""
    cell, x, ys = liquid("kb", 2), frames(count=20), []
    x[:, 2:] = 0
    turn, rise, c = rates(cell)
    b = rise * torch.view_as_complex(cell.take.detach())
    s = torch.zeros(2, C, N, dtype=torch.complex128)
    for u in x[..., None].unbind(1):
        s = (turn + b * u) * s + b * u
        ys.append(2 * (c * s).real.sum(-1) + cell.skip * u[..., 0])
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-12, rtol=1e-9)
    plain = seeded(lambda: LiquidS4(C, N, dt=DT))(x)
    assert (plain - cell(x)).abs().max() > 1e-3


def test_the_best_reparametrisation_is_the_same_filter_by_another_weight() -> None:
    plain, best = (seeded(lambda s=s: SSM(C, N, dt=DT, stable=s)) for s in ("exp", "best"))
    x = frames()
    torch.testing.assert_close(plain(x), best(x))
    with torch.no_grad():
        plain.log_decay.fill_(-9.0)
        best.slowness.copy_((1 / plain.log_decay.exp() - 0.5).sqrt())
    torch.testing.assert_close(plain(x), best(x))


def test_an_lssl_is_its_formula_by_the_bilinear_rule() -> None:
    cell, x, ys = seeded(lambda: LSSL(C, N, dt=(0.2, 0.2))), frames(), []
    a, b = legs(N)
    torch.testing.assert_close(a[1:, 0], -b[1:])
    torch.testing.assert_close(a.diagonal(), -torch.arange(1.0, N + 1, dtype=a.dtype))
    back, onward = torch.eye(N) - 0.1 * a, torch.eye(N) + 0.1 * a
    s = torch.zeros(2, C, N, dtype=torch.float64)
    for u in x.unbind(1):
        s = (s @ onward.T + 0.2 * b * u[..., None]) @ back.inverse().T
        ys.append((cell.mix * s).sum(-1) + cell.skip * u)
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-5, rtol=1e-5)


def test_what_an_lssl_remembers_of_a_frame_are_legendre_polynomials() -> None:
    """The reply of HiPPO-LegS, time t after an impulse, is e^-t P_n(2 e^-t - 1) sqrt(2 n + 1)."""
    cell = LSSL(1, 4, dt=(0.01, 0.01))
    x = torch.zeros(1, 200, 1)
    x[:, 0] = 100.0  # of area 1
    state, found = cell.initial_state(1), []
    for now in x.split(1, dim=1):
        state = cell.step(now, state)[1]
        found.append(state.s[0, 0])
    e = torch.exp(-0.01 * (torch.arange(200) + 0.5))
    v = 2 * e - 1
    polynomials = torch.stack([torch.ones(200), v, 1.5 * v**2 - 0.5, 2.5 * v**3 - 1.5 * v], dim=1)
    want = e[:, None] * polynomials * torch.sqrt(2 * torch.arange(4.0) + 1)
    torch.testing.assert_close(torch.stack(found), want, atol=2e-2, rtol=0.0)


def test_a_mamba_is_its_formula() -> None:
    cell, x = seeded(lambda: Mamba(C, N, rank=2, dt=DT)), frames(count=12)
    inner, ys = 2 * C, []
    h = torch.zeros(2, inner, N, dtype=torch.float64)
    u, z = (x @ cell.input.linear.weight.T).split(inner, dim=-1)
    heard = F.pad(u, (0, 0, 3, 0)).unfold(1, 4, 1)  # (B, T, E, taps)
    for t in range(x.shape[1]):
        v = F.silu((heard[:, t] * cell.window.conv.weight[:, 0]).sum(-1) + cell.window.conv.bias)
        d, b, c = (v @ cell.choose.linear.weight.T).split([2, N, N], dim=-1)
        dt = torch.log1p(torch.exp(cell.pace.linear(d)))[..., None]
        h = torch.exp(-dt * cell.log_decay.exp()) * h + dt * v[..., None] * b[:, None]
        told = torch.einsum("ben,bn->be", h, c) + cell.skip * v
        ys.append((told * F.silu(z[:, t])) @ cell.output.linear.weight.T)
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-9, rtol=1e-9)


def test_a_mamba_begins_at_paces_within_its_range() -> None:
    torch.manual_seed(0)
    begun = F.softplus(Mamba(64, dt=(0.01, 0.5)).pace.linear.bias.detach())
    assert 0.01 - 1e-6 <= float(begun.min()) < 0.02
    assert 0.4 < float(begun.max()) <= 0.5 + 1e-6


STATES: dict[str, Any] = {
    "ssm_best": lambda: SSM(8, 4, stable="best"),
    "dss": lambda: DSS(8, 4),
    "liquid": lambda: LiquidS4(8, 4),
    "liquid_kb": lambda: LiquidS4(8, 4, kernel="kb"),
}


@pytest.mark.parametrize("name", STATES)
def test_states_go_from_all_channels_by_the_layout(name: str) -> None:
    net = Sequential(ssm=STATES[name](), head=Linear(8, 3)).eval()
    Units({"ssm": 2}).apply(net)
    assert net.initial_state(1)["ssm"].re.shape[2] == 2
    check_streaming(net)


@pytest.mark.parametrize("name", STATES)
def test_states_that_come_later_change_nothing_until_they_learn(name: str) -> None:
    small, x = STATES[name]().double(), frames(8)
    large = expand_states(small, 2)
    assert large.initial_state(1).re.shape[2] == 8
    torch.testing.assert_close(large(x), small(x))


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: SSM(8, stable="bst"), UnknownName, "did you mean best"),
    (lambda: DSS(8, 0), ShapeError, "DSS: 8 channels of 0 states; need at least 1"),
    (lambda: DSS(8, begin="skw"), UnknownName, "did you mean skew"),
    (lambda: LSSL(8, 0), ShapeError, "LSSL: 8 channels of 0 states; need at least 1"),
    (lambda: LSSL(8, dt=(0.0, 0.1)), ShapeError, "dt from 0 to 0.1; need 0 < low <= high"),
    (lambda: GSS(8, expand=0), ShapeError, "expand 0 must each be at least 1"),
    (lambda: LiquidS4(8, order=1), ShapeError, "products of 1 inputs; need an order of at least 2"),
    (lambda: LiquidS4(8, kernel="bp"), UnknownName, "unknown kernel 'bp'"),
    (lambda: Mamba(8, 0), ShapeError, "states 0, expand 2 and rank 1 must each be at least 1"),
    (lambda: Mamba(8, dt=(0.2, 0.1)), ShapeError, "dt from 0.2 to 0.1; need 0 < low <= high"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()


ALL: dict[str, Any] = STATES | {
    "gss": lambda: GSS(8),
    "lssl": lambda: LSSL(8),
    "mamba": lambda: Mamba(8),
}


@pytest.mark.parametrize("name", ALL)
def test_wrong_widths_and_weights_that_are_no_numbers_are_one_line(name: str) -> None:
    unit: Streaming = ALL[name]()
    with pytest.raises(ShapeError, match=r": x is \(1, 3, 9\); need \(batch, frames, 8\)"):
        unit(torch.zeros(1, 3, 9))
    next(unit.parameters()).data.fill_(float("nan"))
    with pytest.raises(ContractError, match="output frame 0 is not finite"):
        check_streaming(unit, torch.randn(2, 8, 8))
