"""Units whose matrix state is corrected as it is written: formulas, what they recall, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.deltanet import DeltaNet, dpfp
from edgernn.cells.lattice import Lattice
from edgernn.errors import EdgernnError, ShapeError, UnknownName
from edgernn.layers.linear import Linear
from edgernn.streaming import Sequential, Streaming

C, T = 8, 21
KEYS, VALUES, PAIRS = 4, 6, 12


def frames(width: int = C) -> Tensor:
    noise = torch.Generator().manual_seed(1)
    return torch.randn(2, T, width, dtype=torch.float64, generator=noise)


def agrees(unit: Streaming, x: Tensor, want: Tensor) -> None:
    torch.testing.assert_close(unit(x), want, atol=1e-9, rtol=1e-9)


def rewritten(batch: int, noise: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pairs of keys and values, keys drawn with replacement; then each key is asked for its last.

    x (B, PAIRS + KEYS, KEYS + VALUES), values (B, KEYS); -100 for keys that have none.
    """
    keys = torch.randint(KEYS, (batch, PAIRS), generator=noise)
    values = torch.randint(VALUES, (batch, PAIRS), generator=noise)
    told = torch.cat([F.one_hot(keys, KEYS), F.one_hot(values, VALUES)], dim=2)
    asks = torch.cat([torch.eye(KEYS), torch.zeros(KEYS, VALUES)], dim=1).expand(batch, -1, -1)
    last = torch.full((batch, KEYS), -100)
    for t in range(PAIRS):
        last[torch.arange(batch), keys[:, t]] = values[:, t]
    return torch.cat([told, asks], dim=1), last


def recalled(memory: Callable[[], Streaming], steps: int) -> float:
    """The share of right answers on keys that have been rewritten, after so many steps of Adam."""
    torch.manual_seed(0)
    noise = torch.Generator().manual_seed(0)
    net = Sequential(told=Linear(KEYS + VALUES, 16), memory=memory(), answer=Linear(16, VALUES))
    adam = torch.optim.Adam(net.parameters(), lr=1e-2)
    for _ in range(steps):
        x, values = rewritten(32, noise)
        loss = F.cross_entropy(net(x)[:, PAIRS:].flatten(0, 1), values.flatten())
        adam.zero_grad()
        loss.backward()
        adam.step()
    x, values = rewritten(300, noise)
    with torch.no_grad():
        right = net(x)[:, PAIRS:].argmax(-1) == values
    return float(right[values >= 0].double().mean())


def test_dpfp_is_its_formula() -> None:
    """phi_{2K(i-1)+j} = r_j r_{j+i}, r = relu([k, -k]), indices from 0 and around the end."""
    k, nu = frames()[0, 0], 3
    r = torch.relu(torch.cat([k, -k]))
    want = [r[j] * r[(j + i) % 16] for i in range(1, nu + 1) for j in range(16)]
    torch.testing.assert_close(dpfp(k, nu), torch.stack(want))


@pytest.mark.parametrize("features", ["dpfp", "elu", "softmax"])
@pytest.mark.parametrize("additive", [False, True])
def test_a_delta_net_is_its_formula(features: str, additive: bool) -> None:
    unit, x, ys = DeltaNet(C, 2, features=features, nu=2, additive=additive).double(), frames(), []
    feature: Any = {"dpfp": lambda k: dpfp(k, 2), "elu": lambda k: F.elu(k) + 1}
    feature = feature.get(features, lambda k: k.softmax(-1))
    w_q, w_k, w_v, w_b = unit.input.linear.weight.split([C, C, C, 2])
    memory: Any = [0.0, 0.0]
    for now in x.unbind(1):
        heard = []
        for head in range(2):
            rows = slice(4 * head, 4 * head + 4)
            q, k = (feature(now @ w[rows].T) for w in (w_q, w_k))
            q, k = (each / (each.sum(-1, keepdim=True) + 1e-5) for each in (q, k))
            new = now @ w_v[rows].T
            beta = torch.sigmoid(now @ w_b[head])[:, None]
            old = 0.0 if additive else (memory[head] * k[:, None]).sum(-1)
            memory[head] = memory[head] + (beta * (new - old))[:, :, None] * k[:, None]
            heard.append((memory[head] * q[:, None]).sum(-1))
        ys.append(torch.cat(heard, dim=1) @ unit.output.linear.weight.T)
    agrees(unit, x, torch.stack(ys, dim=1))


def test_the_delta_rule_recalls_rewritten_keys_and_the_additive_rule_does_not() -> None:
    """The paper's second synthetic task: what was bound to a key before has to be unlearned."""
    assert recalled(lambda: DeltaNet(16, 1), 120) > 0.9
    assert recalled(lambda: DeltaNet(16, 1, additive=True), 120) < 0.7


LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "decode": lambda s, k, v: 0.5 * (v - k @ s).square().sum(),
    "encode": lambda s, k, v: 0.5 * (k - s @ v).square().sum(),
    "similar": lambda s, k, v: -(k @ s @ v),
}


@pytest.mark.parametrize("objective", LOSSES)
def test_a_lattice_descends_its_objective_on_the_sphere(objective: str) -> None:
    """The gradient is autograd's, of the loss of the slots each divided by its length."""
    unit, x = Lattice(C, 2, 3, objective=objective).double(), frames()
    unit.slots.copy_(F.normalize(unit.slots, dim=-1))  # of length 1 to the last of double's places
    made = unit.input.linear(x)
    q, k, v, rate = made.split([6, 6, C, 2], dim=-1)
    ys = torch.zeros_like(x)
    for row in range(2):
        for head in range(2):
            codes, values = slice(3 * head, 3 * head + 3), slice(4 * head, 4 * head + 4)
            s = unit.slots[head]
            for t in range(T):
                now = F.normalize(k[row, t, codes], dim=0), v[row, t, values]
                free = s.clone().requires_grad_()
                loss = LOSSES[objective](F.normalize(free, dim=-1), *now)
                (slope,) = torch.autograd.grad(loss, free, retain_graph=True)
                s = F.normalize(s - rate[row, t, head].sigmoid() * slope, dim=-1)
                ys[row, t, values] = q[row, t, codes] @ s
    agrees(unit, x, unit.output.linear(ys))


def test_a_lattice_takes_in_only_what_is_new() -> None:
    """A value along a slot changes nothing; after any other, slots are still of length 1."""
    unit = Lattice(4, 1, 1, objective="similar")
    with torch.no_grad():
        unit.input.linear.weight.zero_()
        unit.input.linear.weight[2:6] = torch.eye(4)
        unit.input.linear.bias.fill_(1.0)
        unit.input.linear.bias[2:6] = 0.0
    begin = unit.initial_state(1)
    _, same = unit.step(3 * begin.slots[0], begin)
    torch.testing.assert_close(same.slots, begin.slots)
    _, other = unit.step(torch.randn(1, 50, 4), begin)
    assert (other.slots - begin.slots).abs().max() > 0.1
    torch.testing.assert_close(other.slots.norm(dim=-1), torch.ones(1, 1, 1))


def test_a_lattice_of_few_slots_recalls_rewritten_keys() -> None:
    assert recalled(lambda: Lattice(16, 1, 8), 200) > 0.9


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: DeltaNet(8, 3), ShapeError, "3 heads must divide 8 channels"),
    (lambda: DeltaNet(8, 0), ShapeError, "0 heads must divide 8 channels"),
    (lambda: DeltaNet(8, 2, nu=8), ShapeError, "nu 8; need 1 to 7"),
    (lambda: DeltaNet(8, 2, features="dpf"), UnknownName, "did you mean dpfp"),
    (lambda: Lattice(8, 3), ShapeError, "3 heads of 16 slots must divide 8 channels"),
    (lambda: Lattice(8, 2, 0), ShapeError, "and have at least 1 slot"),
    (lambda: Lattice(8, 2, objective="decod"), UnknownName, "did you mean decode"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()
