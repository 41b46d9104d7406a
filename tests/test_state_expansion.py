"""More state after training: the same function at first, and more that can be learned."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from edgernn.cells.gru import GRU
from edgernn.cells.hgrn2 import HGRN2
from edgernn.cells.mamba import Mamba
from edgernn.cells.mamba2 import Mamba2
from edgernn.cells.mhssm import MultiHeadSSM
from edgernn.cells.retnet import RetNet
from edgernn.cells.ssm import SSM
from edgernn.errors import ModelError, ShapeError
from edgernn.layers.linear import Linear
from edgernn.state import named_leaves, nbytes
from edgernn.state_expansion import expand_states
from edgernn.streaming import Sequential, Streaming
from edgernn.testing import check_streaming


def warmed(unit: Streaming) -> Streaming:
    """A unit that is no longer as it began."""
    with torch.no_grad():
        for parameter in unit.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return unit


SAME = {  # the same function at first
    "SSM": lambda: SSM(8, 3, dt=(0.02, 0.5)),
    "MultiHeadSSM": lambda: MultiHeadSSM(8, 4, width=3, states=2, dt=(0.1, 0.5)),
    "Mamba": lambda: Mamba(8, 3, kernel_size=2),
    "Mamba2": lambda: Mamba2(8, 2, states=3),
}
MERGED = {  # heads become one: as if built so, with the same weights
    "RetNet": (lambda: RetNet(16, 4), lambda: RetNet(16, 4, merged=4)),
    "HGRN2": (lambda: HGRN2(8, 4, expand=3), lambda: HGRN2(8, 1, expand=12)),
}
TOLD = {  # by what each unit tells its states, and where the new ones lie in it
    SSM: lambda unit, old: unit.mix.grad[:, old:],
    Mamba: lambda unit, old: unit.choose.linear.weight.grad[-old:],
    Mamba2: lambda unit, old: unit.input.linear.weight.grad[-unit.heads - old : -unit.heads],
}


@pytest.mark.parametrize("name", SAME)
def test_a_state_space_is_the_same_function_with_a_larger_state(name: str) -> None:
    unit = warmed(SAME[name]())
    expanded = expand_states(unit, 4)
    leaves, wider = (named_leaves(one.initial_state(1)) for one in (unit, expanded))
    for leaf in ("re", "h", "memory"):
        assert leaf not in leaves or wider[leaf].numel() == 4 * leaves[leaf].numel()
    assert nbytes(expanded.initial_state(1)) > 2 * nbytes(unit.initial_state(1))
    x = torch.randn(2, 90, 8)
    torch.testing.assert_close(expanded(x), unit(x), atol=1e-5, rtol=1e-5)
    check_streaming(expanded)


@pytest.mark.parametrize("name", SAME)
def test_the_new_states_learn(name: str) -> None:
    expanded = expand_states(warmed(SAME[name]()), 2)
    (unit,) = (part for part in expanded.modules() if type(part) in TOLD)
    expanded(torch.randn(1, 40, 8)).square().sum().backward()
    gradient = TOLD[type(unit)](unit, unit.states // 2)
    assert (gradient.abs() > 0).all()


@pytest.mark.parametrize("name", MERGED)
def test_heads_of_linear_attention_become_one_with_no_further_weight(name: str) -> None:
    build, built = MERGED[name]
    unit = warmed(build())
    expanded = expand_states(unit, 4)
    memory, wider = (one.initial_state(1).memory for one in (unit, expanded))
    assert (memory.shape[1], wider.shape[1]) == (4, 1)
    assert wider.numel() == 4 * memory.numel()
    assert unit.state_dict().keys() == expanded.state_dict().keys()
    twin = built()
    twin.load_state_dict(expanded.state_dict())
    x = torch.randn(2, 70, memory.shape[1] * 4 if name == "RetNet" else 8)
    torch.testing.assert_close(twin(x), expanded(x))
    assert (expanded(x) - unit(x)).abs().max() > 1e-3  # heads hear one another now
    check_streaming(expanded)
    with pytest.raises(ShapeError, match=f"{name}: 3 heads to one do not divide 4"):
        expand_states(unit, 3)


def test_a_merged_head_asks_all_its_keys_for_all_its_values() -> None:
    """RetNet's memory, frame by frame in float64: keys of four heads at their own rates."""
    unit = expand_states(warmed(RetNet(16, 4)), 4).double()
    x = torch.randn(1, 9, 16, dtype=torch.float64)
    made = unit.input.step(x, ())[0]
    turned, _ = unit.rotary.step(made[..., :32], unit.rotary.initial_state(1))
    rates = (1 - 2.0 ** (-5 - torch.arange(4, dtype=torch.float64))).repeat_interleave(4)
    memory, heard = torch.zeros(16, 32, dtype=torch.float64), []
    for q, k, v in zip(turned[0, :, :16], turned[0, :, 16:] / 2, made[0, :, 32:64], strict=True):
        memory = rates[:, None] * memory + torch.outer(k, v)
        heard.append(q @ memory)
    _, state = unit.step(x, unit.initial_state(1))
    torch.testing.assert_close(state.memory[0, 0], memory, atol=1e-6, rtol=1e-6)
    y = unit.norm.step(torch.stack(heard)[None], ())[0] * torch.nn.functional.silu(made[..., 64:])
    torch.testing.assert_close(unit(x), unit.output.step(y, ())[0], atol=1e-6, rtol=1e-6)


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
    with pytest.raises(ModelError, match="GRU: no unit whose state can be expanded; those of"):
        expand_states(GRU(4, 4), 2)
    with pytest.raises(ShapeError, match="a factor of 1 in every 1 units; need 2 and 1 at least"):
        expand_states(SSM(4, 2), 1)
