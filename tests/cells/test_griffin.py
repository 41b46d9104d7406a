"""Griffin's blocks compute what the paper writes, and refuse what they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from edgernn.cells.griffin import Griffin, Hawk
from edgernn.cells.mqa import LocalMQA
from edgernn.errors import ContractError, EdgernnError, ShapeError, UnknownName
from edgernn.layers.attention import Window
from edgernn.state import nbytes
from edgernn.testing import check_streaming

C, T = 6, 14


def frames() -> Tensor:
    random = torch.Generator().manual_seed(1)
    return torch.randn(2, T, C, dtype=torch.float64, generator=random)


def seeded(build: Any) -> Any:
    torch.manual_seed(0)
    return build().double()


def test_a_hawk_is_its_formula() -> None:
    cell, x, ys = seeded(lambda: Hawk(C, 5)), frames(), []
    h, conv = torch.zeros(2, 5, dtype=torch.float64), cell.window.conv
    heard = F.conv1d(
        F.pad(cell.input.linear(x).transpose(1, 2), (3, 0)), conv.weight, conv.bias, groups=5
    ).transpose(1, 2)
    for t in range(T):
        r, i = cell.rglru.gates.linear(heard[:, t]).sigmoid().chunk(2, 1)
        a = torch.sigmoid(cell.rglru.decay) ** (8 * r)
        h = a * h + torch.sqrt(1 - a * a) * i * heard[:, t]
        ys.append(cell.output.linear(F.gelu(cell.gate.linear(x[:, t])) * h))
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(("heads", "left"), [(3, 4), (1, 20)])
def test_a_local_mqa_is_attention_by_the_turn_between_frames(heads: int, left: int) -> None:
    cell, x, width = seeded(lambda: LocalMQA(C, heads, left)), frames(), C // heads
    q, k, v = (x @ cell.products.linear.weight.T).split([C, width, width], dim=-1)
    q = torch.complex(*q.reshape(2, T, heads, 2, width // 2).unbind(3))
    k = torch.complex(*k.reshape(2, T, 2, width // 2).unbind(2))
    rates = 10_000.0 ** (-2 * torch.arange(width // 2) / width)
    ys = []
    for t in range(T):
        back = torch.arange(max(0, t - left), t + 1)
        turn = torch.exp(1j * (t - back)[:, None] * rates)
        scores = torch.einsum("bhd,sd,bsd->bhs", q[:, t], turn, k[:, back].conj()).real
        share = (scores / width**0.5).softmax(-1)
        ys.append(cell.output.linear((share @ v[:, back]).reshape(2, C)))
    torch.testing.assert_close(cell(x), torch.stack(ys, dim=1), atol=1e-6, rtol=1e-6)


def test_heads_that_share_keys_are_heads_with_equal_keys() -> None:
    shared, whole = Window(4, 3, 5, 2, key_heads=2), Window(4, 3, 5, 2)
    q, k, v = torch.randn(2, 9, 24).split([12, 6, 6], dim=-1)
    doubled = [p.reshape(2, 9, 2, 1, 3).expand(2, 9, 2, 2, 3).reshape(2, 9, 12) for p in (k, v)]
    torch.testing.assert_close(
        shared(torch.cat([q, k, v], -1)), whole(torch.cat([q, *doubled], -1))
    )


def test_keys_of_one_head_are_a_state_by_as_many_heads_smaller() -> None:
    four, one = (nbytes(LocalMQA(16, heads, 7).initial_state(1)[1]) for heads in (4, 1))
    assert four - 4 * 7 == (one - 4 * 7) / 4  # but for which frames were heard


@pytest.mark.parametrize("mix", ["recurrent", "attention"])
def test_a_griffin_adds_its_mix_and_its_mlp(mix: str) -> None:
    cell, x = seeded(lambda: Griffin(C, mix, heads=3, left=3)), frames()

    def normed(v: Tensor) -> Tensor:
        return v / (v.square().mean(-1, keepdim=True) + 1e-5).sqrt()

    u = x + cell.mix(normed(x))
    inner = F.gelu(cell.gate.linear(normed(u))) * cell.up.linear(normed(u))
    torch.testing.assert_close(cell(x), u + cell.down.linear(inner))


REFUSED: list[tuple[Any, type[EdgernnError], str]] = [
    (lambda: Hawk(8, 0), ShapeError, "Hawk: a width of 0; need at least 1"),
    (lambda: Griffin(8, "atention"), UnknownName, "did you mean attention"),
    (lambda: Griffin(8, expand=0), ShapeError, "Griffin: expand 0; need at least 1"),
    (lambda: LocalMQA(8, 3), ShapeError, "LocalMQA: 3 heads must cut 8 channels into even widths"),
    (lambda: LocalMQA(6, 2), ShapeError, "2 heads must cut 6 channels into even widths"),
    (lambda: Window(4, 2, 3, key_heads=3), ShapeError, "Window: 3 key_heads must divide 4"),
]


@pytest.mark.parametrize(("build", "sort", "line"), REFUSED, ids=[each[2] for each in REFUSED])
def test_what_cannot_be_built_is_refused(build: Any, sort: type[EdgernnError], line: str) -> None:
    with pytest.raises(sort, match=line):
        build()


@pytest.mark.parametrize("build", [Griffin, Hawk, LocalMQA])
def test_wrong_widths_and_weights_that_are_no_numbers_are_one_line(build: Any) -> None:
    unit = build(8)
    with pytest.raises(ShapeError, match=r": x is \(1, 3, 9\); need \(batch, frames, 8\)"):
        unit(torch.zeros(1, 3, 9))
    next(unit.parameters()).data.fill_(float("nan"))
    with pytest.raises(ContractError, match="output frame 0 is not finite"):
        check_streaming(unit, torch.randn(2, 8, 8))
