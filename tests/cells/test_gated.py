"""Gated cells compute what their papers write, and take nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.fastgrnn import FastGRNN
from edgernn.cells.fastrnn import FastRNN
from edgernn.cells.leaky import LeakyRNN
from edgernn.cells.lstm import LSTM
from edgernn.cells.lstm_variants import VARIANTS, PeepholeLSTM
from edgernn.cells.nas import NASCell
from edgernn.cells.rnn import RNN
from edgernn.cells.scrn import SCRN
from edgernn.errors import ShapeError, UnknownName
from edgernn.streaming import Streaming

H = 5
BLOCKS = {"z": 0, "i": 1, "f": 2, "o": 3}  # of the vanilla LSTM's rows


def noise(frames: int = 20, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, frames, channels, generator=generator, dtype=torch.float64)


def variant(name: str, like: PeepholeLSTM | None = None) -> PeepholeLSTM:
    """In double, its weights large; those of the gates that it has are another's."""
    torch.manual_seed(0)
    cell = PeepholeLSTM(3, H, name).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.mul_(6)
        for parameter in ("weight_ih", "weight_hh", "bias") if like else ():
            rows = [getattr(like, parameter).split(H)[BLOCKS[g]] for g in ("z", *cell.gates)]
            getattr(cell, parameter).copy_(torch.cat(rows))
        if like and name != "no_peepholes":
            own = [like.peepholes.split(H)[BLOCKS[g] - 1] for g in cell.gates]
            cell.peepholes.copy_(torch.cat(own))
    return cell


def saturated(gate: str) -> PeepholeLSTM:
    """The vanilla LSTM with a gate that is always 1."""
    cell = variant("vanilla")
    with torch.no_grad():
        cell.bias.split(H)[BLOCKS[gate]].fill_(1e4)
    return cell


@pytest.mark.parametrize(
    ("name", "gate"), [("no_input_gate", "i"), ("no_forget_gate", "f"), ("no_output_gate", "o")]
)
def test_without_a_gate_is_with_that_gate_open(name: str, gate: str) -> None:
    whole = saturated(gate)
    part = variant(name, whole)
    torch.testing.assert_close(part(noise()), whole(noise()))
    assert len(part.bias) == 3 * H


def test_without_peepholes_is_torchs_lstm() -> None:
    cell, theirs = variant("no_peepholes"), LSTM(3, H).double()
    order = [BLOCKS[g] for g in "ifzo"]
    with torch.no_grad():
        for mine, name in (("weight_ih", "weight_ih_l0"), ("weight_hh", "weight_hh_l0")):
            rows = getattr(cell, mine).split(H)
            getattr(theirs.rnn, name).copy_(torch.cat([rows[k] for k in order]))
        theirs.rnn.bias_ih_l0.copy_(torch.cat([cell.bias.split(H)[k] for k in order]))
        theirs.rnn.bias_hh_l0.zero_()
    torch.testing.assert_close(cell(noise()), theirs(noise()))
    with torch.no_grad():
        whole = variant("vanilla")
        whole.peepholes.zero_()
        torch.testing.assert_close(variant("no_peepholes", whole)(noise()), whole(noise()))


@pytest.mark.parametrize("name", ["no_input_activation", "no_output_activation"])
def test_without_an_activation_small_values_alone_are_the_same(name: str) -> None:
    whole = variant("vanilla")
    assert not torch.allclose(variant(name, whole)(noise()), whole(noise()), atol=1e-2)
    with torch.no_grad():
        for parameter in (whole.weight_ih, whole.weight_hh, whole.bias):
            parameter[:H] *= 1e-4
    y = whole(noise())
    assert y.abs().max() > 1e-6
    torch.testing.assert_close(variant(name, whole)(noise()), y, rtol=1e-4, atol=1e-10)


def test_coupled_gates_mix_and_never_add_up() -> None:
    with torch.no_grad():
        coupled, free = (variant(name) for name in ("coupled_gates", "no_forget_gate"))
        x, start = noise(300), torch.zeros(2, H, dtype=torch.float64)
        _, mixed = coupled.step(x, coupled.initial_state(2))
        _, added = free.step(x, free.initial_state(2))
    assert mixed.c.abs().max() <= 1 < added.c.abs().max()
    assert not torch.equal(mixed.c, start)


def test_gates_read_the_last_gates_alone_with_full_recurrence() -> None:
    whole = variant("vanilla")
    cell = variant("full_gate_recurrence", whole)
    assert not torch.allclose(cell(noise()), whole(noise()), atol=1e-2)
    _, state = cell.step(noise(1), cell.initial_state(2))
    first = torch.sigmoid(cell.bias[H : 2 * H] + noise(1)[:, 0] @ cell.weight_ih[H : 2 * H].T)
    torch.testing.assert_close(state.gates[:, :H], first)  # i, c having been 0
    with torch.no_grad():
        cell.weight_gg.zero_()
    torch.testing.assert_close(cell(noise()), whole(noise()))


def test_the_search_cell_is_its_tree() -> None:
    """One unit, by the scalars of the paper's figure."""
    torch.manual_seed(0)
    cell = NASCell(1, 1).double()
    with torch.no_grad():
        cell.bias.normal_()
    w, u, b = (p.flatten().tolist() for p in (cell.weight_ih, cell.weight_hh, cell.bias))
    h = c = 0.0
    for x, y in zip(noise(9, 1)[0].flatten().tolist(), cell(noise(9, 1))[0], strict=True):
        a, r = [w[k] * x + b[k] for k in range(8)], [u[k] * h for k in range(8)]
        on, off = (lambda v: 1 / (1 + math.exp(-v))), (lambda v: max(v, 0.0))
        left = math.tanh(math.tanh(on(a[0] + r[0]) * off(a[1] + r[1])) + c)
        c = left * math.tanh(on(a[2] + r[2]) + off(a[3] * r[3]))
        third = math.tanh(math.tanh(a[4] + r[4]) * on(a[5] + r[5]))
        fourth = on(math.tanh(a[6] + r[6]) + on(a[7] + r[7]))
        h = math.tanh(c * math.tanh(third + fourth))
        assert float(y.detach()) == pytest.approx(h, abs=1e-12)


def test_fast_rnn_is_elmans_without_its_residual_and_keeps_gradients_with_it() -> None:
    torch.manual_seed(0)
    fast, plain = FastRNN(3, H).double(), RNN(3, H).double()
    with torch.no_grad():
        plain.rnn.weight_ih_l0.copy_(fast.weight_ih)
        plain.rnn.weight_hh_l0.copy_(fast.weight_hh)
        plain.rnn.bias_ih_l0.copy_(fast.bias)
        plain.rnn.bias_hh_l0.zero_()

    def reach(cell: Streaming) -> float:
        x = noise(100).requires_grad_()
        return float(torch.autograd.grad(cell(x)[:, -1].sum(), x)[0][:, 0].abs().max())

    assert reach(fast) > 1e-5 > 1e-20 > reach(plain)
    with torch.no_grad():
        fast.alpha.fill_(50)
        fast.beta.fill_(-50)
    torch.testing.assert_close(fast(noise()), plain(noise()))


def test_fast_grnns_gate_holds_or_lets_in() -> None:
    torch.manual_seed(0)
    cell = FastGRNN(3, H).double()
    zeta, nu = torch.sigmoid(torch.tensor([1.0, -4.0], dtype=torch.float64))
    h = torch.rand(2, H, dtype=torch.float64)
    both = noise(1)[:, 0] @ cell.weight_ih.T + h @ cell.weight_hh.T
    new = torch.tanh(both + cell.bias[H:])
    start = cell.initial_state(2)._replace(h=h)
    for gate, want in ((1e4, h + nu * new), (-1e4, (zeta + nu) * new)):
        with torch.no_grad():
            cell.bias[:H] = gate
        torch.testing.assert_close(cell.step(noise(1), start)[0][:, 0], want)


def test_context_fades_by_alpha_whatever_was_learned_beside_it() -> None:
    torch.manual_seed(0)
    for learned in (False, True):
        cell = SCRN(3, H, 2, alpha=0.9, learned=learned).double()
        x = torch.zeros(1, 30, 3, dtype=torch.float64)
        x[:, 0] = 1
        context = cell(x)[0, :, H:]
        first = 0.1 * cell.weight_is.sum(1)
        want = first * 0.9 ** torch.arange(30, dtype=torch.float64)[:, None]
        torch.testing.assert_close(context, want)


def test_a_leaky_unit_fades_by_its_own_time_constant() -> None:
    torch.manual_seed(0)
    cell = LeakyRNN(3, H).double()
    times = torch.tensor([1.0, 2.0, 5.0, 20.0, 0.3], dtype=torch.float64)
    with torch.no_grad():
        cell.tau.copy_(times)
        cell.weight_hh.copy_(torch.diag(torch.ones(H)))  # which no unit reads
    start = cell.initial_state(1)._replace(h=torch.ones(1, H, dtype=torch.float64))
    y, _ = cell.step(torch.zeros(1, 8, 3, dtype=torch.float64), start)
    fade = 1 - 1 / times.clamp_min(1)
    torch.testing.assert_close(y[0], fade ** torch.arange(1.0, 9.0, dtype=torch.float64)[:, None])
    y[0, -1].sum().backward()
    assert (cell.tau.grad != 0).tolist() == [False, True, True, True, False]


REFUSED: dict[str, tuple[Callable[[], nn.Module], type[Exception], str]] = {
    "variant": (lambda: PeepholeLSTM(3, 4, "no_input"), UnknownName, "variant 'no_input'; did you"),
    "function": (lambda: FastRNN(3, 4, nonlinearity="gelu"), UnknownName, "nonlinearity 'gelu'"),
    "alpha": (lambda: SCRN(3, 4, 2, alpha=1.0), ShapeError, "SCRN: alpha 1; need 0 < alpha < 1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_built_is_named(case: str) -> None:
    build, error, line = REFUSED[case]
    with pytest.raises(error, match=line):
        build()


@pytest.mark.parametrize(
    "cell",
    [
        *(PeepholeLSTM(3, 4, name) for name in VARIANTS),
        *(build(3, 4) for build in (NASCell, FastRNN, FastGRNN, LeakyRNN)),
        SCRN(3, 4, 2),
    ],
    ids=lambda cell: getattr(cell, "variant", type(cell).__name__),
)
def test_another_width_is_named(cell: Streaming) -> None:
    name = type(cell).__name__
    with pytest.raises(ShapeError, match=rf"^{name}: x is \(1, 2, 5\); need \(batch, frames, 3\)$"):
        cell(torch.zeros(1, 2, 5))
