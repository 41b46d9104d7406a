"""Units whose matrix state is corrected as it is written: formulas, what they recall, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.deltanet import DeltaNet, dpfp
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


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: DeltaNet(8, 3), ShapeError, "3 heads must divide 8 channels"),
    (lambda: DeltaNet(8, 0), ShapeError, "0 heads must divide 8 channels"),
    (lambda: DeltaNet(8, 2, nu=8), ShapeError, "nu 8; need 1 to 7"),
    (lambda: DeltaNet(8, 2, features="dpf"), UnknownName, "did you mean dpfp"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()


ALL: dict[str, Any] = {"deltanet": lambda: DeltaNet(8, 2)}


@pytest.mark.parametrize("name", ALL)
def test_wrong_widths_are_one_line(name: str) -> None:
    with pytest.raises(ShapeError, match=r": x is \(1, 3, 9\); need \(batch, frames, 8\)"):
        ALL[name]()(torch.zeros(1, 3, 9))
