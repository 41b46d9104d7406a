"""More state after training: the same function at first, and more that can be learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.gru import GRU
from edgernn.cells.mhssm import MultiHeadSSM
from edgernn.cells.ssm import SSM
from edgernn.errors import ModelError, ShapeError
from edgernn.layers.linear import Linear
from edgernn.state import nbytes
from edgernn.state_expansion import expand_states
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming


def warmed(unit: Streaming) -> Streaming:
    """A unit that is no longer as it began."""
    with torch.no_grad():
        for parameter in unit.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return unit


UNITS = {
    "SSM": lambda: SSM(6, 3, dt=(0.02, 0.5)),
    "MultiHeadSSM": lambda: MultiHeadSSM(8, 4, width=3, states=2, dt=(0.1, 0.5)),
}


@pytest.mark.parametrize("name", UNITS)
def test_a_state_space_is_the_same_function_with_a_larger_state(name: str) -> None:
    unit = warmed(UNITS[name]())
    expanded = expand_states(unit, 4)
    assert nbytes(expanded.initial_state(1)) == 4 * nbytes(unit.initial_state(1))
    x = torch.randn(2, 90, 6 if name == "SSM" else 8)
    torch.testing.assert_close(expanded(x), unit(x), atol=1e-5, rtol=1e-5)
    check_streaming(expanded)


@pytest.mark.parametrize("name", UNITS)
def test_the_new_states_learn(name: str) -> None:
    expanded = expand_states(warmed(UNITS[name]()), 2)
    (unit,) = (part for part in expanded.modules() if isinstance(part, SSM))
    x = torch.randn(1, 40, 6 if name == "SSM" else 8)
    expanded(x).square().sum().backward()
    assert unit.mix.grad is not None
    assert (unit.mix.grad[:, unit.states // 2 :].abs() > 0).all()


def test_weights_are_those_of_a_unit_built_so_large() -> None:
    expanded = expand_states(warmed(SSM(6, 3)), 2)
    twin = SSM(6, 6)
    twin.load_state_dict(expanded.state_dict())
    x = torch.randn(1, 30, 6)
    assert torch.equal(twin(x), expanded(x))


def test_more_states_fit_what_fewer_cannot() -> None:
    """Echoes of two delays: an expanded unit that is trained on leaves the trained one behind."""
    torch.manual_seed(0)

    def echoes(x: Tensor) -> Tensor:
        return sum((torch.roll(x, k, 1) * (torch.arange(64)[:, None] >= k) for k in (3, 7)), 0 * x)

    def fitted(unit: nn.Module, steps: int) -> float:
        optimizer = torch.optim.Adam(unit.parameters(), 0.01)
        for _ in range(steps):
            x = torch.randn(16, 64, 1)
            loss = (unit(x) - echoes(x)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    small = SSM(1, 2, dt=(0.2, 0.2))
    fitted(small, 150)
    large = expand_states(small, 8)
    assert fitted(large, 100) < 0.2 * fitted(small, 100)


def test_a_part_of_the_units_is_expanded_and_the_network_left_as_it_was() -> None:
    net = Sequential(**{f"layer{k}": SSM(4, 2) for k in range(4)}, head=Linear(4, 2))
    expanded = expand_states(net, 2, every=3)
    assert [expanded.layers[f"layer{k}"].states for k in range(4)] == [4, 2, 2, 4]
    assert {net.layers[f"layer{k}"].states for k in range(4)} == {2}


def test_what_cannot_hold_more_is_refused() -> None:
    with pytest.raises(ModelError, match="GRU: no unit whose state can be expanded; SSM and"):
        expand_states(GRU(4, 4), 2)
    with pytest.raises(ShapeError, match="a factor of 1 in every 1 units; need 2 and 1 at least"):
        expand_states(SSM(4, 2), 1)
