"""What papers prove of their units: lengths kept, bounds held, beginnings forgotten."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.assembly import StableAssembly
from edgernn.cells.convex import ConvexLipschitzRNN
from edgernn.cells.echo import EchoStateRNN
from edgernn.cells.rnn import RNN, RNNState
from edgernn.cells.unitary import UnitaryRNN, UnitaryState
from edgernn.cells.wave import WaveRNN
from edgernn.errors import ShapeError, TimingError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming, offline
from edgernn.train.reservoir import fit_readout

DOUBLE = torch.float64


def noise(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def wild(cell: nn.Module, deviation: float) -> nn.Module:
    """Weights as no beginning has them, in double."""
    with torch.no_grad():
        for seed, parameter in enumerate(cell.double().parameters()):
            if parameter.requires_grad:
                parameter.copy_(noise(*parameter.shape, seed=seed) * deviation)
    return cell


def length(state: UnitaryState) -> float:
    return float(torch.stack(list(state)).square().sum().sqrt())


def test_a_unitary_state_keeps_its_length_over_ten_thousand_frames() -> None:
    torch.manual_seed(0)
    cell = UnitaryRNN(2, 4, rotations=3).requires_grad_(False)  # with its matrix, as in training
    state = UnitaryState(torch.randn(1, 4), torch.randn(1, 4))
    _, after = cell.step(torch.zeros(1, 10_000, 2), state)
    assert length(after) == pytest.approx(length(state), rel=1e-3)
    assert (after.re - state.re).abs().max() > 0.1
    for _ in range(300):  # by rotations, as on a device
        _, after = cell.step(torch.zeros(1, 1, 2), after)
    assert length(after) == pytest.approx(length(state), rel=1e-3)
    cell.bias.fill_(-0.1)  # what modReLU takes off
    assert length(cell.step(torch.zeros(1, 100, 2), state)[1]) < 0.1 * length(state)


def test_gradients_through_a_unitary_recurrence_neither_fade_nor_grow() -> None:
    torch.manual_seed(0)
    cell, elman = UnitaryRNN(2, 6).double(), RNN(2, 12).double()
    x, parts = noise(1, 300, 2), [noise(1, 6, seed=k).requires_grad_() for k in (2, 3)]
    with torch.no_grad():
        x *= 0  # so that modReLU passes all on as it is
    y, _ = cell.step(x, UnitaryState(*parts))
    wanted = noise(12, seed=4)
    got = torch.cat(torch.autograd.grad(y[0, -1] @ wanted, parts), dim=1)
    assert float(got.norm() / wanted.norm()) == pytest.approx(1, rel=1e-6)
    h = noise(1, 12, seed=2).requires_grad_()
    y, _ = elman.step(x, RNNState(h))
    assert torch.autograd.grad(y[0, -1] @ wanted, h)[0].norm() < 1e-6


def recalled(cell: Streaming, frames_ago: int) -> float:
    """Share of the variance of an input so many frames ago that a read-out explains."""
    x, late = noise(1, 1200, 1), slice(100, None)
    y = torch.cat([torch.zeros(1, frames_ago, 1), x[:, : x.shape[1] - frames_ago]], dim=1)
    x, y = (x.relu(), y.relu()) if isinstance(cell, WaveRNN) else (x, y)
    head = fit_readout(cell.double(), [(x[:, :800], y[:, :800])], ridge=1e-9, washout=100)
    with torch.no_grad():
        error = Sequential(rnn=cell, head=head)(x)[:, 800:] - y[:, 800:]
    return 1 - float(error.var() / y[:, late].var())


def test_a_wave_carries_every_input_around_its_ring_once() -> None:
    torch.manual_seed(0)
    wave = WaveRNN(1, 24)
    with torch.no_grad():
        wave.weight_hh.mul_(0.7)  # so that an input that has been around is faint
        pulse = torch.zeros(1, 5, 1)
        pulse[:, 0] = 1
        heard = wave(pulse)[0]
    assert heard.argmax(dim=1).tolist() == [0, 1, 2, 3, 4]
    assert recalled(wave, 20) > 0.9
    assert recalled(WaveRNN(1, 24, scattered=True), 20) < 0.5
    assert recalled(RNN(1, 24), 20) < 0.5


def test_a_unitary_rnn_learns_what_was_sixty_frames_ago_where_elmans_gradient_vanishes() -> None:
    def model(build: Callable[[], Streaming]) -> Sequential:
        torch.manual_seed(1)
        cell = build()
        return Sequential(rnn=cell, head=Linear(cell(torch.zeros(1, 1, 1)).shape[2], 1))

    def felt(net: Sequential) -> float:
        first = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(first)[:, -1].sum(), first)
        return float(gradient[:, 0].abs().max())

    x = torch.zeros(2, 61, 1)
    x[:, 0, 0] = torch.tensor([1.0, -1.0])
    unitary = model(lambda: UnitaryRNN(1, 16))
    assert felt(unitary) > 0.01 > 1e-9 > felt(model(lambda: RNN(1, 32)))
    optimizer = torch.optim.Adam(unitary.parameters(), lr=0.02)
    for _ in range(40):
        loss = nn.functional.soft_margin_loss(unitary(x)[:, -1, 0], x[:, 0, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.3


def test_two_states_under_one_input_meet_as_fast_as_said() -> None:
    cell = wild(EchoStateRNN(3, 10, past=1, nonlinearity="tanh", fade=0.9), 2.0)
    assert isinstance(cell, EchoStateRNN)
    free = RNN(3, 10).double()
    with torch.no_grad():
        free.rnn.weight_hh_l0.copy_(cell.weight_hh)
        x, start = 0.1 * noise(4, 60, 3), cell.initial_state(4)
        other = {**start, "rnn": start["rnn"]._replace(h=noise(4, 10).tanh())}
        ys = [cell.step(x, state)[0] for state in (start, other)]
        apart = (ys[0] - ys[1]).abs().amax(dim=(0, 2))
        bound = 0.9 ** torch.arange(1.0, 61.0) * other["rnn"].h.abs().max()
        assert (apart <= bound).all()
        assert apart[-1] < 2e-3
        free_ys = [
            free.step(x, RNNState(h))[0] for h in (torch.zeros(4, 10).double(), other["rnn"].h)
        ]
        assert (free_ys[0] - free_ys[1])[:, -1].abs().max() > 0.1


def test_the_window_reads_frames_to_come_and_small_weights_are_left_alone() -> None:
    cell = wild(EchoStateRNN(2, 4, past=1, lookahead=2), 0.1)
    assert isinstance(cell, EchoStateRNN)
    x, h, ys = noise(1, 12, 2), torch.zeros(1, 4, dtype=DOUBLE), []
    padded = torch.cat([torch.zeros(1, 1, 2), x, torch.zeros(1, 2, 2)], dim=1)
    for t in range(12):  # the formula, no scaling
        window = torch.einsum("btc,oct->bo", padded[:, t : t + 4], cell.window.conv.weight)
        h = torch.sigmoid(window + cell.window.conv.bias + h @ cell.weight_hh.T)
        ys.append(h)
    assert cell.timing.delay == 2
    # frames before the first are of no input, but are seen: what follows has forgotten them
    got = offline(cell, x)
    torch.testing.assert_close(got[:, 4:], torch.stack(ys, dim=1)[:, 4:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lipschitz", [1.0, 0.7])
@torch.no_grad()
def test_outputs_are_convex_rising_and_within_the_bound(lipschitz: float) -> None:
    cell = wild(ConvexLipschitzRNN(3, 8, lipschitz=lipschitz), 3.0)
    a, b = noise(200, 12, 3), noise(200, 12, 3, seed=2)
    middle, ends = cell((a + b) / 2), (cell(a) + cell(b)) / 2
    assert (middle <= ends + 1e-9).all()
    assert (middle < ends - 1e-3).any()
    assert (cell(a + b.abs()) >= cell(a) - 1e-9).all()
    moved, apart = (a - b).norm(dim=2), (cell(a) - cell(b)).norm(dim=2)
    bound = torch.zeros(200, dtype=DOUBLE)
    for t in range(12):
        bound = lipschitz * (bound + moved[:, t])
        assert (apart[:, t] <= bound + 1e-9).all()
    for name in ("weight_ih", "weight_hh"):
        assert torch.linalg.matrix_norm(cell.bounded(name), 2) <= lipschitz + 1e-9  # type: ignore[operator]
        assert torch.linalg.matrix_norm(getattr(cell, name), 2) > 3


def test_elmans_network_of_the_same_weights_is_not_convex_nor_within() -> None:
    cell, free = wild(ConvexLipschitzRNN(3, 8), 3.0), RNN(3, 8, nonlinearity="relu").double()
    with torch.no_grad():
        free.rnn.weight_ih_l0.copy_(cell.weight_ih)  # type: ignore[arg-type]
        free.rnn.weight_hh_l0.copy_(cell.weight_hh)  # type: ignore[arg-type]
        a, b = noise(200, 12, 3), noise(200, 12, 3, seed=2)
        assert (free((a + b) / 2) > (free(a) + free(b)) / 2 + 1e-3).any()
        assert ((free(a) - free(b)).norm(dim=2) > (a - b).norm(dim=2).cumsum(1)).any()


def assembly(feedback: float) -> StableAssembly:
    torch.manual_seed(0)
    cell = StableAssembly(2, 6, 3, density=0.4).double()
    with torch.no_grad():
        cell.feedback.copy_(noise(*cell.feedback.shape) * feedback)
    return cell


def rate(cell: StableAssembly, joined: Tensor) -> float:
    """How fast two states part at most in the metric, whichever units fire; below 0: they meet."""
    root = cell.metric.sqrt()
    inner = torch.block_diag(*cell.inner.split(cell.width))
    rates = []
    for fires in (
        torch.rand(50, len(root), generator=torch.Generator().manual_seed(0)) < 0.5
    ).double():
        jacobian = inner * fires - torch.eye(len(root)) + joined
        seen = root[:, None] * jacobian / root
        rates.append(torch.linalg.eigvalsh((seen + seen.T) / 2).max())
    return float(torch.stack(rates).max())


@torch.no_grad()
def test_an_assembly_contracts_whatever_its_feedback() -> None:
    for feedback in (0.0, 1.0, 30.0):
        cell = assembly(feedback)
        assert rate(cell, cell.joined()) < 0
    cell = assembly(1.0)
    assert rate(cell, cell.joined().abs()) > 0  # feedback that is not skew


@torch.no_grad()
def test_states_of_an_assembly_meet_and_of_networks_joined_otherwise_part() -> None:
    cell = assembly(0.3)
    x, starts = noise(1, 500, 2), [noise(1, 18, seed=k) for k in (3, 4)]

    def apart() -> float:
        ends = [cell.step(x, cell.initial_state(1)._replace(h=h))[1].h for h in starts]
        return float((ends[0] - ends[1]).norm() / (starts[0] - starts[1]).norm())

    assert apart() < 1e-2
    joined = cell.joined()
    cell.joined = lambda: joined.abs()  # type: ignore[method-assign]
    assert apart() > 1


REFUSED: dict[str, tuple[Callable[[], nn.Module], type[Exception], str]] = {
    "odd": (lambda: UnitaryRNN(3, 5), ShapeError, "2 rotations of 5 units"),
    "none": (lambda: UnitaryRNN(3, 4, 0), ShapeError, "0 rotations of 4 units"),
    "even kernel": (lambda: WaveRNN(3, 6, kernel_size=4), ShapeError, "a kernel of 4 on 6 places"),
    "short ring": (lambda: WaveRNN(3, 3, kernel_size=5), ShapeError, "a kernel of 5 on 3 places"),
    "fade": (lambda: EchoStateRNN(3, 4, fade=1.0), ShapeError, "fade 1 and past 0; need 0 < fade"),
    "look-ahead": (lambda: EchoStateRNN(3, 4, past=2, lookahead=-1), TimingError, "lookahead -1"),
    "function": (lambda: EchoStateRNN(3, 4, nonlinearity="relu"), UnknownName, "'relu'"),
    "bound": (lambda: ConvexLipschitzRNN(3, 4, lipschitz=0), ShapeError, "lipschitz 0; need it"),
    "alone": (lambda: StableAssembly(3, 4, 1), ShapeError, "1 networks of 4 units; need 2 of 1"),
    "dense": (lambda: StableAssembly(3, 4, 2, density=0), ShapeError, "density 0 and dt 0.03"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_built_is_named(case: str) -> None:
    build, error, line = REFUSED[case]
    with pytest.raises(error, match=line):
        build()


@pytest.mark.parametrize(
    "cell",
    [
        *(build(3, 4) for build in (UnitaryRNN, WaveRNN, EchoStateRNN, ConvexLipschitzRNN)),
        StableAssembly(3, 2, 2),
    ],
    ids=lambda cell: type(cell).__name__,
)
def test_another_width_is_named(cell: Streaming) -> None:
    name = type(cell).__name__
    with pytest.raises(ShapeError, match=rf"^{name}: x is \(1, 2, 5\); need \(batch, frames, 3\)$"):
        cell(torch.zeros(1, 2, 5))
